//! Generations swapped under load: no request fails, none sees two versions, no connection is lost.

use std::collections::BTreeSet;

use lockgate_tests::{Gateway, Load, Request, Upstream, eventually, guests};

const CLIENTS: usize = 6;
const ROUNDS: usize = 12;

const GATEWAY: &str = r#"
[policy.version]
source = "file:components/version.wasm"
grant = ["write:x-test-*"]
[policy.headers]
source = "builtin:headers"
grant = ["write:x-test-*"]
"#;

/// Both hooks of two policies say which component and which configuration they are of.
const API: &str = r#"
name = "api"
version = "1"
chain = [
    "version",
    { policy = "headers", config = { request = { set = { x-test-config = "ROUND" } }, response = { set = { x-test-config = "ROUND" } } } },
]
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "all"
match = { path = "/load" }
upstream = "main"
"#;

/// A folder that comes and goes.
const GUEST_API: &str = r#"
name = "visitor"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "all"
match = { path = "/visitor" }
upstream = "main"
"#;

#[test]
fn swaps_under_load_cost_nothing_and_mix_nothing() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/version.wasm", guests::component("version-a"))
        .gateway_toml(GATEWAY)
        .api("api", &API.replace("ROUND", "0"))
        .start();
    let load = load(&gateway);
    for round in 1..=ROUNDS {
        let letter = if round % 2 == 0 { "a" } else { "b" };
        let config = round.to_string();
        gateway.replace("components/version.wasm", &guests::component(&format!("version-{letter}")));
        gateway.write("api/api.toml", &API.replace("ROUND", &config));
        match round % 3 {
            0 => gateway.remove("visitor"),
            1 => gateway.write("visitor/api.toml", GUEST_API),
            _ => gateway.write("visitor/api.toml", &GUEST_API.replace("/visitor", "/moved")),
        }
        eventually("the round to serve", || {
            let response = gateway.get("/load");
            let now = response.field("x-test-version") == Some(letter);
            (now && response.field("x-test-config") == Some(&config)).then_some(())
        });
        load.wait_for_more(CLIENTS * 20);
    }
    let seen: BTreeSet<_> = load.stop().into_iter().flatten().collect();
    assert!(seen.len() > ROUNDS, "the load saw only {seen:?}");
    assert!(gateway.status()["generation"].as_u64() > Some(ROUNDS as u64));
}

/// Clients that ask as fast as they are answered, each over one connection that must last; they end with everything they saw.
fn load(gateway: &Gateway) -> Load<BTreeSet<String>> {
    Load::start(CLIENTS, |_| {
        let mut client = gateway.connect();
        move |pace| {
            let mut seen = BTreeSet::new();
            while pace.goes_on() {
                let response = client.send(&Request::get("/load"));
                response.assert_status(200);
                let answer = ["x-test-version", "x-test-config"].map(|name| response.field(name).map(str::to_owned));
                let asked = ["x-test-version", "x-test-config"].map(|name| response.echoed(name).pop());
                assert_eq!(asked, answer, "one exchange saw two generations");
                assert_eq!(response.field("x-test-mixed"), None, "state of another version");
                seen.insert(answer.map(Option::unwrap_or_default).concat());
                pace.did();
            }
            seen
        }
    })
}
