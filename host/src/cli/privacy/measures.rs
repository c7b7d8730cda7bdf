//! Owns what a report says of those the gateway talks to, of how that is protected, and of what it keeps itself.

use std::collections::BTreeSet;

use super::report::{Kept, Peer, Service};
use crate::config::{Api, Backend, ChainEntry, Config, Grant, Listener, Verify};

/// Where clients come in.
pub(super) fn listeners(config: &Config) -> Vec<Peer> {
    let protection = |listener: &Listener| match listener.tls.as_slice() {
        [] => "without TLS".to_owned(),
        all => {
            let oldest = all.iter().map(|tls| tls.min_version.to_string()).min().unwrap_or_default();
            let asks = all.iter().any(|tls| tls.clients.is_some());
            format!("TLS {oldest} or later{}", if asks { ", certificates of clients are asked for" } else { "" })
        }
    };
    let listener = |listener: &Listener| Peer {
        name: listener.name.clone(),
        addresses: vec![listener.address.to_string()],
        protection: protection(listener),
    };
    config.listeners.iter().map(listener).collect()
}

/// Who answers for an API.
pub(super) fn upstreams(api: &Api, config: &Config) -> Vec<Peer> {
    let upstreams = api.upstreams.iter().map(|(name, upstream)| Peer {
        name: name.clone(),
        addresses: upstream.targets.iter().map(|weighted| weighted.target.to_string()).collect(),
        protection: protection(upstream.tls.as_ref().map(|tls| tls.name.as_deref()), config),
    });
    upstreams.collect()
}

/// The services that policies of an API may ask: what they tell them is their affair.
pub(super) fn services(api: &Api, config: &Config) -> Vec<Service> {
    let of_routes = api.routes.iter().flat_map(|route| {
        let responder = match &route.backend {
            Backend::Responder(responder) => Some(responder.policy.as_str()),
            _ => None,
        };
        names(&route.chain).chain(responder)
    });
    let used: BTreeSet<_> =
        names(config.outer(api)).chain(names(&config.observers)).chain(names(&api.chain)).chain(of_routes).collect();
    let may_ask = |policy: &str, service: &str| {
        let granted = config.policies.get(policy).map(|policy| policy.grants.as_slice()).unwrap_or_default();
        granted.iter().any(|grant| matches!(grant, Grant::Egress(name) if name == service))
    };
    let services = config.egress.iter().filter_map(|(name, service)| {
        let policies: Vec<_> =
            used.iter().filter(|policy| may_ask(policy, name)).map(|policy| (*policy).to_owned()).collect();
        let origin = &service.terms.endpoint.origin;
        let peer = Peer {
            name: name.clone(),
            addresses: vec![service.terms.endpoint.to_string()],
            protection: protection(origin.tls.then_some(service.tls.as_deref()), config),
        };
        (!policies.is_empty()).then_some(Service { peer, policies })
    });
    services.collect()
}

fn names(chain: &[ChainEntry]) -> impl Iterator<Item = &str> {
    chain.iter().map(|entry| entry.policy.as_str())
}

/// Who is told of exchanges by the gateway itself.
pub(super) fn collectors(config: &Config) -> Vec<Peer> {
    let otlp = config.otlp.iter().map(|otlp| Peer {
        name: match (otlp.traces.is_some(), otlp.metrics.is_some()) {
            (true, true) => "traces and metrics".to_owned(),
            (true, false) => "traces".to_owned(),
            (false, _) => "metrics".to_owned(),
        },
        addresses: vec![otlp.endpoint.to_string()],
        protection: protection(otlp.endpoint.origin.tls.then_some(otlp.tls.as_deref()), config),
    });
    let counters = config.limiters.iter().filter_map(|(name, limiter)| {
        let shared = limiter.shared.as_ref()?;
        let address = shared.address.to_string();
        let tls = address.starts_with("rediss:").then_some(shared.tls.as_deref());
        let protection = protection(tls, config);
        Some(Peer { name: format!("counts of the limiter {name}"), addresses: vec![address], protection })
    });
    otlp.chain(counters).collect()
}

/// How a server is known: by the `[tls.NAME]` that is named, or without one. None where it is asked without TLS.
fn protection(tls: Option<Option<&str>>, config: &Config) -> String {
    let Some(name) = tls else { return "without TLS".to_owned() };
    let declared = name.and_then(|name| config.tls.get(name));
    match declared.map(|declared| &declared.verify) {
        None | Some(Verify::System) => "TLS, verified by the authorities of the system".to_owned(),
        Some(Verify::Authorities(_)) => "TLS, verified by authorities of its own".to_owned(),
        Some(Verify::Anyone) => "TLS, NOT VERIFIED: whoever answers is believed".to_owned(),
    }
}

