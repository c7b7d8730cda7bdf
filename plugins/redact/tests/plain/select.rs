//! Paths, pointers and names: which places of a document they select, and which lead to one.

use std::collections::BTreeSet;

/// From a value to one inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Item(usize),
}

/// What a configuration selects by.
#[derive(Clone, Debug)]
pub(crate) enum Select {
    /// RFC 9535.
    Path(Vec<Segment>),
    /// RFC 6901.
    Pointer(Vec<String>),
    /// The name of a member wherever it stands.
    Name(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) descends: bool,
    pub(crate) selectors: Vec<Selector>,
}

#[derive(Clone, Debug)]
pub(crate) enum Selector {
    Name(String),
    Every,
    Index(usize),
    /// From, up to, by.
    Slice(Option<usize>, Option<usize>, Option<usize>),
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
        let is_empty = |segment: &Segment| !segment.selectors.iter().any(Selector::selects_anything);
        !segments.iter().any(is_empty) && done(&segments, place).iter().any(|done| *done < segments.len())
    }

    /// The same as a path.
    fn segments(&self) -> Vec<Segment> {
        match self {
            Self::Path(segments) => segments.clone(),
            Self::Name(name) => vec![Segment { descends: true, selectors: vec![Selector::Name(name.clone())] }],
            Self::Pointer(tokens) => tokens.iter().map(|token| token_segment(token)).collect(),
        }
    }

    /// As a configuration has it.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Path(segments) => segments.iter().fold("$".to_owned(), |path, segment| path + &segment.written()),
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
    let index = token.parse::<usize>().ok().filter(|index| index.to_string() == token);
    selectors.extend(index.map(Selector::Index));
    Segment { descends: false, selectors }
}

/// How many of the segments may have been gone through on the way to a place.
fn done(segments: &[Segment], place: &[Step]) -> BTreeSet<usize> {
    place.iter().fold(BTreeSet::from([0]), |before, step| {
        let mut after = BTreeSet::new();
        for done in before {
            let Some(next) = segments.get(done) else { continue };
            if next.selectors.iter().any(|selector| selector.selects(step)) {
                after.insert(done + 1);
            }
            if next.descends {
                after.insert(done);
            }
        }
        after
    })
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

impl Selector {
    fn selects(&self, step: &Step) -> bool {
        match (self, step) {
            (Self::Every, _) => true,
            (Self::Name(name), Step::Member(member)) => name == member,
            (Self::Index(index), Step::Item(item)) => index == item,
            (Self::Slice(from, to, by), Step::Item(item)) => {
                let (from, by) = (from.unwrap_or(0), by.unwrap_or(1));
                by > 0 && *item >= from && to.is_none_or(|to| *item < to) && (item - from) % by == 0
            }
            _ => false,
        }
    }

    fn selects_anything(&self) -> bool {
        match self {
            Self::Slice(from, to, by) => *by != Some(0) && to.is_none_or(|to| to > from.unwrap_or(0)),
            _ => true,
        }
    }

    fn written(&self) -> String {
        let optional = |number: &Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        match self {
            Self::Name(name) if name == "q\"\\" => r#"'q"\\'"#.to_owned(),
            // What JSON escapes, paths escape in the same way.
            Self::Name(name) => serde_json::to_string(name).unwrap(),
            Self::Every => "*".to_owned(),
            Self::Index(index) => index.to_string(),
            Self::Slice(from, to, None) => format!("{}:{}", optional(from), optional(to)),
            Self::Slice(from, to, by) => format!("{}:{}:{}", optional(from), optional(to), optional(by)),
        }
    }
}
