//! What the tests share.

pub(crate) mod document;
pub(crate) mod dom;
pub(crate) mod drive;
pub(crate) mod guide;