/// What the gateway stores itself, by what is configured.
pub(super) fn kept(config: &Config) -> Vec<Kept> {
    let kept = |what: &str, until: &str| Kept { what: what.to_owned(), until: until.to_owned() };
    let log = match config.access_log {
        true => kept(
            "access log: for each request time, network of the client (24 bits of IPv4, 48 of IPv6), method, path without its query, route, status, sizes, times, and what policies counted, with the labels they gave it, such as who asked",
            "written to standard output; as long as whoever collects that keeps it",
        ),
        false => kept("access log", "not written"),
    };
    let account = config.analytics.as_ref().map(|analytics| {
        let what = format!(
            "account of requests: sums by operation and by what policies write to `{}` and `{}`; of errors and the slowest requests each by itself, with the network of the client and without path and query; in report of the state directory",
            analytics.consumer, analytics.application
        );
        let what = match config.observers.is_empty() {
            true => what,
            false => format!("{what}; of all that says who asked only what {} leave, as they are configured", names(&config.observers).collect::<Vec<_>>().join(", ")),
        };
        kept(&what, "sums of minutes 48 hours, of hours 90 days, of days 3 years; single requests 14 days")
    });
    let mut all = vec![
        log,
        kept(
            "consumers: names, descriptions and attributes of consumers and applications, SHA-256 of their keys and when those were used last, in consumers.db of the state directory",
            "`lockgate consumer remove`, `lockgate app remove`; the 64 keys of an application that ended last stay until then",
        ),
        kept(
            "record of changes: names of consumers and applications, ids of keys, files of the policies folder",
            "the newest 32 768 entries, files of the newest 32 states",
        ),
    ];
    all.extend(account);
    for (name, store) in &config.stores {
        let what = format!("store `{name}`: what policies put there, at most {} entries, in memory", store.max_entries);
        all.push(Kept { what, until: "as policies say, and no longer than the process runs".to_owned() });
    }
    for (name, limiter) in &config.limiters {
        let at = limiter.shared.as_ref().map_or("in memory".to_owned(), |shared| format!("at {}", shared.address));
        let what = format!("limiter `{name}`: what requests are counted by, such as addresses or consumers, {at}");
        all.push(Kept { what, until: "until the limit is whole again".to_owned() });
    }
    for (name, service) in config.egress.iter().filter(|(_, service)| service.terms.max_remembered > 0) {
        let what = format!("answers of the service `{name}`, at most {} B, in memory", service.terms.max_remembered);
        all.push(Kept { what, until: "as long as policies ask for, and no longer than the process runs".to_owned() });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;

    fn read(gateway: &str) -> Config {
        let text = format!("[listen.a]\naddress = '127.0.0.1:1'\n{gateway}");
        Config::parse(&Tree::from_files([("gateway.toml", text)])).unwrap()
    }

    #[test]
    fn what_is_kept_follows_from_what_is_configured() {
        let texts = |gateway: &str| -> Vec<String> {
            kept(&read(gateway)).into_iter().map(|kept| format!("{}: {}", kept.what, kept.until)).collect()
        };
        assert_eq!(texts("").len(), 3);
        assert!(texts("[access_log]\nenabled = false\n")[0].ends_with("not written"));
        let more = texts("[store.s]\nmax_entries = 7\n[limiter.l]\n");
        assert!(more[3].starts_with("store `s`: what policies put there, at most 7 entries"), "{more:?}");
        assert!(more[4].contains("limiter `l`") && more[4].contains("in memory"), "{more:?}");
    }

    #[test]
    fn collectors_are_told_with_their_protection() {
        let found = collectors(&read("[otlp]\nendpoint = 'https://c.example'\n[otlp.traces]\nsample = 1.0\n"));
        let found = (&*found[0].name, &*found[0].addresses[0], &*found[0].protection);
        assert_eq!(found, ("traces", "https://c.example:443", "TLS, verified by the authorities of the system"));
    }

    #[test]
    fn a_server_that_is_not_verified_is_told_in_capitals() {
        let config = read("[tls.blind]\nverify = false\n");
        assert!(protection(Some(Some("blind")), &config).contains("NOT VERIFIED"));
        assert_eq!(protection(None, &config), "without TLS");
    }
}
