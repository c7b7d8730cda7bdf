//! JSON as it passes: read and rewritten piece by piece, with what is selected in it by paths.

pub mod rewrite;
pub mod select;
