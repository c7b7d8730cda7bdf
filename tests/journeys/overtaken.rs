//! A change of the folder that comes while the one before it is being built.

use lockgate_tests::{Folder, Gateway, Upstream, eventually, guests};
use serde_json::Value;

/// A folder whose policy has so many configurations. Each takes a second of CPU time to be tried on a component that never
/// comes to an end with it.
fn folder(upstream: &Upstream, configurations: usize) -> Folder {
    let policy =
        "[policy.mark]\nsource = \"file:components/mark.wasm\"\ngrant = [\"write:x-test-*\"]\nisolation = \"pooled\"\n";
    Gateway::folder()
        .upstream(upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(&format!("{policy}limits = {{ cpu = \"1s\", wall = \"1m\" }}\n"))
        .api("api", &api("/one", configurations))
}

fn api(path: &str, configurations: usize) -> String {
    let chain: Vec<_> =
        (0..configurations).map(|n| format!("{{ policy = \"mark\", config = {{ n = {n} }} }}")).collect();
    format!(
        r#"
name = "api"
version = "1"
chain = [{}]
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "one"
match = {{ path = "{path}" }}
upstream = "main"
"#,
        chain.join(", ")
    )
}

/// So many that no test could wait for their end.
const MANY: usize = 80;

fn begin_to_build(gateway: &Gateway) {
    gateway.replace("components/mark.wasm", &guests::component("loop-configure"));
    // The first is the one that serves.
    eventually("the build", || (builds(gateway) == 2).then_some(()));
    // It says so before it begins.
    eventually("somebody to build", || (!gateway.building().is_empty()).then_some(()));
}

/// How many components were built so far, or are being built.
fn builds(gateway: &Gateway) -> usize {
    logged(gateway, "building a component")
}

/// How often the log has a message that begins so.
fn logged(gateway: &Gateway, message: &str) -> usize {
    let written = gateway.written();
    let lines = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"].as_str().is_some_and(|it| it.starts_with(message))).count()
}

fn is_idle(gateway: &Gateway) -> bool {
    gateway.status()["building_since"].is_null()
}

#[test]
fn what_is_taken_back_is_not_built_to_its_end() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, MANY).start();
    begin_to_build(&gateway);
    gateway.replace("components/mark.wasm", &guests::component("version-a"));
    eventually("the end of the build", || is_idle(&gateway).then_some(()));
    eventually("nobody to build", || gateway.building().is_empty().then_some(()));
    let status = gateway.status();
    assert_eq!((&status["generation"], &status["refused"]), (&1.into(), &Value::Null));
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    gateway.verb(&["rollback"]).assert(1, &["nothing"]);
}

#[test]
fn what_comes_instead_does_not_wait_for_what_nobody_wants_any_more() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, MANY).start();
    begin_to_build(&gateway);
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    eventually("the newest to answer", || (gateway.get("/one").field("x-test-version") == Some("b")).then_some(()));
    let status = gateway.status();
    assert_eq!((&status["generation"], &status["refused"]), (&2.into(), &Value::Null));
}

#[test]
fn what_is_broken_meanwhile_is_told_at_once() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, MANY).start();
    begin_to_build(&gateway);
    gateway.write("gateway.toml", "[listen");
    let refused = gateway.wait_for_refusal();
    assert_eq!(refused["faults"][0]["line"], 1);
    eventually("the end of the build", || is_idle(&gateway).then_some(()));
    eventually("nobody to build", || gateway.building().is_empty().then_some(()));
}

#[test]
fn what_is_still_wanted_is_built_once_however_often_something_else_changes() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, MANY).start();
    begin_to_build(&gateway);
    for (times, path) in [(1, "/two"), (2, "/three")] {
        gateway.write("api/api.toml", &api(path, MANY));
        eventually("the change to be noticed", || {
            (logged(&gateway, "the folder changed again") == times).then_some(())
        });
    }
    assert_eq!(builds(&gateway), 2);
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    eventually("the newest path", || (gateway.get("/three").field("x-test-version") == Some("b")).then_some(()));
}
