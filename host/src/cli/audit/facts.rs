//! Owns the facts by which two audits are compared: single powers, safeguards and amounts of one use of a policy.

use std::collections::BTreeMap;

use super::reach::Service;
use super::report::{Access, Body, Mode, Others, Report, Sharing, Use};
use super::words::{Does, credential, key_source, keys, material};
use crate::config::{Grant, Pattern};
use crate::tls::MinVersion;

/// What is so, in words that go on after the name of a policy.
pub(super) type Facts = BTreeMap<String, Fact>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// Having it is more than not having it, unless something else covers it.
    Power(Covered),
    /// Having it is less than not having it.
    Safeguard,
    /// More of it is more, and none is less than any.
    Amount(u64),
}

/// What a power is covered by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// Itself alone.
    Plain,
    /// A wider name, in facts that begin with the same words.
    Name(&'static str, String),
    /// A wider grant.
    Grant(String),
    /// A wider path of the same service.
    Path(String, String),
    /// Believing whoever answers for the same service.
    Peer { of: String, is_anyone: bool },
}

impl Fact {
    /// Whether `facts` hold this power or one that includes it.
    pub(super) fn is_in(&self, key: &str, facts: &Facts) -> bool {
        if facts.contains_key(key) {
            return true;
        }
        let Self::Power(wanted) = self else { return false };
        facts.values().any(|known| matches!(known, Self::Power(known) if known.covers(wanted)))
    }
}

impl Covered {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(of, wide), Self::Name(also, name)) => of == also && pattern_covers(wide, name),
            (Self::Grant(wide), Self::Grant(word)) => grant_covers(wide, word),
            (Self::Path(of, wide), Self::Path(also, path)) => {
                of == also && wide.strip_suffix('*').is_some_and(|begin| path.starts_with(begin))
            }
            (Self::Peer { of, is_anyone }, Self::Peer { of: also, .. }) => of == also && *is_anyone,
            _ => false,
        }
    }
}

/// Everything about one use.
pub(super) fn facts(used: &Use, report: &Report) -> Facts {
    let mut facts = Facts::new();
    names(used, &mut facts);
    grants(used, &mut facts);
    let mut plain = |is: bool, words: String| {
        if is {
            facts.insert(words, Fact::Power(Covered::Plain));
        }
    };
    plain(used.changes.target, "changes path and query of requests".into());
    plain(used.changes.status, "changes the status of responses".into());
    plain(used.responds, "answers instead of what is behind it".into());
    plain(used.responder_body.is_some(), "answers in the place of an upstream".into());
    plain(used.identifies, "asks whose key something is".into());
    for (does, keys) in keys(used, report) {
        let does = match does {
            Does::Check => "checks signatures with the keys",
            Does::Sign => "signs with the key",
            Does::Seal => "seals and opens with the keys",
        };
        plain(true, format!("{does} `{}` ({})", keys.name, key_source(keys)));
    }
    used.imports.iter().for_each(|import| plain(true, format!("imports {}: {}", import.name, import.gives)));
    for store in &used.stores {
        plain(true, format!("reads the store `{}`, namespace {}", store.name, store.namespace));
        plain(store.writes, format!("writes the store `{}`, namespace {}", store.name, store.namespace));
        plain(store.shared, format!("shares the namespace {} with others", store.namespace));
    }
    for limiter in &used.limiters {
        let at = limiter.at.as_deref().map(|at| format!(", at {at}")).unwrap_or_default();
        plain(true, format!("counts in the limiter `{}`, namespace {}{at}", limiter.name, limiter.namespace));
        plain(limiter.shared, format!("counts under {} together with others", limiter.namespace));
    }
    for service in report.content.services.iter().filter(|service| used.services.contains(&service.name)) {
        asks(service, &mut facts);
    }
    for (of, wanted) in [("requests", &used.bodies.request), ("responses", &used.bodies.response)] {
        wanted.iter().for_each(|wanted| body(of, wanted, &mut facts));
    }
    for digest in &used.accept {
        facts.insert(format!("may use more names as the component {digest}"), Fact::Power(Covered::Plain));
    }
    if used.isolation.mode == Sharing::Request {
        facts.insert("has a fresh instance for each call".into(), Fact::Safeguard);
    }
    if used.pinned {
        facts.insert("is pinned to its digest".into(), Fact::Safeguard);
    }
    let most = used.responder_body.map(|most| ("bytes of a body it answers to".to_owned(), Fact::Amount(most)));
    facts.extend(most);
    limits(used, &mut facts);
    facts
}

