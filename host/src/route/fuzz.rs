//! The router agrees with a look at every route, whatever the routes and requests are.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{Conflict, Found, Lookup, Match, Router, Scheme, model};
use crate::exchange::authority::HostPort;
use crate::exchange::path::Target;

/// Most of each that is taken from one input: a model takes its time.
const MOST: usize = 24;

/// Reads text line by line: a rule, after `~` one that yields, and after `>` a request, which is written like a rule.
pub fn router(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (requests, rules): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with('>'));
    let (yielding, firm): (Vec<_>, Vec<_>) = rules.into_iter().take(MOST).partition(|line| line.starts_with('~'));
    let mut rules: Vec<_> = yielding.iter().filter_map(|line| model::rule(&line[1..])).collect();
    let yielding = rules.len();
    rules.extend(firm.iter().filter_map(|line| model::rule(line)));
    let Some(router) = arrange(yielding, &mut rules) else { return };
    for request in requests.iter().take(MOST).filter_map(|line| Request::of(&line[1..])) {
        check(&router, &rules, yielding, &request);
    }
}

/// A router of the rules that are in nobody's way; the others are taken from the list.
fn arrange(yielding: usize, rules: &mut Vec<Match>) -> Option<Router<usize>> {
    let entries = |rules: &[Match]| rules.iter().cloned().enumerate().map(|(index, rule)| (rule, index)).collect();
    let conflicts = match Router::with_yielding(yielding, entries(rules)) {
        Ok(router) => return Some(router),
        Err(conflicts) => conflicts,
    };
    for Conflict { first, second } in &conflicts {
        assert!(yielding <= *first && first < second && *second < rules.len(), "{first} and {second}");
    }
    for second in BTreeSet::from_iter(conflicts.iter().map(|conflict| conflict.second)).into_iter().rev() {
        rules.remove(second);
    }
    let router = Router::with_yielding(yielding, entries(rules));
    assert!(router.is_ok(), "there are conflicts that were not told of");
    router.ok()
}

fn check(router: &Router<usize>, rules: &[Match], yielding: usize, request: &Request) {
    let lookup = request.lookup();
    let winners = model::winners(rules, &lookup);
    if let [(first, _), (second, loser), ..] = winners.as_slice() {
        assert!(first > second || *loser < yielding, "{lookup:?}: a tie that was not seen");
    }
    match router.find(lookup) {
        Found::Route { value, params } => {
            assert_eq!(Some(*value), winners.first().map(|(_, index)| *index), "{lookup:?}");
            let pattern = params.pattern();
            assert_eq!(pattern, &rules[*value].path, "{lookup:?}");
            let values: Vec<_> = params.raw().map(|(_, value)| value).collect();
            assert_eq!(values, model::params(pattern.as_str(), lookup.path), "{lookup:?}");
            assert!(pattern.param_names().all(|name| params.get(name).is_some()), "{lookup:?}");
        }
        Found::MethodNotAllowed { allow } => {
            assert!(winners.is_empty(), "{lookup:?}");
            assert_eq!(allow, model::allowed(rules, &lookup), "{lookup:?}");
        }
        Found::Nothing => {
            assert!(winners.is_empty() && model::allowed(rules, &lookup).is_empty(), "{lookup:?}");
        }
    }
}

/// A request in the form that the router is asked in.
struct Request {
    method: Method,
    host: String,
    target: Target,
    scheme: Scheme,
    headers: HeaderMap,
}

impl Request {
    fn of(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let method = words.next()?.parse().ok()?;
        let place = words.next()?;
        let (host, target) = place.split_at(place.find('/')?);
        let (host, target) = (HostPort::read(host).ok()?.host.into_owned(), Target::parse(target).ok()?);
        let mut headers = HeaderMap::new();
        let mut scheme = Scheme::Https;
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => {
                    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                    headers.append(name, HeaderValue::from_str(value).ok()?);
                }
                None => scheme = word.trim_end_matches(':').parse().ok()?,
            }
        }
        Some(Self { method, host, target, scheme, headers })
    }

    fn lookup(&self) -> Lookup<'_, '_> {
        Lookup {
            host: &self.host,
            path: self.target.path(),
            query: self.target.query(),
            scheme: self.scheme,
            method: &self.method,
            headers: &self.headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_routes_and_requests_the_router_agrees_with_a_look_at_every_route() {
        play("router", super::router, 100_000);
    }
}
