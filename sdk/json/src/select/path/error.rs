//! Why a text is not a path that a stream can follow.

use std::error::Error;
use std::fmt;

/// Why a text is not a path that a stream can follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It is not a path at all.
    Invalid {
        /// The byte of the text where it fails.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// It is a path, but what it selects is known only when the document has passed.
    NotStreamable {
        /// The byte of the text where the first such selector begins.
        at: usize,
        /// Why, and what to write instead.
        reason: &'static str,
    },
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { at, reason } => write!(f, "not a path, at byte {at}: {reason}"),
            Self::NotStreamable { at, reason } => write!(f, "not a path for a stream, at byte {at}: {reason}"),
        }
    }
}

impl Error for PathError {}
