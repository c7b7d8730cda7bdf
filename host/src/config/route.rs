//! Owns `[[route]]` of an api.toml: what a route matches and where its requests go.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;

use crate::route::{HeaderCondition, HostPattern, Match, PathPattern, QueryCondition, Scheme};

use super::backend::{Backend, Kinds, Known};
use super::chain::{ChainEntry, Link, ResponderLink};
use super::condition::{HeaderConditions, QueryConditions};
use super::fault::{Faults, Place};
use super::kinds::{Filled, Kind, List, Placed, Spelled, Spelling, Text, Time, is_name, read_text};
use super::reader::Node;
use super::redirect::RawRedirect;
use super::respond::RawRespond;
use super::rewrite::{RawRewrite, Rewrite};
use super::section::section;
use super::split::{Arm, RawSplit};

/// One operation of an API.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Unique in its API.
    pub name: String,
    pub matching: RouteMatch,
    pub chain: Vec<ChainEntry>,
    pub backend: Backend,
    /// None where the upstream is asked for what the client asked for.
    pub rewrite: Option<Rewrite>,
    /// From the end of the request's head to the end of the response.
    pub timeout: Duration,
    /// Protocols that may follow, in small letters.
    pub upgrades: Vec<Box<str>>,
    pub place: Place,
}

/// What a request must look like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RouteMatch {
    pub path: PathPattern,
    /// None for any.
    pub scheme: Option<Scheme>,
    /// Empty for any.
    pub methods: Vec<Method>,
    /// Empty for those of the API.
    pub hosts: Vec<HostPattern>,
    pub headers: Vec<HeaderCondition>,
    pub query: Vec<QueryCondition>,
}

impl RouteMatch {
    /// The same for the router; `hosts` are those of the API.
    pub(crate) fn within(&self, hosts: &[HostPattern]) -> Match {
        let own = if self.hosts.is_empty() { hosts } else { &self.hosts };
        Match {
            hosts: own.to_vec(),
            path: self.path.clone(),
            scheme: self.scheme,
            methods: self.methods.clone(),
            headers: self.headers.clone(),
            query: self.query.clone(),
        }
    }
}

impl Route {
    /// The upstreams of its split, if it has one.
    pub(crate) fn arms(&self) -> &[Arm] {
        match &self.backend {
            Backend::Split(split) => &split.arms,
            _ => &[],
        }
    }
}

section! {
    /// One operation of an API.
    pub(super) struct RawRoute = "[[route]]" {
        /// Unique in the API; letters, digits, `_`, `.` and `-`.
        required name: Placed<RouteName>,
        /// What a request must look like.
        required matching "match": RawMatch,
        /// Policies for this route, after those of the gateway and of the API.
        repeated chain: List<Link>,
        /// Name of an `[upstream.NAME]` of this file.
        optional upstream: Placed<Text>,
        /// Several of them, each with its share.
        optional split: RawSplit,
        /// A policy that makes the response itself.
        optional responder: ResponderLink,
        /// Sends the client elsewhere.
        optional redirect: RawRedirect,
        /// An answer that is always the same.
        optional respond: RawRespond,
        /// What the upstream is asked for, if not for what the client asked for; with `upstream` or `split`.
        optional rewrite: RawRewrite,
        /// Longest time for the whole exchange.
        default timeout: Time<1, 86_400_000> = Duration::from_secs(60),
        /// Protocols to which clients may upgrade a connection, with `upstream` or `split`; policies see the request
        /// and its answer, and nothing of what follows.
        repeated upgrades: Filled<List<UpgradeName>>,
    }
    exactly one of "upstream", "split", "responder", "redirect", "respond";
}

section! {
    /// What a request must look like.
    pub(super) struct RawMatch = "match" {
        /// Literal segments, `{name}` for one segment, `{*name}` at the end for the rest.
        required path: Spelling<PathPattern>,
        /// How the client is connected, which proxies named in `[forwarding] trusted` may say; when absent, either way.
        optional scheme: Spelling<Scheme>,
        /// When absent, any.
        repeated methods: Filled<List<MethodName>>,
        /// Exact names or `*.suffix`; when absent, those of the API.
        repeated hosts: Filled<List<Spelling<HostPattern>>>,
        /// Header fields: the value a field must have, standing once, or `true` for any.
        repeated headers: Filled<HeaderConditions>,
        /// Parameters of the query, likewise. Names and values are compared decoded, `+` being a space.
        repeated query: Filled<QueryConditions>,
    }
}

