//! Component files that are none, or that misbehave before the first request: refused with a reason, at start and while serving.

mod binary;
mod bulk;
mod by_hand;
mod corpus;
mod generated;
mod noise;

use binary::{Part, graft};
use lockgate_tests::{Gateway, Upstream, guests};

/// What stands in the file, and words of the reason.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let text = |wat: &str| wat::parse_str(wat).expect(wat);
    let plain = guests::module("start");
    let policy = guests::component("start");
    let with = |times: usize, wat: &str| graft(&policy, Part::Module, &text(wat), times);
    vec![
        ("no WebAssembly", b"#!/bin/sh\n".to_vec(), &["no WebAssembly: the file does not begin like it"]),
        ("empty", Vec::new(), &["no WebAssembly: the file does not begin like it"]),
        ("core module", text("(module (func (export \"on-request\")))"), &["core", "module"]),
        ("cut off", guests::component("trail")[..3000].to_vec(), &["cut off or damaged", "of 3000"]),
        ("exports nothing", text("(component)"), &["lifecycle"]),
        ("no hook", guests::component("no-hook"), &["hook"]),
        (
            "unknown import",
            text("(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))"),
            &["wasi:http/outgoing-handler@0.2.0", "no sockets and no HTTP"],
        ),
        (
            "WASI of another generation",
            text("(component (import \"wasi:cli/stdout@0.3.0\" (instance)))"),
            &["wasi:cli/stdout@0.3.0", "WASI 0.2"],
        ),
        ("sockets", guests::component("dialer"), &["wasi:sockets/tcp@0.2", "no sockets", "lockgate:policy/egress"]),
        (
            "import of another version",
            text("(component (import \"lockgate:policy/log@9.0.0\" (instance)))"),
            &["lockgate:policy/log@9.0.0"],
        ),
        (
            "another lifecycle",
            text("(component (instance $none) (export \"lockgate:policy/lifecycle@0.1.0\" (instance $none)))"),
            &["configure"],
        ),
        ("loops in start", guests::wrap(&binary::with_start(&plain, "start_spin")), &["instantiated", "CPU time"]),
        ("traps in start", guests::wrap(&binary::with_start(&plain, "start_trap")), &["instantiated", "unreachable"]),
        ("4 GiB of memory", guests::wrap(&binary::with_memory(&plain, 65536)), &["memory"]),
        ("loops in configure", guests::component("loop-configure"), &["configure", "CPU time"]),
        ("traps in configure", guests::component("trap-configure"), &["configure", "unreachable"]),
        ("asks for the time in configure", guests::component("impure-configure"), &["configure"]),
        ("of a newer contract", with_contract(&policy, b"0.2.0"), &["lockgate:policy/types@0.2.0"]),
        ("thousands of instances", with(5000, "(module)"), &["instances", "1000"]),
        ("hundreds of instances", with(500, "(module)"), &["core module instances", "64"]),
        (
            "thousands of instances in 200 bytes",
            graft(&policy, Part::Component, &binary::nested(5, 10), 1),
            &["core module instances, which exceeds"],
        ),
        ("memories of 4 GiB beside its own", with(1, "(module (memory 65536))"), &["instantiated", "memory limit"]),
        ("memories that are many", with(10, "(module (memory 1))"), &["linear memories"]),
        ("memories that are many in one module", with(1, "(module (memory 1) (memory 1))"), &["multiple memories"]),
        ("a table of ten million", with(1, "(module (table 10000000 funcref))"), &["instantiated", "memory limit"]),
        ("tables that are many", with(40, "(module (table 1 funcref))"), &["tables"]),
        (
            "a table that grows in start",
            with(
                1,
                "(module (table $t 1 funcref) (func $s
                    (if (i32.eq (table.grow $t (ref.null func) (i32.const 30000)) (i32.const -1)) (then unreachable)))
                    (start $s))",
            ),
            &["instantiated", "memory limit"],
        ),
    ]
}

/// The same component, made for another version of the contract.
fn with_contract(component: &[u8], version: &[u8; 5]) -> Vec<u8> {
    let mut bytes = component.to_vec();
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"@0.1.0")).collect();
    assert!(places.len() > 2, "the contract is not named as it was");
    for at in places {
        bytes[at + 1..at + 6].copy_from_slice(version);
    }
    bytes
}

const GATEWAY: &str = r#"
[policy.x]
source = "file:components/x.wasm"
grant = ["read:*", "write:x-test-*"]
"#;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "with"
match = { path = "/with" }
chain = ["x"]
upstream = "main"
[[route]]
name = "without"
match = { path = "/without" }
upstream = "main"
"#;

