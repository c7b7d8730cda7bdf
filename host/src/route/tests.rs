//! The router as a whole: what the documentation promises, and agreement with a model that looks at every route.

use http::HeaderName;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

/// `[METHOD,METHOD ][host]path[ name=value]...`, for short tables.
fn rule(text: &str) -> Match {
    let mut words = text.split(' ');
    let methods = words.next().unwrap();
    let place = words.next().unwrap();
    let (host, path) = place.split_at(place.find('/').unwrap());
    let condition = |word: &str| {
        let (name, value) = word.split_once('=').unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
    };
    Match {
        hosts: host.split(',').filter(|host| !host.is_empty()).map(|host| host.parse().unwrap()).collect(),
        path: path.parse().unwrap(),
        methods: methods.split(',').filter(|&method| method != "*").map(|method| method.parse().unwrap()).collect(),
        headers: words.map(condition).collect(),
    }
}

fn router(rules: &[&'static str]) -> Router<&'static str> {
    Router::build(rules.iter().map(|text| (rule(text), *text)).collect()).unwrap()
}

/// The winner's text, `405 ALLOW` or `404`; the request is written like a rule.
fn outcome(router: &Router<&'static str>, request: &str) -> String {
    let asked = request.split(' ').collect::<Vec<_>>();
    let (host, path) = asked[1].split_at(asked[1].find('/').unwrap());
    let conditions = asked[2..].iter().map(|word| word.split_once('=').unwrap());
    let headers = HeaderMap::from_iter(conditions.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())));
    let method = asked[0].parse().unwrap();
    match router.find(Query { host, path, method: &method, headers: &headers }) {
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
    let table: [Case<'_>; 7] = [
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
    let rules = ["GET /a/{x}", "* /a/{x}", "GET,PUT h/a/{x}", "GET /a/{y}", "PUT h,h,g/a/{z}", "* /a/{*x}", "* /a/b"];
    let conflicts = Router::build(rules.iter().map(|text| (rule(text), ())).collect()).unwrap_err();
    let expected = [(0, 3), (2, 4)].map(|(first, second)| Conflict { first, second });
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
        let query = Query { host: "", path, method: &method, headers: &headers };
        assert!(matches!(router.find(query), Found::Nothing), "{path}");
    }
}

/// What the documentation says, without a tree: every route is looked at.
fn covers(pattern: &str, path: &str) -> bool {
    let wanted: Vec<_> = pattern.split('/').collect();
    let given: Vec<_> = path.split('/').collect();
    let open = wanted.last().is_some_and(|last| last.starts_with("{*"));
    let fixed = wanted.len() - usize::from(open);
    let length_fits = if open { given.len() >= fixed } else { given.len() == fixed };
    length_fits
        && wanted[..fixed].iter().zip(&given).all(|(wanted, given)| match wanted.starts_with('{') {
            true => !given.is_empty(),
            false => wanted == given,
        })
}

fn model<'a>(rules: &'a [Match], query: &Query<'_, '_>) -> Vec<(Rank<'a>, usize)> {
    let mut winners = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let hosts = rule.host_choices().filter(|host| host.is_none_or(|host| host.matches(query.host)));
        let holds = covers(rule.path.as_str(), query.path)
            && rule.headers.iter().all(|(name, value)| query.headers.get(name) == Some(value));
        let ranks =
            hosts.filter(|_| holds).filter_map(|host| Some(Rank::of(host, rule).with_fit(rule.fit(query.method)?)));
        winners.extend(ranks.max().map(|rank| (rank, index)));
    }
    winners.sort_by(|one, other| other.cmp(one));
    winners
}

fn methods() -> impl Strategy<Value = Vec<Method>> {
    subsequence(vec![Method::GET, Method::HEAD, Method::POST], 0..=2)
}

fn conditions() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    let values = prop::collection::vec(select(vec![None, None, Some("1"), Some("2")]), 2);
    values.prop_map(|values| {
        let names = ["x-a", "x-b"].into_iter().map(HeaderName::from_static);
        let pairs = names.zip(values).filter_map(|(name, value)| Some((name, HeaderValue::from_static(value?))));
        pairs.collect()
    })
}

fn rules() -> impl Strategy<Value = Vec<Match>> {
    let hosts = subsequence(vec!["h.io", "a.h.io", "*.io", "*.h.io"], 0..=2);
    let literal = prop::collection::vec(select(vec!["/a", "/b", "/{}"]), 0..4);
    let path = (literal, select(vec!["", "", "/", "/{*rest}"])).prop_map(|(parts, end)| {
        let numbered = parts.iter().enumerate();
        let text = numbered.map(|(n, part)| part.replace("{}", &format!("{{p{n}}}"))).collect::<String>() + end;
        if text.is_empty() { "/".to_owned() } else { text }
    });
    let rule = (hosts, path, methods(), conditions()).prop_map(|(hosts, path, methods, headers)| Match {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        path: path.parse().unwrap(),
        methods,
        headers,
    });
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
        headers in conditions(),
    ) {
        let entries = |rules: &[Match]| rules.iter().cloned().enumerate().map(|(index, rule)| (rule, index)).collect();
        if let Err(conflicts) = Router::build(entries(&rules)) {
            for index in BTreeSet::from_iter(conflicts.iter().map(|conflict| conflict.second)).into_iter().rev() {
                rules.remove(index);
            }
        }
        let router = Router::build(entries(&rules)).unwrap();
        let headers = HeaderMap::from_iter(headers);
        let query = Query { host, path: &path, method: &method, headers: &headers };
        let winners = model(&rules, &query);
        if let [(first, _), (second, _), ..] = winners.as_slice() {
            prop_assert!(first > second, "a tie that building did not see");
        }
        let elsewhere = [Method::GET, Method::HEAD, Method::POST].iter().any(|method| !model(&rules, &Query { method, ..query }).is_empty());
        match router.find(query) {
            Found::Route { value, params } => {
                prop_assert_eq!(Some(*value), winners.first().map(|(_, index)| *index));
                prop_assert_eq!(params.pattern(), &rules[*value].path);
            }
            Found::MethodNotAllowed { allow } => {
                prop_assert!(winners.is_empty() && elsewhere);
                for name in allow.to_str().unwrap().split(", ") {
                    let method = name.parse().unwrap();
                    let served = !model(&rules, &Query { method: &method, ..query }).is_empty();
                    prop_assert!(served, "Allow names a method that no route serves");
                }
            }
            Found::Nothing => prop_assert!(winners.is_empty() && !elsewhere),
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
            let headers = HeaderMap::from_iter(one.headers.iter().chain(&other.headers).cloned());
            let method = one.methods.iter().find(|method| other.methods.contains(method)).cloned();
            let query = Query { host: &host, path: &path, method: &method.unwrap_or(Method::PUT), headers: &headers };
            let winners = model(&rules, &query);
            let rank = |index| winners.iter().find(|(_, found)| *found == index).map(|(rank, _)| rank);
            prop_assert!(rank(first).is_some());
            prop_assert_eq!(rank(first), rank(second));
        }
    }
}
