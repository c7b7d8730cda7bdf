//! What is wrong with an OpenAPI document, and where.

use std::path::PathBuf;

/// Something wrong in a document, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// As the file was found.
    pub(crate) file: PathBuf,
    /// Counted from 1; none where it is not known.
    pub(crate) line: Option<u32>,
    /// A JSON pointer with `#` before it (RFC 6901 section 6); empty for the whole file.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) reason: String,
    /// What to write instead.
    pub(crate) advice: String,
}

/// Why something cannot be used, and what to do about it, before it is known where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) reason: String,
    pub(super) advice: String,
}

impl Wrong {
    pub(super) fn new(reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { reason: reason.into(), advice: advice.into() }
    }
}
