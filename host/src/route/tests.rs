//! The router as a whole: what the documentation promises, and agreement with a model that looks at every route.

use std::collections::BTreeMap;

use http::HeaderName;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::model::{allowed, rule, winners};
use super::*;

fn header(name: HeaderName, value: Option<&'static str>) -> HeaderCondition {
    let wanted = value.map_or(Wanted::Present, |value| Wanted::Exactly(HeaderValue::from_static(value)));
    Condition { name, wanted }
}

fn router(rules: &[&'static str]) -> Router<&'static str> {
    Router::build(rules.iter().map(|text| (rule(text).unwrap(), *text)).collect()).unwrap()
}

/// The winner's text, `405 ALLOW` or `404`; the request is written like a rule, but for its query, and `https:` if not
/// else said.
fn outcome(router: &Router<&'static str>, request: &str) -> String {
    let asked = request.split(' ').collect::<Vec<_>>();
    let (host, path) = asked[1].split_at(asked[1].find('/').unwrap());
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let scheme = Scheme::of(!asked.contains(&"http:"));
    let conditions = asked[2..].iter().filter_map(|word| word.split_once('='));
    let headers = HeaderMap::from_iter(conditions.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())));
    let method = asked[0].parse().unwrap();
    match router.find(Lookup { host, path, query, scheme, method: &method, headers: &headers }) {
        Found::Route { value, params } => {
            assert!(params.pattern().params(path).is_some());
            (*value).to_owned()
        }
        Found::MethodNotAllowed { allow } => format!("405 {}", allow.to_str().unwrap()),
        Found::Nothing => "404".to_owned(),
    }
}

#[test]
fn the_most_specific_route_that_matches_wins() {
    type Case<'a> = (&'a [&'static str], &'a [(&'a str, &'a str)]);
    let table: [Case<'_>; 9] = [
        (
            &["* /a/b/{y}", "* /a/{x}/c", "* /a/{*rest}"],
            &[
                ("GET h/a/b/c", "* /a/b/{y}"),
                ("GET h/a/z/c", "* /a/{x}/c"),
                ("GET h/a/z/d", "* /a/{*rest}"),
                ("GET h/a", "* /a/{*rest}"),
                ("GET h/b", "404"),
            ],
        ),
        (
            &["* /a/{*rest}", "* /a", "* /a/{x}/c/{y}", "* /a/b/d"],
            &[("GET h/a", "* /a"), ("GET h/a/", "* /a/{*rest}"), ("GET h/a/b/c/e", "* /a/{x}/c/{y}")],
        ),
        (
            &["GET /pets/mine", "* /pets/{id}"],
            &[
                ("GET h/pets/mine", "GET /pets/mine"),
                ("HEAD h/pets/mine", "GET /pets/mine"),
                ("DELETE h/pets/mine", "* /pets/{id}"),
            ],
        ),
        (
            &["* api.example.com/a", "* *.example.com/{x}", "* *.eu.example.com/{x}", "* /b", "* /c/{*rest}"],
            &[
                ("GET api.example.com/a", "* api.example.com/a"),
                ("GET api.example.com/b", "* *.example.com/{x}"),
                ("GET api.example.com/c/d", "* /c/{*rest}"),
                ("GET a.b.eu.example.com/b", "* *.eu.example.com/{x}"),
                ("GET example.com/b", "* /b"),
                ("GET example.com/a", "404"),
            ],
        ),
        (
            &["* /a", "* /a x-v=2", "GET /a x-v=2", "* /a x-v=2 x-w=1", "* /b x-v=2"],
            &[
                ("GET h/a", "* /a"),
                ("GET h/a x-v=2", "GET /a x-v=2"),
                ("PUT h/a x-v=2", "* /a x-v=2"),
                ("GET h/a x-v=2 x-w=1", "* /a x-v=2 x-w=1"),
                ("GET h/b", "404"),
                ("GET h/b x-v=3", "404"),
            ],
        ),
        (
            &["* /a", "* /a ?v", "* /a ?v=2", "* /a ?v=2 x-w", "GET /a ?v", "POST /b ?v=1"],
            &[
                ("PUT h/a", "* /a"),
                ("PUT h/a?w=2", "* /a"),
                ("PUT h/a?w=2&v=1", "* /a ?v"),
                ("GET h/a?v=1", "GET /a ?v"),
                ("GET h/a?v=2", "* /a ?v=2"),
                ("GET h/a?v=2 x-w=3", "* /a ?v=2 x-w"),
                ("GET h/b?v=1", "405 POST"),
                ("GET h/b", "404"),
            ],
        ),
        (
            &["* /{*rest} http:", "* /{*rest}", "* /a http:", "GET /a https: x-v=2", "* /a x-v", "PUT /b https:"],
            &[
                ("GET h/c http:", "* /{*rest} http:"),
                ("GET h/c", "* /{*rest}"),
                ("GET h/a http:", "* /a http:"),
                ("GET h/a http: x-v=2", "* /a http:"),
                ("GET h/a x-v=2", "GET /a https: x-v=2"),
                ("GET h/a", "* /{*rest}"),
                ("GET h/b http:", "* /{*rest} http:"),
                ("PUT h/b", "PUT /b https:"),
            ],
        ),
        (
            &["GET /a", "HEAD /a", "GET /b", "* /b"],
            &[("HEAD h/a", "HEAD /a"), ("GET h/a", "GET /a"), ("HEAD h/b", "GET /b"), ("PUT h/b", "* /b")],
        ),
        (
            &["GET,PUT /a", "POST h/{x}", "PATCH /a x-v=1", "DELETE other/a"],
            &[
                ("DELETE h/a", "405 GET, HEAD, POST, PUT"),
                ("DELETE h/a x-v=1", "405 GET, HEAD, PATCH, POST, PUT"),
                ("DELETE g/a", "405 GET, HEAD, PUT"),
                ("OPTIONS h/b", "405 POST"),
                ("GET g/b", "404"),
            ],
        ),
    ];
    for (rules, requests) in table {
        let router = router(rules);
        for (request, expected) in requests {
            assert_eq!(outcome(&router, request), *expected, "{request} in {rules:?}");
        }
    }
}

