//! The one order of priority between routes.

use std::cmp::Reverse;

use super::condition::Strictness;
use super::host::{HostPattern, Kind};
use super::pattern::Segment;
use super::rule::{Match, MethodFit};

/// How specific a route is; of all routes that match a request the greatest wins.
///
/// Fields and variants stand in the order in which they decide. Texts never decide between routes that match the same
/// request; they make the order total and a printed table easy to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank<'a> {
    host: HostRank<'a>,
    path: Vec<Piece<'a>>,
    conditions: Strictness,
    method: MethodFit,
}

/// How a host was matched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank<'a> {
    Any,
    Below(usize, Reverse<&'a str>),
    Exact(Reverse<&'a str>),
}

/// How a segment was matched, or that there was none left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Rest,
    End,
    Param,
    Literal(Reverse<&'a str>),
}

impl<'a> Rank<'a> {
    /// The rank of a route under one of its hosts, for requests whose method it names.
    pub(super) fn of(host: Option<&'a HostPattern>, matching: &'a Match) -> Self {
        let host = match host.map(HostPattern::kind) {
            None => HostRank::Any,
            Some(Kind::Below(suffix)) => HostRank::Below(suffix.len(), Reverse(suffix)),
            Some(Kind::Exact(name)) => HostRank::Exact(Reverse(name)),
        };
        let segments = matching.path.segments();
        let open = matches!(segments.last(), Some(Segment::Rest(_)));
        let path = segments.iter().map(Piece::of).chain((!open).then_some(Piece::End)).collect();
        let method = if matching.methods.is_empty() { MethodFit::Any } else { MethodFit::Named };
        Self { host, path, conditions: matching.strictness(), method }
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn with_fit(self, method: MethodFit) -> Self {
        Self { method, ..self }
    }
}

impl<'a> Piece<'a> {
    fn of(segment: &'a Segment) -> Self {
        match segment {
            Segment::Literal(text) => Self::Literal(Reverse(text)),
            Segment::Param(_) => Self::Param,
            Segment::Rest(_) => Self::Rest,
        }
    }
}
