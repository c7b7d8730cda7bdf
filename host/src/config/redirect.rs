//! Owns `redirect` of a route: where the client is sent, and how.

use http::{Method, StatusCode};

use super::fault::Faults;
use super::kinds::{Kind, Placed, Shown, Spelling};
use super::reader::Node;
use super::section::section;
use super::template::{QueryUse, check_params};
use crate::route::{Location, PathPattern};

/// An answer that sends the client elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Redirect {
    pub location: Location,
    pub status: StatusCode,
    pub query: QueryUse,
}

section! {
    /// An answer that sends the client elsewhere. The request hooks of the chain come before it, the response hooks
    /// after it.
    pub(super) struct RawRedirect = "redirect" {
        /// Where to. Parameters of `match.path` may stand in path and query, written as they are there. A path stays
        /// one of the same host, whatever a parameter holds.
        required to: Placed<Spelling<Location>>,
        /// `307` and `308` keep method and body, `303` makes a GET of them. `301` and `308` are remembered by clients,
        /// so that a mistake in them cannot be taken back.
        default status: RedirectStatus = StatusCode::TEMPORARY_REDIRECT,
        /// What becomes of the query of the request: `keep` puts it behind that of `to`.
        default query: Spelling<QueryUse> = QueryUse::Keep,
    }
}

impl RawRedirect {
    /// `pattern` is what the route matches, if that is known.
    pub(super) fn resolve(self, pattern: Option<&PathPattern>, faults: &mut Faults) -> Option<Redirect> {
        let to = self.to?;
        if let Some(pattern) = pattern {
            check_params(to.value.foreign(pattern), pattern, &to.place, faults);
        }
        Some(Redirect { location: to.value, status: self.status, query: self.query })
    }
}

impl Redirect {
    /// Whether clients that follow it come back with the same request, given what a route matches.
    pub(super) fn is_endless(&self, path: &PathPattern, methods: &[Method], by_query: bool) -> bool {
        // Whoever asks for the same path with GET, or without a query that was asked for, takes another route.
        let becomes_get = !matches!(self.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let by_method = becomes_get && !methods.is_empty() && !methods.contains(&Method::GET);
        let loses_query = by_query && self.query == QueryUse::Drop;
        self.location.to_string() == path.as_str() && !by_method && !loses_query
    }
}

/// A status that says where else to ask (RFC 9110 section 15.4).
pub(super) struct RedirectStatus;

impl Kind for RedirectStatus {
    type Out = StatusCode;

    fn describe() -> String {
        "301, 302, 303, 307 or 308".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<StatusCode> {
        let Some(number) = node.as_integer() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let known = u16::try_from(number).ok().filter(|number| matches!(number, 301 | 302 | 303 | 307 | 308));
        if known.is_none() {
            faults.push(node.place.fault(format!("is {number}"), format!("write {}", Self::describe())));
        }
        known.and_then(|number| StatusCode::from_u16(number).ok())
    }
}

impl Shown for RedirectStatus {
    fn show(value: &StatusCode) -> String {
        value.as_str().to_owned()
    }
}
