//! How long a change on disk takes until a response shows it: `cargo run --release -p lockgate-tests --bin swap [ROUNDS]`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a benchmark tells what it measured, or what went wrong")]

use std::time::{Duration, Instant};

use lockgate_tests::{Client, Gateway, Request, Upstream, eventually, guests};

const API: &str = r#"
name = "api"
version = "1"
chain = [{ policy = "headers", config = { response = { set = { x-test-round = "0" } } } }, "mark"]
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "all"
match = { path = "/{*rest}" }
upstream = "main"
"#;

const GATEWAY: &str = r#"
[policy.headers]
source = "builtin:headers"
grant = ["write:x-test-*"]
[policy.mark]
source = "file:components/mark.wasm"
grant = ["write:x-test-*"]
"#;

fn main() {
    let rounds = std::env::args().nth(1).map_or(20, |text| text.parse().expect("the number of rounds is a number"));
    let upstream = Upstream::echo();
    let versions = [guests::component("version-b"), guests::component("version-a")];
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/mark.wasm", &versions[1])
        .gateway_toml(GATEWAY)
        .api("api", API)
        .start();
    let mut client = gateway.connect();

    let mut configuration = Vec::new();
    for round in 1..=rounds {
        let text = API.replace("\"0\"", &format!("\"{round}\""));
        gateway.write("api/api.toml", &text);
        configuration.push(shown(&mut client, "x-test-round", &round.to_string()));
    }
    // Every version has served before when it is measured: its code is in the state directory.
    let mut known = Vec::new();
    let mut turns = ["b", "a"].into_iter().zip(&versions).cycle();
    for (name, version) in turns.by_ref().take(1 + rounds) {
        gateway.replace("components/mark.wasm", version);
        known.push(shown(&mut client, "x-test-version", name));
    }
    known.remove(0);
    let mut new = Vec::new();
    for (round, (name, version)) in turns.take(rounds).enumerate() {
        gateway.replace("components/mark.wasm", &unseen(version, round));
        new.push(shown(&mut client, "x-test-version", name));
    }

    println!("{:<48} {:>9} {:>9}", "from the end of writing to the first response", "median ms", "worst ms");
    print("new configuration of a known component", configuration);
    print("a component that was compiled before", known);
    print(&format!("a component never seen, {} KB", versions[0].len() / 1000), new);
}

/// The time until a response has this value.
fn shown(client: &mut Client, name: &str, value: &str) -> Duration {
    let begun = Instant::now();
    eventually(value, || (client.send(&Request::get("/")).field(name) == Some(value)).then_some(()));
    begun.elapsed()
}

/// The same component with other bytes: one custom section more.
fn unseen(component: &[u8], round: usize) -> Vec<u8> {
    let stamp = [round.to_le_bytes(), (std::process::id() as usize).to_le_bytes()].concat();
    let content = [&[5], b"stamp".as_slice(), &stamp].concat();
    [component, &[0, content.len() as u8], &content].concat()
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0);
    println!("{what:<48} {:>9.0} {:>9.0}", ms(times.get(times.len() / 2)), ms(times.last()));
}