/// What of `after` is more than `before`.
pub(super) fn wider(before: &Facts, after: &Facts) -> Vec<String> {
    let more = after.iter().filter_map(|(words, fact)| match fact {
        Fact::Power(_) => (!fact.is_in(words, before)).then(|| words.clone()),
        Fact::Amount(amount) => amount_of(before, words)
            .filter(|earlier| earlier < amount)
            .map(|earlier| format!("{words}: {amount}, before {earlier}")),
        Fact::Safeguard => None,
    });
    more.chain(lost(before, after, |fact| *fact == Fact::Safeguard)).collect()
}

/// What of `after` is less than `before`.
pub(super) fn narrower(before: &Facts, after: &Facts) -> Vec<String> {
    let less = after.iter().filter_map(|(words, fact)| match fact {
        Fact::Safeguard => (!before.contains_key(words)).then(|| words.clone()),
        Fact::Amount(amount) => amount_of(before, words)
            .filter(|earlier| earlier > amount)
            .map(|earlier| format!("{words}: {amount}, before {earlier}")),
        Fact::Power(_) => None,
    });
    less.chain(lost(before, after, |fact| matches!(fact, Fact::Power(_)))).collect()
}

fn lost<'a>(
    before: &'a Facts,
    after: &'a Facts,
    kind: impl Fn(&Fact) -> bool + 'a,
) -> impl Iterator<Item = String> + 'a {
    let gone = move |(words, fact): &(&String, &Fact)| kind(fact) && !fact.is_in(words, after);
    before.iter().filter(gone).map(|(words, _)| format!("no more: {words}"))
}

/// An amount that is new belongs to a power that is new, and that is said.
fn amount_of(facts: &Facts, words: &str) -> Option<u64> {
    match facts.get(words) {
        Some(Fact::Amount(amount)) => Some(*amount),
        _ => None,
    }
}

/// All that one or another may, with the safeguards all of them have.
pub(super) fn union(facts: impl IntoIterator<Item = Facts>) -> Option<Facts> {
    facts.into_iter().reduce(|mut all, more| {
        all.retain(|words, fact| *fact != Fact::Safeguard || more.contains_key(words));
        for (words, fact) in more {
            match (amount_of(&all, &words), fact) {
                (_, Fact::Safeguard) => {}
                (Some(most), Fact::Amount(amount)) => drop(all.insert(words, Fact::Amount(most.max(amount)))),
                (_, fact) => drop(all.insert(words, fact)),
            }
        }
        all
    })
}

fn names(used: &Use, facts: &mut Facts) {
    let lists = [
        ("reads of requests", &used.reads.request),
        ("reads of responses", &used.reads.response),
        ("reads the attribute", &used.reads.attributes),
        ("reads of records", &used.reads.records),
        ("changes of requests", &used.changes.request),
        ("changes of responses", &used.changes.response),
        ("writes the attribute", &used.changes.attributes),
        ("writes to records", &used.changes.records),
    ];
    for (what, names) in lists {
        let named = |name: &String| (format!("{what} `{name}`"), Fact::Power(Covered::Name(what, name.clone())));
        facts.extend(names.iter().map(named));
    }
}

fn grants(used: &Use, facts: &mut Facts) {
    let granted = |grant: &String| (format!("is granted `{grant}`"), Fact::Power(Covered::Grant(grant.clone())));
    facts.extend(used.grants.iter().map(granted));
}