/// A gateway with this component on one of two routes.
fn serving(upstream: &Upstream, component: &[u8]) -> Gateway {
    let folder = Gateway::folder().upstream(upstream).file("components/x.wasm", component);
    folder.gateway_toml(GATEWAY).api("api", API).start()
}

#[test]
fn the_test_can_tell_a_good_component() {
    let plain = guests::wrap(&guests::module("start"));
    let upstream = Upstream::echo();
    let gateway = serving(&upstream, &plain);
    assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"]);
}

#[test]
fn nothing_starts_with_a_component_that_cannot_be_used() {
    for (what, bytes, said) in cases() {
        let folder = Gateway::folder()
            .word("upstream", "127.0.0.1:9")
            .file("components/x.wasm", bytes)
            .gateway_toml(GATEWAY)
            .api("api", API);
        let checked = folder.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{what}: {checked:?}");
        for text in said {
            assert!(checked.stderr.contains(text), "{what}: {text:?} is not in\n{}", checked.stderr);
        }
        assert!(checked.stderr.contains(".toml:"), "{what}: no place in\n{}", checked.stderr);
    }
}

#[test]
fn a_component_that_cannot_be_used_does_not_disturb_what_serves() {
    let upstream = Upstream::echo();
    let gateway = serving(&upstream, &guests::component("start"));
    for (what, bytes, said) in cases() {
        gateway.replace("components/x.wasm", &bytes);
        let word = said[0];
        gateway.wait_for_log(what, |line| line["reason"].as_str()?.contains(word).then_some(()));
        assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"], "{what}");
        gateway.get("/without").assert_status(200);
    }
    assert_eq!(gateway.status()["generation"], 1);
}

#[test]
fn a_component_that_overwhelms_the_compiler_ends_with_its_process_and_nobody_waits() {
    let upstream = Upstream::echo();
    let policy = guests::component("start");
    let gateway = serving(&upstream, &policy);
    let (before, _) = gateway.memory();
    let refused = |what: &str, signal: &str| {
        let reason = gateway.wait_for_refusal()["faults"][0]["reason"].clone();
        let ended = reason.as_str().unwrap_or_default().contains("the building process ended with signal");
        assert!(ended && reason.as_str().unwrap_or_default().contains(signal), "{what}: {reason}");
        assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"], "{what}");
    };
    gateway.replace("components/x.wasm", &graft(&policy, Part::Component, &binary::nested(10, 10), 1));
    refused("ten thousand million instances need memory", "SIGABRT");
    let branches = binary::with_branches(1000, 1000);
    gateway.replace("components/x.wasm", &graft(&policy, Part::Module, &branches, 1));
    // A second in place of two minutes.
    gateway.limit_building(1);
    for _ in 0..10 {
        assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"]);
        gateway.get("/without").assert_status(200);
    }
    refused("a million branches need time", "SIGXCPU");
    // What they took was not the gateway's.
    let (after, _) = gateway.memory();
    assert!(after < before + (64 << 20), "{before} B became {after} B");
}

#[test]
fn a_file_that_is_larger_than_any_component_is_not_read_to_its_end() {
    let upstream = Upstream::echo();
    let gateway = serving(&upstream, &guests::component("start"));
    gateway.replace("components/x.wasm", &vec![0; (64 << 20) + 1]);
    let refused = gateway.wait_for_refusal();
    assert_eq!(refused["faults"][0]["file"], "components/x.wasm");
    assert_eq!(refused["faults"][0]["reason"], "is larger than 64MiB");
    assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"]);
}

#[test]
fn a_component_of_parts_no_image_can_hold_is_configured_when_it_is_made() {
    let upstream = Upstream::echo();
    let inner = wat::parse_str("(component (core module $m (memory 1)) (core instance (instantiate $m)))").unwrap();
    let whole = graft(&guests::component("trail"), Part::Component, &inner, 1);
    let folder = Gateway::folder().file("components/trail.wasm", whole).gateway_toml(
        "chain = [{ policy = \"trail\", config = { name = \"t\" } }]\n[policy.trail]\n\
         source = \"file:components/trail.wasm\"\ngrant = [\"write:x-test-trail\"]\n",
    );
    let gateway = folder.proxy(&upstream).start();
    assert_eq!(gateway.get("/").echoed("x-test-trail"), ["t"]);
    let image = gateway.status()["policies"][0]["image"].clone();
    assert!(image["impossible"].as_str().is_some_and(|reason| reason.contains("component")), "{image}");
}
