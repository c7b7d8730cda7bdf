//! What the built-in policy `redact` costs through the sandbox, beside the same crate without one and a document in memory:
//! `cargo bench -p lockgate --features bench --bench redact`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panic")]

#[path = "../../sdk/json/benches/rewrite/documents.rs"]
mod documents;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lockgate::bench::{Hook, Instances, builtin};
use lockgate_plugin_redact::Redact;
use lockgate_sdk::testing;
use lockgate_sdk::{BodyPhase, Direction, Verdict};
use serde_json::Value;
use std::hint::black_box;

const NAMES: [&str; 4] = ["email", "iban", "birthDate", "author"];
/// What the gateway gives a hook at most, and what it waits for at least where more is there already.
const PIECES: [usize; 2] = [64 * 1024, 16 * 1024];

fn configurations() -> [(&'static str, String); 3] {
    let names = NAMES.map(|name| format!("\"{name}\"")).join(", ");
    let rules = format!(r#""rules": [{{ "select": [{names}], "action": "mask" }}]"#);
    [
        ("one path", r#"{ "rules": [{ "select": ["$.orders[*].customer.email"], "action": "mask" }] }"#.to_owned()),
        ("names anywhere", format!("{{ {rules} }}")),
        (
            "and detectors",
            format!(r#"{{ {rules}, "detect": [{{ "kinds": ["email", "iban", "payment-card"], "action": "mask" }}] }}"#),
        ),
    ]
}

/// The policy without a sandbox, as its tests call it.
fn natively(policy: &Redact, state: &[u8], body: &[u8], piece: usize) -> usize {
    let (mut state, mut held, mut at, mut changed) = (state.to_vec(), 0, 0, 0);
    while at < body.len() {
        let end = body.len().min(at + piece);
        match policy.on_chunk(Direction::Response, &body[at - held..end], end == body.len(), &state) {
            Verdict::Edit(edits) => {
                held = edits.held();
                changed += usize::from(*edits.bytes() != lockgate_sdk::Change::Keep);
                state = edits.new_state().unwrap_or(&state).to_vec();
            }
            Verdict::Pass => held = 0,
            Verdict::Respond(_) | Verdict::Fail(_) => panic!("the policy refused the body"),
        }
        at = end;
    }
    changed
}

/// The same by way of a document in memory.
fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if NAMES.contains(&&**name) => "***".clone_into(text),
                    value => mask(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

fn bodies(criterion: &mut Criterion) {
    let component = builtin("redact").unwrap();
    for (name, body) in documents::all() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64)).sample_size(20);
        for (rules, config) in configurations() {
            let hook = Hook::new(component, &config, Instances::Warm).unwrap();
            let state = hook.response().unwrap();
            for piece in PIECES {
                group.bench_function(format!("{rules}, sandbox, {} KiB", piece / 1024), |bencher| {
                    bencher.iter(|| black_box(hook.response_body(black_box(&body), piece, &state).unwrap()));
                });
            }
            let policy: Redact = testing::configure(&config).unwrap();
            group.bench_function(format!("{rules}, native, 64 KiB"), |bencher| {
                bencher.iter(|| black_box(natively(&policy, &state, black_box(&body), PIECES[0])));
            });
        }
        group.bench_function("names anywhere, serde_json", |bencher| {
            bencher.iter(|| {
                let mut value = serde_json::from_slice(black_box(&body)).unwrap();
                mask(&mut value);
                black_box(serde_json::to_vec(&value).unwrap())
            });
        });
        group.finish();
    }
}

/// A response of 1 KiB: both hooks, in the sandbox.
fn small(criterion: &mut Criterion) {
    let hook = Hook::new(builtin("redact").unwrap(), &configurations()[1].1, Instances::Warm).unwrap();
    let orders: Value = serde_json::from_slice(&documents::all()[0].1).unwrap();
    let body = serde_json::to_vec(&orders["orders"][0]).unwrap();
    criterion.bench_function(&format!("{} bytes, head and body", body.len()), |bencher| {
        bencher.iter(|| {
            let state = hook.response().unwrap();
            black_box(hook.response_body(black_box(&body), body.len(), &state).unwrap())
        });
    });
}

criterion_group!(all, bodies, small);
criterion_main!(all);
