//! `/status`: what serves, since when, and what was refused.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Admin;
use crate::access::Standing;
use crate::jwks::Freshness;
use crate::reload::{Now, Part};
use crate::sandbox::{Image, Policy};
use crate::table::Table;

/// The status as JSON text. Times are seconds since 1970.
pub(super) fn json(admin: &Admin) -> String {
    let Admin { status, history, consumers, .. } = admin;
    let Now { generation, refused, parts, building, unkept, .. } = status.now();
    let policies: Vec<Value> = generation.policies().map(|(policy, metrics)| about(policy, metrics.memory())).collect();
    let upstreams = generation.upstreams().map(
        |upstream| json!({ "upstream": upstream.settings.name, "targets": upstream.targets().collect::<Vec<_>>() }),
    );
    let upstreams: Vec<Value> = upstreams.collect();
    let key_sets = generation.key_sets().map(|set| {
        let Freshness { name, keys, good_for, is_failing } = set.freshness();
        json!({ "keys": name, "usable": keys, "good_for_seconds": good_for.map(|it| it.as_secs()), "failing": is_failing })
    });
    let key_sets: Vec<Value> = key_sets.collect();
    let limiters = generation.limiters().map(|it| json!({ "limiter": it.name(), "answers": it.answers() }));
    let limiters: Vec<Value> = limiters.collect();
    let access = generation.access().map(|it| {
        let Standing { name, good_for, is_failing } = it.standing();
        json!({ "access": name, "good_for_seconds": good_for.map(|it| it.as_secs()), "failing": is_failing })
    });
    let access: Vec<Value> = access.collect();
    let (newest, faults) = history.standing();
    let (entry, head) = newest.unzip();
    let (keys, unread) = match consumers.standing() {
        Ok(keys) => (Some(keys), None),
        Err(fault) => (None, Some(fault)),
    };
    let analytics = admin.requests.is_kept.then(|| {
        let numbers = admin.metrics.analytics();
        json!({ "lost": numbers.lost.get(), "failing": numbers.failing.get() != 0 })
    });
    let refused = refused.map(|attempt| json!({ "at": seconds(attempt.at), "faults": attempt.faults }));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "wasmtime": crate::sandbox::WASMTIME_VERSION,
        "folder": status.folder(),
        "generation": generation.number,
        "since": seconds(generation.since),
        "building_since": building.map(seconds),
        "refused": refused,
        "parts": parts.iter().map(part).collect::<Vec<_>>(),
        "record": { "entry": entry, "head": head, "faults": faults },
        "unkept": unkept,
        "consumers": { "keys": keys, "fault": unread },
        "analytics": analytics,
        "routes": Table::of(&generation).json(),
        "policies": policies,
        "upstreams": upstreams,
        "key_sets": key_sets,
        "limiters": limiters,
        "access": access,
    })
    .to_string()
}

/// What came of looking at the folder, as JSON text.
pub(super) fn looked(now: Now) -> String {
    let Now { generation, refused, .. } = now;
    let faults = refused.map(|attempt| attempt.faults).unwrap_or_default();
    let shadowed: BTreeSet<&str> = generation.shadows().iter().map(|it| &*it.policy).collect();
    json!({ "generation": generation.number, "faults": faults, "shadowed": shadowed }).to_string()
}

fn part(part: &Part) -> Value {
    json!({
        "part": part.name,
        "state": part.state.as_str(),
        "source": part.source,
        "digest": part.digest,
        "since": seconds(part.since),
        "faults": part.faults,
    })
}

/// One use of a policy, of which instances have held so much `memory`.
fn about(policy: &Policy, memory: u64) -> Value {
    let hooks = policy.hooks();
    let names = [
        ("request", hooks.request),
        ("response", hooks.response),
        ("body", hooks.body),
        ("responder", hooks.responder),
    ];
    let image = match policy.image() {
        Image::NotWanted => Value::Null,
        Image::Taken(image) => json!({ "bytes": image.bytes() }),
        Image::Impossible(reason) => json!({ "impossible": reason }),
    };
    json!({
        "policy": &**policy.name(),
        "api": policy.api(),
        "digest": policy.digest(),
        "hooks": names.iter().filter(|(_, has)| *has).map(|(name, _)| name).collect::<Vec<_>>(),
        "isolation": policy.isolation().to_string(),
        "image": image,
        "memory_bytes": memory,
        "build_ms": policy.took().as_secs_f64() * 1000.0,
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
