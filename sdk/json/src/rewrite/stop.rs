//! Why a document does not go on.

use super::Limit;
use std::fmt;

/// Why a document does not go on. What was sent of it before is what it would have been in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is not JSON (RFC 8259) in UTF-8, or not framed as it should be.
    Malformed {
        /// Where, in bytes from the beginning of the body.
        offset: u64,
    },
    /// It ends too early.
    Incomplete,
    /// It is beyond a limit.
    Beyond(Limit),
    /// The guide says so.
    Blocked,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { offset } => write!(f, "malformed JSON at byte {offset}"),
            Self::Incomplete => f.write_str("incomplete JSON"),
            Self::Beyond(Limit::Depth) => f.write_str("JSON nested too deeply"),
            Self::Beyond(Limit::Name) => f.write_str("a member name that is too long"),
            Self::Blocked => f.write_str("a value that may not pass"),
        }
    }
}

impl std::error::Error for Stop {}
