//! Paths, pointers and names: which places of a document they select, and which lead to one.

use crate::path::{Query, Segment, Selector, Step, written};
use std::collections::BTreeSet;

/// What a configuration selects by.
#[derive(Clone, Debug)]
pub(crate) enum Select {
    /// RFC 9535.
    Path(Query),
    /// RFC 6901.
    Pointer(Vec<String>),
    /// The name of a member wherever it stands.
    Name(String),
}

impl Select {
    /// Whether a place is selected.
    pub(crate) fn selects(&self, place: &[Step]) -> bool {
        let segments = self.segments();
        done(&segments, place).contains(&segments.len())
    }

    /// Whether a place inside of this one could be.
    pub(crate) fn leads_on(&self, place: &[Step]) -> bool {
        let segments = self.segments();
        let is_empty = |segment: &Segment| segment.selectors.iter().all(Selector::is_empty);
        !segments.iter().any(is_empty) && done(&segments, place).iter().any(|done| *done < segments.len())
    }

    /// The same as a path.
    fn segments(&self) -> Query {
        match self {
            Self::Path(segments) => segments.clone(),
            Self::Name(name) => vec![Segment { descends: true, selectors: vec![Selector::Name(name.clone())] }],
            Self::Pointer(tokens) => tokens.iter().map(|token| token_segment(token)).collect(),
        }
    }

    /// As a configuration has it.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Path(segments) => written(segments),
            Self::Pointer(tokens) => {
                let token = |token: &String| format!("/{}", token.replace('~', "~0").replace('/', "~1"));
                tokens.iter().map(token).collect()
            }
            Self::Name(name) => name.clone(),
        }
    }
}

/// A token of a pointer is the name of a member, or the index of an item where it is written as one.
fn token_segment(token: &str) -> Segment {
    let mut selectors = vec![Selector::Name(token.to_owned())];
    let index = token.parse::<i64>().ok().filter(|index| *index >= 0 && index.to_string() == token);
    selectors.extend(index.map(Selector::Index));
    Segment { descends: false, selectors }
}

/// How many of the segments may have been gone through on the way to a place.
fn done(segments: &[Segment], place: &[Step]) -> BTreeSet<usize> {
    place.iter().fold(BTreeSet::from([0]), |before, step| {
        // Nothing here counts from the end, so what comes behind an item does not matter.
        let length = if let Step::Item(item) = step { item + 1 } else { 0 };
        let mut after = BTreeSet::new();
        for done in before {
            let Some(next) = segments.get(done) else { continue };
            if next.selectors.iter().any(|selector| selector.selects(step, length)) {
                after.insert(done + 1);
            }
            if next.descends {
                after.insert(done);
            }
        }
        after
    })
}
