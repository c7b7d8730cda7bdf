//! What a request must be like to take a route, one condition at a time.

use http::{HeaderMap, Method};

use super::condition::{HeaderCondition, QueryCondition, Scheme, Strictness};
use super::host::HostPattern;
use super::pattern::PathPattern;

/// The conditions of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// One of them must cover the host; none means any host.
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    /// None means any.
    pub scheme: Option<Scheme>,
    /// One of them must be the method; none means any. GET serves HEAD too.
    pub methods: Vec<Method>,
    /// All of them must hold. A name asked for with two values can never match.
    pub headers: Vec<HeaderCondition>,
    /// As for header fields.
    pub query: Vec<QueryCondition>,
}

/// How a method was matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MethodFit {
    Any,
    GetForHead,
    Named,
}

impl Match {
    /// The hosts, or `None` for any host.
    pub(super) fn host_choices(&self) -> impl Iterator<Item = Option<&HostPattern>> {
        let any = self.hosts.is_empty().then_some(None);
        self.hosts.iter().map(Some).chain(any)
    }

    /// How well the method fits, if it does.
    pub(super) fn fit(&self, method: &Method) -> Option<MethodFit> {
        if self.methods.is_empty() {
            Some(MethodFit::Any)
        } else if self.methods.contains(method) {
            Some(MethodFit::Named)
        } else if method == Method::HEAD && self.methods.contains(&Method::GET) {
            Some(MethodFit::GetForHead)
        } else {
            None
        }
    }

    /// Whether scheme, header fields and query are as they have to be.
    pub(super) fn conditions_hold(&self, scheme: Scheme, headers: &HeaderMap, query: Option<&str>) -> bool {
        self.scheme.is_none_or(|wanted| wanted == scheme)
            && self.headers.iter().all(|condition| condition.holds(headers))
            && self.query.iter().all(|condition| condition.holds(query.unwrap_or_default()))
    }

    /// How much the conditions on scheme, header fields and query ask for.
    pub(super) fn strictness(&self) -> Strictness {
        Strictness::of(&self.headers).and(Strictness::of(&self.query)).and(Strictness::of_scheme(self.scheme))
    }

    /// Whether two routes of the same host and path shape have equal rank for some request that both match.
    pub(super) fn ties_with(&self, other: &Self) -> bool {
        let methods_meet = match (self.methods.is_empty(), other.methods.is_empty()) {
            (true, true) => true,
            (false, false) => self.methods.iter().any(|method| other.methods.contains(method)),
            _ => false,
        };
        methods_meet && self.strictness() == other.strictness() && !self.contradicts(other)
    }

    /// Whether no request can fulfil the conditions of both.
    fn contradicts(&self, other: &Self) -> bool {
        let headers = || self.headers.iter().chain(&other.headers);
        let query = || self.query.iter().chain(&other.query);
        let schemes_differ = self.scheme.zip(other.scheme).is_some_and(|(one, other)| one != other);
        schemes_differ
            || headers().any(|one| headers().any(|other| one.contradicts(other)))
            || query().any(|one| query().any(|other| one.contradicts(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::condition::{Condition, Wanted};
    use super::*;

    /// Conditions are `name=value` or `name`, on the query with a `?` before them; `http:` and `https:` are on the
    /// scheme.
    fn rule(methods: &[Method], conditions: &[&str]) -> Match {
        let mut rule = Match {
            hosts: Vec::new(),
            path: "/".parse().unwrap(),
            scheme: None,
            methods: methods.to_vec(),
            headers: Vec::new(),
            query: Vec::new(),
        };
        for condition in conditions {
            if let Some(scheme) = condition.strip_suffix(':') {
                rule.scheme = Some(scheme.parse().unwrap());
                continue;
            }
            let (name, value) =
                condition.split_once('=').map_or((*condition, None), |(name, value)| (name, Some(value)));
            match name.strip_prefix('?') {
                Some(name) => {
                    let wanted = value.map_or(Wanted::Present, |value| Wanted::Exactly(value.into()));
                    rule.query.push(Condition { name: name.into(), wanted });
                }
                None => {
                    let wanted = value.map_or(Wanted::Present, |value| Wanted::Exactly(value.parse().unwrap()));
                    rule.headers.push(Condition { name: name.parse().unwrap(), wanted });
                }
            }
        }
        rule
    }

    #[test]
    fn head_is_served_by_get_after_a_route_of_its_own() {
        assert_eq!(rule(&[Method::GET], &[]).fit(&Method::HEAD), Some(MethodFit::GetForHead));
        assert_eq!(rule(&[Method::GET, Method::HEAD], &[]).fit(&Method::HEAD), Some(MethodFit::Named));
        assert_eq!(rule(&[Method::POST], &[]).fit(&Method::HEAD), None);
        assert!(MethodFit::Named > MethodFit::GetForHead && MethodFit::GetForHead > MethodFit::Any);
    }

    #[test]
    fn routes_tie_when_nothing_decides_between_them() {
        let get = [Method::GET];
        let both = [Method::GET, Method::HEAD];
        let cases = [
            (rule(&get, &[]), rule(&get, &[]), true),
            (rule(&get, &[]), rule(&both, &[]), true),
            (rule(&get, &[]), rule(&[Method::HEAD], &[]), false),
            (rule(&get, &[]), rule(&[Method::POST], &[]), false),
            (rule(&get, &[]), rule(&[], &[]), false),
            (rule(&[], &[]), rule(&[], &[]), true),
            (rule(&get, &["a=1"]), rule(&get, &[]), false),
            (rule(&get, &["a=1"]), rule(&get, &["a=2"]), false),
            (rule(&get, &["a=1"]), rule(&get, &["b=1"]), true),
            (rule(&get, &["a=1", "a=1"]), rule(&get, &["a=1"]), true),
            (rule(&get, &["a=1", "b=1"]), rule(&get, &["c=1", "a=2"]), false),
            (rule(&get, &["a"]), rule(&get, &["a=1"]), false),
            (rule(&get, &["a"]), rule(&get, &["b"]), true),
            (rule(&get, &["?a=1"]), rule(&get, &["?a=2"]), false),
            (rule(&get, &["?a=1"]), rule(&get, &["a=1"]), true),
            (rule(&get, &["?a=1"]), rule(&get, &["a=2"]), true),
            (rule(&get, &["?a"]), rule(&get, &["a=2"]), false),
            (rule(&get, &["?a=1", "b"]), rule(&get, &["?b", "?a=1"]), true),
            (rule(&get, &["?a=1", "b"]), rule(&get, &["?a=2", "b"]), false),
            (rule(&get, &["http:"]), rule(&get, &["http:"]), true),
            (rule(&get, &["http:"]), rule(&get, &["https:"]), false),
            (rule(&get, &["http:"]), rule(&get, &[]), false),
            (rule(&get, &["http:"]), rule(&get, &["a=1"]), true),
            (rule(&get, &["http:"]), rule(&get, &["a"]), false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.ties_with(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.ties_with(&one), expected, "{other:?} {one:?}");
        }
    }
}