#[test]
fn routes_that_tie_are_all_reported() {
    let rules = [
        "GET /a/{x}",
        "* /a/{x}",
        "GET,PUT h/a/{x}",
        "GET /a/{y}",
        "PUT h,h,g/a/{z}",
        "* /a/{*x}",
        "* /a/b",
        "* /c http:",
        "* /c https:",
        "* /c x-v=1",
    ];
    let conflicts = Router::build(rules.iter().map(|text| (rule(text).unwrap(), ())).collect()).unwrap_err();
    let expected = [(0, 3), (2, 4), (7, 9)].map(|(first, second)| Conflict { first, second });
    assert_eq!(conflicts, expected);
}

#[test]
fn the_table_is_listed_in_order_of_priority() {
    let router = router(&["* /b", "* /{x}", "GET /b", "* *.h,h/b", "* /a/{*rest}", "* /a", "* /a x-v=1", "* /a/b"]);
    let listed: Vec<_> = router.iter().map(|row| (row.host.map(ToString::to_string), *row.value)).collect();
    let any = |value| (None, value);
    let expected = [
        (Some("h".to_owned()), "* *.h,h/b"),
        (Some("*.h".to_owned()), "* *.h,h/b"),
        any("* /a/b"),
        any("* /a x-v=1"),
        any("* /a"),
        any("* /a/{*rest}"),
        any("GET /b"),
        any("* /b"),
        any("* /{x}"),
    ];
    assert_eq!(listed, expected);
}

#[test]
fn a_path_that_no_target_has_is_not_found() {
    let router = router(&["* /{*rest}"]);
    for path in ["", "*", "a"] {
        let (method, headers) = (Method::OPTIONS, HeaderMap::new());
        let lookup = Lookup { host: "", path, query: None, scheme: Scheme::Http, method: &method, headers: &headers };
        assert!(matches!(router.find(lookup), Found::Nothing), "{path}");
    }
}

fn methods() -> impl Strategy<Value = Vec<Method>> {
    subsequence(vec![Method::GET, Method::HEAD, Method::POST], 0..=2)
}

