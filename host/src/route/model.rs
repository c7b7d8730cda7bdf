//! The router without its trees: every route is looked at, as the documentation has it. What tests and fuzzing hold the router against.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue, Method};

use super::condition::{Condition, HeaderCondition, QueryCondition, Wanted};
use super::{Lookup, Match, Rank};

/// `[METHOD,METHOD ][host]path[ scheme:][ name=value]...`, for short tables; `?name` is of the query, and without a
/// value anything will do.
pub(super) fn rule(text: &str) -> Option<Match> {
    let mut words = text.split(' ');
    let methods = words.next()?;
    let place = words.next()?;
    let (host, path) = place.split_at(place.find('/')?);
    let (schemes, words): (Vec<_>, Vec<_>) = words.partition(|word| word.ends_with(':'));
    let (query, headers): (Vec<_>, Vec<_>) = words.into_iter().partition(|word| word.starts_with('?'));
    let hosts = host.split(',').filter(|host| !host.is_empty()).map(|host| host.parse().ok());
    let methods = methods.split(',').filter(|&method| method != "*").map(|method| method.parse().ok());
    let scheme = schemes.first().map(|scheme| scheme.trim_end_matches(':').parse());
    Some(Match {
        hosts: hosts.collect::<Option<_>>()?,
        path: path.parse().ok()?,
        scheme: scheme.transpose().ok()?,
        methods: methods.collect::<Option<_>>()?,
        headers: headers.into_iter().map(header).collect::<Option<_>>()?,
        query: query.into_iter().map(parameter).collect::<Option<_>>()?,
    })
}

fn header(word: &str) -> Option<HeaderCondition> {
    let (name, value) = split(word);
    let value = value.map(HeaderValue::from_str).transpose().ok()?;
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some(Condition { name, wanted: value.map_or(Wanted::Present, Wanted::Exactly) })
}

fn parameter(word: &str) -> Option<QueryCondition> {
    let (name, value) = split(word.strip_prefix('?')?);
    Some(Condition { name: name.into(), wanted: value.map_or(Wanted::Present, |value| Wanted::Exactly(value.into())) })
}

fn split(word: &str) -> (&str, Option<&str>) {
    word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)))
}

/// The rules that match, by their places in the list, the best first; of those that tie the last comes first.
pub(super) fn winners<'a>(rules: &'a [Match], lookup: &Lookup<'_, '_>) -> Vec<(Rank<'a>, usize)> {
    let mut winners = Vec::new();
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| matches(rule, lookup)) {
        let hosts = rule.host_choices().filter(|host| host.is_none_or(|host| host.matches(lookup.host)));
        let ranks = hosts.filter_map(|host| Some(Rank::of(host, rule).with_fit(rule.fit(lookup.method)?)));
        winners.extend(ranks.max().map(|rank| (rank, index)));
    }
    winners.sort_by(|one, other| other.cmp(one));
    winners
}

/// The methods that would find a rule, as the Allow field has them; empty if none would.
pub(super) fn allowed(rules: &[Match], lookup: &Lookup<'_, '_>) -> String {
    let there = rules.iter().filter(|rule| matches(rule, lookup));
    let mut methods: BTreeSet<_> = there.flat_map(|rule| rule.methods.iter().map(Method::as_str)).collect();
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    Vec::from_iter(methods).join(", ")
}

/// Whether a request is in everything but its method as a rule wants it.
fn matches(rule: &Match, lookup: &Lookup<'_, '_>) -> bool {
    let query = parameters(lookup.query.unwrap_or_default());
    rule.host_choices().any(|host| host.is_none_or(|host| host.matches(lookup.host)))
        && covers(rule.path.as_str(), lookup.path)
        && rule.scheme.is_none_or(|scheme| scheme == lookup.scheme)
        && rule.headers.iter().all(|Condition { name, wanted }| {
            let found: Vec<_> = lookup.headers.get_all(name).iter().collect();
            match wanted {
                Wanted::Exactly(value) => found == [value],
                Wanted::Present => !found.is_empty(),
            }
        })
        && rule.query.iter().all(|Condition { name, wanted }| {
            let found: Vec<_> = query.iter().filter(|(found, _)| found == name.as_bytes()).collect();
            match wanted {
                Wanted::Exactly(value) => matches!(found[..], [(_, found)] if found == value.as_bytes()),
                Wanted::Present => !found.is_empty(),
            }
        })
}

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

/// What stands in a path where a pattern that covers it has parameters.
pub(super) fn params<'p>(pattern: &str, path: &'p str) -> Vec<&'p str> {
    let mut found = Vec::new();
    let mut left = Some(path);
    for wanted in pattern.split('/') {
        let whole = left.unwrap_or_default();
        let (given, after) = whole.split_once('/').map_or((whole, None), |(given, after)| (given, Some(after)));
        match wanted {
            wanted if wanted.starts_with("{*") => found.push(whole),
            wanted if wanted.starts_with('{') => found.push(given),
            _ => {}
        }
        left = after;
    }
    found
}

/// A query as the URL standard reads forms.
fn parameters(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

fn plain(text: &str) -> Vec<u8> {
    let text = text.replace('+', " ");
    let mut pieces = text.split('%');
    let mut plain = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                plain.extend(piece.bytes().skip(2));
            }
            None => {
                plain.push(b'%');
                plain.extend(piece.bytes());
            }
        }
    }
    plain
}
