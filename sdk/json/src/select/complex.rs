//! Why a selection is not built.

use std::error::Error;
use std::fmt;

/// A selection would be too large, or would take too long to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooComplex {
    /// The document kind for which it became so, as `Entry::index` has it; none where it is all of them together.
    pub entry: Option<usize>,
    /// What there is too much of.
    pub limit: Limit,
}

/// What a selection can have too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Different places to be in, for what has been said of the document.
    States,
    /// Work for its size: what comes of wildcards behind `..`, which each double what must be kept apart.
    Work,
    /// Different names of members.
    Names,
    /// Slices with steps that meet in one array.
    Steps,
}

impl fmt::Display for TooComplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.limit {
            Limit::States => "too many places to tell apart: select with fewer or shorter paths, or a whole object",
            Limit::Work => "too many ways to read a document: write names instead of wildcards and slices behind `..`",
            Limit::Names => "more than 65535 different names of members",
            Limit::Steps => "more than 6 slices with different steps select from one array: select all its items",
        })
    }
}

impl Error for TooComplex {}
