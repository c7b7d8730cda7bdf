//! Paths: which values of a document are meant, whatever the document.
//!
//! The parser is this crate's own: of the crates that show what they have read, `rsonpath-syntax` 0.4 has no functions
//! and refuses 83 valid selectors of the compliance suite, and `jsonpath-rust` 1.0 takes ill-typed functions and brings
//! some thirty crates along.

mod cursor;
mod error;
mod filter;
mod function;
mod items;
mod literal;
mod pointer;
mod query;

pub use error::PathError;
pub(super) use items::{ENDLESS, Items};

/// Which values of a document are meant: a JSONPath, a JSON Pointer or the name of a member.
///
/// Only what can be said of a value when it begins, by the names and indices that lead to it, for a stream does not
/// turn back: everything of RFC 9535 but filters and what counts from the end of an array.
///
/// An array is followed up to 2³² - 1 items. What comes after is taken for one item, which a path selects when it
/// selects any of them, in whatever steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub(super) segments: Box<[Segment]>,
}

/// A step of a path (RFC 9535 section 2.5), to the children that any of its selectors selects; to none where it has no
/// selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Whether it applies to all that is inside, too (`..`).
    pub(super) descends: bool,
    pub(super) selectors: Vec<Selector>,
}

/// Which children are selected (RFC 9535 section 2.3), of those that a stream can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selector {
    Every,
    Member(Box<str>),
    Items(Items),
}

impl Path {
    /// The path that a JSONPath writes (RFC 9535).
    ///
    /// # Errors
    ///
    /// Where `text` is not a JSONPath, or asks for something that a stream cannot tell.
    pub fn json_path(text: &str) -> Result<Self, PathError> {
        query::parse(text).map(Self::of)
    }

    /// The path that a JSON Pointer writes (RFC 6901), as a string: not as a fragment of a URI.
    ///
    /// A token that is an index stands for the member of that name and for the item, as the document will have it.
    ///
    /// # Errors
    ///
    /// Where `text` is not a JSON Pointer.
    pub fn pointer(text: &str) -> Result<Self, PathError> {
        pointer::parse(text).map(Self::of)
    }

    /// The members of this name, wherever they are: `$..name`.
    pub fn field(name: &str) -> Self {
        Self::of(vec![Segment { descends: true, selectors: vec![Selector::Member(name.into())] }])
    }

    fn of(segments: Vec<Segment>) -> Self {
        Self { segments: segments.into() }
    }
}
