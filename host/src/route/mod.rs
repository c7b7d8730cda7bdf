//! Finding the one route for a request: by host, path, conditions on scheme, header fields and query, and method.
//!
//! All routes that match a request are candidates, and the greatest [`Rank`] wins:
//!
//! 1. a host named exactly, then `*.` with the longer suffix, then any host;
//! 2. segment by segment: literal, parameter, end of the pattern, open end;
//! 3. more conditions on scheme, header fields and query, then more of them that want a value;
//! 4. a method that is named, then GET standing in for HEAD, then any method.
//!
//! A more specific route that does not match in everything stands aside for a less specific one that does: with
//! `/pets/mine` for GET only and `/pets/{id}` for any method, `DELETE /pets/mine` goes to `/pets/{id}`; and a host of
//! its own that has no route for a path leaves it to the routes for any host. Two routes that tie for some request are
//! a conflict and refused when the router is built, so there is always one winner.
//!
//! Routes whose host, path and conditions match, but whose methods do not, make the answer 405 if no other route
//! matches at all; everything else is 404.
//!
//! Looking up allocates nothing (except for 405), and its cost depends on the length of the path, not on the number of
//! routes: only routes of the same host and the same path shape are compared one by one. Where patterns with parameters
//! overlap with literals, both branches may have to be tried.

mod condition;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod host;
mod location;
#[cfg(any(test, feature = "fuzz"))]
mod model;
mod params;
mod pattern;
mod rank;
mod rule;
mod table;
mod template;
mod trie;

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue, Method};

pub(crate) use condition::{Condition, HeaderCondition, QueryCondition, Scheme, Wanted};
pub(crate) use host::HostPattern;
pub(crate) use location::Location;
pub(crate) use params::Params;
pub(crate) use pattern::PathPattern;
pub(crate) use rank::Rank;
pub(crate) use rule::Match;
use table::Table;
pub(crate) use template::Template;
use trie::Slot;

/// Routes, arranged for looking up.
#[derive(Debug)]
pub(crate) struct Router<T> {
    routes: Vec<(Match, T)>,
    table: Table,
}

/// Two routes, by their places in the list, that would tie for some request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conflict {
    pub first: usize,
    pub second: usize,
}

/// What a request shows to the router.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup<'q, 'p> {
    /// As in [`crate::exchange::authority::Host`].
    pub host: &'q str,
    /// As in [`crate::exchange::path::Target::path`].
    pub path: &'p str,
    /// As in [`crate::exchange::path::Target::query`].
    pub query: Option<&'q str>,
    pub scheme: Scheme,
    pub method: &'q Method,
    pub headers: &'q HeaderMap,
}

/// What the router knows about a request.
#[derive(Debug)]
pub(crate) enum Found<'a, T> {
    Route {
        value: &'a T,
        params: Params<'a>,
    },
    /// There are routes, but for other methods.
    MethodNotAllowed {
        /// For the Allow field.
        allow: HeaderValue,
    },
    Nothing,
}

/// One line of the routing table: a route under one of its hosts.
#[derive(Debug)]
pub(crate) struct Row<'a, T> {
    /// `None` for any host.
    pub host: Option<&'a HostPattern>,
    pub matching: &'a Match,
    pub value: &'a T,
}

impl<T> Router<T> {
    /// Arrange routes; fails with every route that ties with an earlier one, once per host.
    #[cfg(test)]
    pub(crate) fn build(routes: Vec<(Match, T)>) -> Result<Self, Vec<Conflict>> {
        Self::with_yielding(0, routes)
    }

    /// Arrange routes, of which so many at the beginning yield to those they tie with; fails with every other route
    /// that ties with an earlier one, once per host.
    pub(crate) fn with_yielding(yielding: usize, routes: Vec<(Match, T)>) -> Result<Self, Vec<Conflict>> {
        let mut table = Table::default();
        let mut conflicts = BTreeSet::new();
        for (second, (matching, _)) in routes.iter().enumerate() {
            for host in matching.host_choices() {
                let slot = table.slot(host, &matching.path);
                let tie = slot.iter().find(|&&first| {
                    let other = routes.get(first).filter(|_| first != second && first >= yielding);
                    other.is_some_and(|(other, _)| matching.ties_with(other))
                });
                conflicts.extend(tie.map(|&first| Conflict { first, second }));
                // A host named twice in one route leads here twice.
                if slot.last() != Some(&second) {
                    slot.push(second);
                }
            }
        }
        if conflicts.is_empty() { Ok(Self { routes, table }) } else { Err(conflicts.into_iter().collect()) }
    }

    /// The route for a request.
    pub(crate) fn find<'a>(&'a self, lookup: Lookup<'_, 'a>) -> Found<'a, T> {
        let mut best = |slot: &'a Slot| self.best(slot, &lookup);
        match self.table.walk(lookup.host, lookup.path, &mut best) {
            Some((matching, value)) => Found::Route { value, params: Params::new(&matching.path, lookup.path) },
            None => self.refuse(&lookup),
        }
    }

    /// All routes in the order of their priority, for people.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Row<'_, T>> {
        let mut rows: Vec<_> = self
            .routes
            .iter()
            .flat_map(|(matching, value)| {
                let hosts = matching.host_choices();
                hosts.map(move |host| Row { host, matching, value })
            })
            .collect();
        rows.sort_by(|one, other| other.rank().cmp(&one.rank()));
        rows.into_iter()
    }

    /// The winner among routes of the same host and path shape; of those that tie the last, so that what yields comes
    /// before.
    fn best(&self, slot: &Slot, lookup: &Lookup<'_, '_>) -> Option<&(Match, T)> {
        let matching = slot.iter().filter_map(|&index| {
            let route = self.routes.get(index)?;
            let fit = route.0.fit(lookup.method)?;
            let holds = route.0.conditions_hold(lookup.scheme, lookup.headers, lookup.query);
            holds.then_some(((route.0.strictness(), fit), route))
        });
        matching.max_by_key(|(rank, _)| *rank).map(|(_, route)| route)
    }

    /// No route takes the request: was it for its method?
    #[cold]
    fn refuse<'a>(&'a self, lookup: &Lookup<'_, 'a>) -> Found<'a, T> {
        let mut allowed = BTreeSet::new();
        self.table.walk::<()>(lookup.host, lookup.path, &mut |slot| {
            for (matching, _) in slot.iter().filter_map(|&index| self.routes.get(index)) {
                if matching.conditions_hold(lookup.scheme, lookup.headers, lookup.query) {
                    allowed.extend(matching.methods.iter().map(Method::as_str));
                }
            }
            None
        });
        if allowed.contains(Method::GET.as_str()) {
            allowed.insert(Method::HEAD.as_str());
        }
        let names = Vec::from_iter(allowed).join(", ");
        match HeaderValue::try_from(names) {
            Ok(allow) if !allow.is_empty() => Found::MethodNotAllowed { allow },
            _ => Found::Nothing,
        }
    }
}

impl<T> Router<Option<T>> {
    /// The same routes, if none lacks its value.
    pub(crate) fn complete(self) -> Option<Router<T>> {
        let routes = self.routes.into_iter().map(|(matching, value)| Some((matching, value?)));
        Some(Router { routes: routes.collect::<Option<_>>()?, table: self.table })
    }
}

impl<'a, T> Row<'a, T> {
    /// What decides between this route and others that match the same request.
    pub(crate) fn rank(&self) -> Rank<'a> {
        Rank::of(self.host, self.matching)
    }
}

#[cfg(test)]
mod tests;
