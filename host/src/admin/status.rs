//! `/status`: what serves, since when, and what was refused.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::reload::Status;
use crate::table::Table;

/// The status as JSON text. Times are seconds since 1970.
pub(super) fn json(status: &Status) -> String {
    let (generation, refused) = status.now();
    let policies: Vec<Value> = generation
        .policies()
        .map(|policy| {
            let hooks = policy.hooks();
            let names = [
                ("request", hooks.request),
                ("response", hooks.response),
                ("body", hooks.body),
                ("responder", hooks.responder),
            ];
            json!({
                "policy": &**policy.name(),
                "api": policy.api(),
                "digest": format!("{:?}", policy.digest()),
                "hooks": names.iter().filter(|(_, has)| *has).map(|(name, _)| name).collect::<Vec<_>>(),
            })
        })
        .collect();
    let upstreams = generation.upstreams().map(
        |upstream| json!({ "upstream": upstream.settings.name, "targets": upstream.targets().collect::<Vec<_>>() }),
    );
    let upstreams: Vec<Value> = upstreams.collect();
    let refused = refused.map(|attempt| json!({ "at": seconds(attempt.at), "faults": attempt.faults }));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "wasmtime": crate::sandbox::WASMTIME_VERSION,
        "generation": generation.number,
        "since": seconds(generation.since),
        "refused": refused,
        "routes": Table::of(&generation).json(),
        "policies": policies,
        "upstreams": upstreams,
    })
    .to_string()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
