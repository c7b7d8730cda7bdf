//! Generations swapped under a mixed load, and a gateway that is killed meanwhile; `tests/soak/run` goes on longer.

use std::process::Command;

use serde_json::Value;

/// Enough for most kinds of changes to have their turn, a broken one and a whole folder among them.
const SWAPS: &str = "14";
const KILLS: &str = "2";
/// Changes of this run are the same each time.
const SEED: &str = "8";

#[test]
fn swaps_under_load_cost_nothing_and_mix_nothing() {
    let options = ["--swaps", SWAPS, "--kills", KILLS, "--seed", SEED, "--json"];
    let swaps = Command::new(env!("CARGO_BIN_EXE_swaps")).args(options).output().unwrap();
    let said = String::from_utf8_lossy(&swaps.stdout);
    assert!(swaps.status.success(), "{said}{}", String::from_utf8_lossy(&swaps.stderr));
    let found: Value = serde_json::from_str(&said).unwrap();
    let swaps = &found["phases"]["swaps"]["result"];
    let kinds = swaps["requests"]["kinds"].as_object().unwrap();
    for kind in ["HTTP/1.1 kept", "HTTP/1.1 new", "HTTP/2", "TLS", "upload", "event stream", "WebSocket", "slow"] {
        assert!(kinds[kind]["right"].as_u64() > Some(0), "nobody was asked by {kind}: {swaps}");
    }
    for kind in ["upload", "event stream", "WebSocket"] {
        assert!(kinds[kind]["outlasted"].as_u64() > Some(0), "no {kind} outlasted swaps: {swaps}");
    }
    let changes = swaps["changes"].as_object().unwrap();
    assert!(changes.keys().any(|change| change.starts_with("BROKEN")), "nothing was broken: {swaps}");
    assert!(found["phases"]["kills"]["result"]["good"].is_u64(), "{found}");
}