impl RawRoute {
    pub(super) fn resolve(self, known: Known<'_>, faults: &mut Faults) -> Option<Route> {
        known.policies.check_chain(&self.chain, faults);
        let pattern = self.matching.as_ref().and_then(|matching| matching.path.as_ref());
        let has_rewrite = self.rewrite.as_ref().map(|rewrite| rewrite.place.clone());
        let rewrite = self.rewrite.map(|rewrite| rewrite.resolve(pattern, faults));
        let redirects_to = self.redirect.as_ref().and_then(|redirect| redirect.to.as_ref()).map(|to| to.place.clone());
        let kinds = Kinds {
            upstream: self.upstream,
            split: self.split,
            responder: self.responder,
            redirect: self.redirect,
            respond: self.respond,
        };
        let backend = kinds.resolve(pattern, known, faults)?;
        let has_upgrades = (!self.upgrades.is_empty()).then(|| self.place.below("upgrades"));
        for place in [has_rewrite, has_upgrades].into_iter().flatten().filter(|_| !backend.is_upstream()) {
            faults.push(place.fault("has no meaning where no upstream is asked", "remove it"));
        }
        let matching = self.matching?.resolve()?;
        if let (Backend::Redirect(redirect), Some(place)) = (&backend, redirects_to)
            && redirect.is_endless(&matching.path, &matching.methods, !matching.query.is_empty())
        {
            faults.push(place.fault("leads back to this route, without end", "name another path, or a host"));
        }
        Some(Route {
            name: self.name?.value,
            matching,
            chain: self.chain,
            backend,
            rewrite,
            timeout: self.timeout,
            upgrades: self.upgrades,
            place: self.place,
        })
    }
}

impl RawMatch {
    pub(super) fn resolve(self) -> Option<RouteMatch> {
        let Self { path, scheme, methods, hosts, headers, query, .. } = self;
        Some(RouteMatch { path: path?, scheme, methods, hosts, headers, query })
    }
}

/// Complain about names that several routes of one API have.
pub(super) fn check_unique(routes: &[RawRoute], faults: &mut Faults) {
    let mut first: BTreeMap<&str, Option<u32>> = BTreeMap::new();
    for route in routes {
        let Some(name) = &route.name else { continue };
        match first.get(name.value.as_str()) {
            None => {
                first.insert(&name.value, name.place.line);
            }
            Some(line) => {
                let line = line.unwrap_or_default();
                let reason = format!("is the name of the route in line {line} too");
                faults.push(name.place.fault(reason, "give each route its own name"));
            }
        }
    }
}

impl Spelled for PathPattern {
    const SPELLING: &'static str = "a path like \"/pets/{id}\" or \"/files/{*path}\"";
}

impl Spelled for Scheme {
    const SPELLING: &'static str = "\"http\" or \"https\"";
}

impl Spelled for HostPattern {
    const SPELLING: &'static str = "a host name or \"*.suffix\"";
}

/// The name of a route.
pub(super) struct RouteName;

impl Kind for RouteName {
    type Out = String;

    fn describe() -> String {
        "a name of letters, digits, `_`, `.` and `-`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
        read_text(node, &Self::describe(), faults, |text| is_name(text, b"_.-").then(|| text.to_owned()))
    }
}

/// A protocol to upgrade to. HTTP is none: it has its own ways of being agreed on.
pub(super) struct UpgradeName;

impl Kind for UpgradeName {
    type Out = Box<str>;

    fn describe() -> String {
        "a protocol in small letters, \"websocket\"".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Box<str>> {
        let is_small = |text: &&str| is_name(text, b"_./-") && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let is_http =
            |text: &str| text == "h2c" || text == "h2" || text.starts_with("http") || text.starts_with("tls/");
        read_text(node, &Self::describe(), faults, |text| {
            Some(text).filter(is_small).filter(|text| !is_http(text)).map(Into::into)
        })
    }
}

/// A method; they are case-sensitive (RFC 9110 section 9.1), and no registered one has small letters.
pub(super) struct MethodName;

impl Kind for MethodName {
    type Out = Method;

    fn describe() -> String {
        "a method in capitals, \"GET\"".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Method> {
        let is_capital = |text: &&str| !text.bytes().any(|byte| byte.is_ascii_lowercase());
        read_text(node, &Self::describe(), faults, |text| Some(text).filter(is_capital)?.parse().ok())
    }
}
