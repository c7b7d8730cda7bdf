//! What a request must be like to take a route, one condition at a time.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::host::HostPattern;
use super::pattern::PathPattern;

/// The conditions of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// One of them must cover the host; none means any host.
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    /// One of them must be the method; none means any. GET serves HEAD too.
    pub methods: Vec<Method>,
    /// All of them must stand in the request, each exactly once. A name asked for with two values can never match.
    pub headers: Vec<(HeaderName, HeaderValue)>,
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

    pub(super) fn headers_hold(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().all(|(name, expected)| {
            let mut values = headers.get_all(name).iter();
            values.next() == Some(expected) && values.next().is_none()
        })
    }

    /// The number of header conditions; one written twice counts once.
    pub(super) fn conditions(&self) -> usize {
        let repeats =
            |&(index, condition): &(usize, &_)| self.headers.iter().take(index).any(|earlier| earlier == condition);
        self.headers.iter().enumerate().filter(|entry| !repeats(entry)).count()
    }

    /// Whether two routes of the same host and path shape have equal rank for some request that both match.
    pub(super) fn ties_with(&self, other: &Self) -> bool {
        let methods_meet = match (self.methods.is_empty(), other.methods.is_empty()) {
            (true, true) => true,
            (false, false) => self.methods.iter().any(|method| other.methods.contains(method)),
            _ => false,
        };
        methods_meet && self.conditions() == other.conditions() && !self.contradicts(other)
    }

    /// Whether no request can fulfil the header conditions of both.
    fn contradicts(&self, other: &Self) -> bool {
        let all = || self.headers.iter().chain(&other.headers);
        all().any(|(name, value)| all().any(|(same, different)| name == same && value != different))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(methods: &[Method], headers: &[(&'static str, &'static str)]) -> Match {
        let condition = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Match {
            hosts: Vec::new(),
            path: "/".parse().unwrap(),
            methods: methods.to_vec(),
            headers: headers.iter().map(condition).collect(),
        }
    }

    #[test]
    fn head_is_served_by_get_after_a_route_of_its_own() {
        assert_eq!(rule(&[Method::GET], &[]).fit(&Method::HEAD), Some(MethodFit::GetForHead));
        assert_eq!(rule(&[Method::GET, Method::HEAD], &[]).fit(&Method::HEAD), Some(MethodFit::Named));
        assert_eq!(rule(&[Method::POST], &[]).fit(&Method::HEAD), None);
        assert!(MethodFit::Named > MethodFit::GetForHead && MethodFit::GetForHead > MethodFit::Any);
    }

    #[test]
    fn a_repeated_field_fulfils_no_condition() {
        let rule = rule(&[], &[("x-version", "1")]);
        let mut headers = HeaderMap::new();
        assert!(!rule.headers_hold(&headers));
        headers.append("x-version", HeaderValue::from_static("1"));
        assert!(rule.headers_hold(&headers));
        headers.append("x-version", HeaderValue::from_static("2"));
        assert!(!rule.headers_hold(&headers));
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
            (rule(&get, &[("a", "1")]), rule(&get, &[]), false),
            (rule(&get, &[("a", "1")]), rule(&get, &[("a", "2")]), false),
            (rule(&get, &[("a", "1")]), rule(&get, &[("b", "1")]), true),
            (rule(&get, &[("a", "1"), ("a", "1")]), rule(&get, &[("a", "1")]), true),
            (rule(&get, &[("a", "1"), ("b", "1")]), rule(&get, &[("c", "1"), ("a", "2")]), false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.ties_with(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.ties_with(&one), expected, "{other:?} {one:?}");
        }
    }
}