fn asks(service: &Service, facts: &mut Facts) {
    let name = &service.name;
    let mut power = |words: String, covered| {
        facts.insert(words, Fact::Power(covered));
    };
    power(format!("asks {name} at {}", service.url), Covered::Plain);
    service.methods.iter().for_each(|method| power(format!("asks {name} by {method}"), Covered::Plain));
    for path in &service.paths {
        power(format!("asks {name} for {path}"), Covered::Path(name.clone(), path.clone()));
    }
    for attached in service.credentials.iter().map(credential) {
        power(format!("asks {name} with {attached} attached"), Covered::Plain);
    }
    let authorities = service.tls.as_ref().map(|tls| tls.authorities.as_ref());
    let how = match authorities {
        None => "without TLS".to_owned(),
        Some(None) => "whoever answers, for no certificate is verified".to_owned(),
        Some(Some(authorities)) => format!("as it is known by the authorities of {}", material(authorities)),
    };
    let is_anyone = !matches!(authorities, Some(Some(_)));
    power(format!("asks {name} {how}"), Covered::Peer { of: name.clone(), is_anyone });
    if let Some(tls) = &service.tls {
        let shown = tls.certificate.iter().map(material);
        shown.for_each(|it| power(format!("asks {name} with the certificate {it} shown"), Covered::Plain));
        if tls.min_version == MinVersion::Tls12.to_string() {
            power(format!("asks {name} by TLS 1.2 too"), Covered::Plain);
        }
    }
    if service.private_ips {
        power(format!("asks {name} at private addresses"), Covered::Plain);
    }
    let amounts = [
        ("milliseconds of a call of", service.timeout_ms),
        ("bytes sent to", service.max_request),
        ("bytes taken from", service.max_response),
        ("calls at once of", service.max_in_flight.into()),
    ];
    facts.extend(amounts.map(|(what, amount)| (format!("{what} {name}"), Fact::Amount(amount))));
}

fn body(of: &str, body: &Body, facts: &mut Facts) {
    let mut power = |words: String| {
        facts.insert(words, Fact::Power(Covered::Plain));
    };
    power(format!("reads bodies of {of}"));
    if body.access == Access::Edit {
        power(format!("changes bodies of {of}"));
    }
    if body.mode == Mode::Whole {
        power(format!("is given bodies of {of} whole"));
    }
    body.content_types.iter().for_each(|kind| power(format!("reads bodies of {of} of the type {kind}")));
    let most = if body.mode == Mode::Pieces && body.max_bytes == 0 { u64::MAX } else { body.max_bytes };
    facts.insert(format!("bytes of a body of {of}"), Fact::Amount(most));
    if body.others == Others::Refuse {
        facts.insert(format!("refuses bodies of {of} of other types"), Fact::Safeguard);
    }
}

fn limits(used: &Use, facts: &mut Facts) {
    let limits = &used.limits;
    let amounts = [
        ("limits.cpu (ms)", limits.cpu_ms),
        ("limits.wall (ms)", limits.wall_ms),
        ("limits.memory (bytes)", limits.memory),
        ("limits.table_elements", limits.table_elements),
        ("limits.host_calls", limits.host_calls),
        ("limits.host_memory (bytes)", limits.host_memory),
        ("limits.log (bytes)", limits.log),
        ("limits.calls", limits.calls),
    ];
    facts.extend(amounts.map(|(what, amount)| (what.to_owned(), Fact::Amount(amount))));
}

fn pattern_covers(wide: &str, name: &str) -> bool {
    wide.parse::<Pattern>().is_ok_and(|wide| wide.covers(name))
}

fn grant_covers(wide: &str, word: &str) -> bool {
    let split = |word: &'_ str| word.split_once(':').map(|(verb, name)| (verb.to_owned(), name.to_owned()));
    let (Ok(_), Some((verb, wide)), Some((other, name))) = (wide.parse::<Grant>(), split(wide), split(word)) else {
        return false;
    };
    let has_names = ["read", "write", "attribute-read", "attribute-write"].contains(&verb.as_str());
    has_names && verb == other && pattern_covers(&wide, &name)
}
