//! Paths as RFC 9535 words them, taken apart by nobody but the tests of this crate and of those that use it.
#![allow(dead_code, reason = "each test uses what it needs")]
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

use std::collections::BTreeSet;

/// From a value to one inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Member(String),
    Item(usize),
}

/// A path.
pub(crate) type Query = Vec<Segment>;

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) descends: bool,
    pub(crate) selectors: Vec<Selector>,
}

#[derive(Clone, Debug)]
pub(crate) enum Selector {
    Name(String),
    Every,
    Index(i64),
    /// From, up to, by.
    Slice(Option<i64>, Option<i64>, Option<i64>),
}

impl Selector {
    /// Whether it selects a child of a value that has so many items.
    pub(crate) fn selects(&self, step: &Step, length: usize) -> bool {
        match (self, step) {
            (Self::Every, _) => true,
            (Self::Name(name), Step::Member(member)) => name == member,
            (Self::Index(index), Step::Item(item)) => {
                let index = if *index < 0 { i64::try_from(length).unwrap() + index } else { *index };
                index == i64::try_from(*item).unwrap()
            }
            (Self::Slice(start, end, step), Step::Item(item)) => sliced(*start, *end, *step, length).contains(item),
            _ => false,
        }
    }

    /// Whether it selects nothing, however long an array is.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            // Longer than any bound of the tests.
            Self::Slice(start, end, step) => sliced(*start, *end, *step, 50).is_empty(),
            _ => false,
        }
    }

    fn written(&self) -> String {
        let optional = |number: &Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        match self {
            Self::Name(name) if name == "q\"\\" => r#"'q"\\'"#.to_owned(),
            // What JSON escapes, paths escape in the same way.
            Self::Name(name) => serde_json::to_string(name).unwrap(),
            Self::Every => "*".to_owned(),
            Self::Index(index) => index.to_string(),
            Self::Slice(start, end, None) => format!("{}:{}", optional(start), optional(end)),
            Self::Slice(start, end, step) => format!("{}:{}:{}", optional(start), optional(end), optional(step)),
        }
    }
}

/// The indices that a slice selects of an array of this length (RFC 9535 section 2.3.4.2.2).
pub(crate) fn sliced(start: Option<i64>, end: Option<i64>, step: Option<i64>, length: usize) -> BTreeSet<usize> {
    let length = i64::try_from(length).unwrap();
    let step = step.unwrap_or(1);
    let normalised = |index: i64| if index >= 0 { index } else { length + index };
    let start = normalised(start.unwrap_or(if step >= 0 { 0 } else { length - 1 }));
    let end = end.map_or(if step >= 0 { length } else { -1 }, normalised);
    let mut chosen = BTreeSet::new();
    if step > 0 {
        let (lower, upper) = (start.clamp(0, length), end.clamp(0, length));
        let mut index = lower;
        while index < upper {
            chosen.insert(usize::try_from(index).unwrap());
            index = index.saturating_add(step);
        }
    } else if step < 0 {
        let (upper, lower) = (start.clamp(-1, length - 1), end.clamp(-1, length - 1));
        let mut index = upper;
        while lower < index {
            chosen.insert(usize::try_from(index).unwrap());
            index = index.saturating_add(step);
        }
    }
    chosen
}

/// The path as text.
pub(crate) fn written(query: &[Segment]) -> String {
    query.iter().fold("$".to_owned(), |path, segment| path + &segment.written())
}

impl Segment {
    fn written(&self) -> String {
        let is_word = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        match (self.selectors.as_slice(), self.descends) {
            ([Selector::Name(name)], false) if is_word(name) => format!(".{name}"),
            ([Selector::Name(name)], true) if is_word(name) => format!("..{name}"),
            ([Selector::Every], false) => ".*".to_owned(),
            ([Selector::Every], true) => "..*".to_owned(),
            (all, descends) => {
                let all: Vec<_> = all.iter().map(Selector::written).collect();
                format!("{}[{}]", if descends { ".." } else { "" }, all.join(", "))
            }
        }
    }
}