/// Of two names, which stand there, and with which value.
fn named() -> impl Strategy<Value = Vec<(&'static str, Option<&'static str>)>> {
    let values = prop::collection::vec(select(vec![None, None, Some(None), Some(Some("1")), Some(Some("2"))]), 2);
    values.prop_map(|values| {
        ["x-a", "x-b"].into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

fn headers() -> impl Strategy<Value = Vec<HeaderCondition>> {
    named()
        .prop_map(|named| named.into_iter().map(|(name, value)| header(HeaderName::from_static(name), value)).collect())
}

fn queries() -> impl Strategy<Value = Vec<QueryCondition>> {
    let wanted = |value: Option<&str>| value.map_or(Wanted::Present, |value| Wanted::Exactly(value.into()));
    let condition = move |(name, value): (&str, _)| Condition { name: name.into(), wanted: wanted(value) };
    named().prop_map(move |named| named.into_iter().map(condition).collect())
}

/// The fields of a request that fulfil conditions.
fn fields<'a>(conditions: impl IntoIterator<Item = &'a HeaderCondition>) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for Condition { name, wanted } in conditions {
        match wanted {
            Wanted::Exactly(value) => drop(fields.insert(name, value.clone())),
            Wanted::Present => drop(fields.try_entry(name).unwrap().or_insert(HeaderValue::from_static("9"))),
        }
    }
    fields
}

/// A query that fulfils conditions.
fn query<'a>(conditions: impl IntoIterator<Item = &'a QueryCondition>) -> String {
    let mut pairs = BTreeMap::new();
    for Condition { name, wanted } in conditions {
        match wanted {
            Wanted::Exactly(value) => drop(pairs.insert(name, &**value)),
            Wanted::Present => drop(pairs.entry(name).or_insert("9")),
        }
    }
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn schemes() -> impl Strategy<Value = Option<Scheme>> {
    select(vec![None, None, Some(Scheme::Http), Some(Scheme::Https)])
}

fn rules() -> impl Strategy<Value = Vec<Match>> {
    let hosts = subsequence(vec!["h.io", "a.h.io", "*.io", "*.h.io"], 0..=2);
    let literal = prop::collection::vec(select(vec!["/a", "/b", "/{}"]), 0..4);
    let path = (literal, select(vec!["", "", "/", "/{*rest}"])).prop_map(|(parts, end)| {
        let numbered = parts.iter().enumerate();
        let text = numbered.map(|(n, part)| part.replace("{}", &format!("{{p{n}}}"))).collect::<String>() + end;
        if text.is_empty() { "/".to_owned() } else { text }
    });
    let rule = (hosts, path, schemes(), methods(), headers(), queries()).prop_map(
        |(hosts, path, scheme, methods, headers, query)| Match {
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            path: path.parse().unwrap(),
            scheme,
            methods,
            headers,
            query,
        },
    );
    prop::collection::vec(rule, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_router_agrees_with_a_look_at_every_route(
        mut rules in rules(),
        host in select(vec!["h.io", "a.h.io", "b.a.h.io", "io", "x"]),
        path in "/|(/[abc]){1,5}/?",
        method in select(vec![Method::GET, Method::HEAD, Method::POST, Method::PUT]),
        https in any::<bool>(),
        headers in headers(),
        parameters in queries(),
    ) {
        let entries = |rules: &[Match]| rules.iter().cloned().enumerate().map(|(index, rule)| (rule, index)).collect();
        if let Err(conflicts) = Router::build(entries(&rules)) {
            for index in BTreeSet::from_iter(conflicts.iter().map(|conflict| conflict.second)).into_iter().rev() {
                rules.remove(index);
            }
        }
        let router = Router::build(entries(&rules)).unwrap();
        let (headers, query) = (fields(&headers), query(&parameters));
        let lookup = Lookup { host, query: Some(&query), path: &path, scheme: Scheme::of(https), method: &method, headers: &headers };
        let winners = winners(&rules, &lookup);
        if let [(first, _), (second, _), ..] = winners.as_slice() {
            prop_assert!(first > second, "a tie that building did not see");
        }
        match router.find(lookup) {
            Found::Route { value, params } => {
                prop_assert_eq!(Some(*value), winners.first().map(|(_, index)| *index));
                prop_assert_eq!(params.pattern(), &rules[*value].path);
            }
            Found::MethodNotAllowed { allow } => {
                prop_assert!(winners.is_empty());
                prop_assert_eq!(allow, allowed(&rules, &lookup));
            }
            Found::Nothing => prop_assert!(winners.is_empty() && allowed(&rules, &lookup).is_empty()),
        }
    }

    #[test]
    fn whatever_is_reported_as_a_conflict_does_tie(rules in rules()) {
        let entries = rules.iter().cloned().map(|rule| (rule, ())).collect();
        for Conflict { first, second } in Router::build(entries).err().unwrap_or_default() {
            let (one, other) = (&rules[first], &rules[second]);
            let host = one.host_choices().find(|host| other.host_choices().any(|same| same == *host)).unwrap();
            let host = host.map_or("x".to_owned(), |host| host.to_string().replace('*', "z"));
            let path = one.path.as_str().replace(['{', '}', '*'], "");
            let headers = fields(one.headers.iter().chain(&other.headers));
            let query = query(one.query.iter().chain(&other.query));
            let method = one.methods.iter().find(|method| other.methods.contains(method)).cloned();
            let scheme = one.scheme.or(other.scheme).unwrap_or(Scheme::Http);
            let lookup = Lookup { host: &host, path: &path, query: Some(&query), scheme, method: &method.unwrap_or(Method::PUT), headers: &headers };
            let winners = winners(&rules, &lookup);
            let rank = |index| winners.iter().find(|(_, found)| *found == index).map(|(rank, _)| rank);
            prop_assert!(rank(first).is_some());
            prop_assert_eq!(rank(first), rank(second));
        }
    }
}
