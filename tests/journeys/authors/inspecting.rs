//! `policy inspect`: what components say about themselves, and what those say that are none.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use lockgate_tests::{Folder, Gateway, guests};
use serde_json::json;

fn with(bytes: impl AsRef<[u8]>) -> Folder {
    let folder = Gateway::folder();
    fs::write(folder.root().join("x.wasm"), bytes).unwrap();
    folder
}

fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).expect(wat)
}

/// A component with one more custom section, of at most 127 bytes altogether.
fn with_section(component: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(1 + name.len() + data.len()).ok().filter(|length| *length < 128).unwrap();
    [component, &[0, length, u8::try_from(name.len()).unwrap()], name.as_bytes(), data].concat()
}

#[test]
fn a_component_is_told_as_what_it_is_and_what_it_needs() {
    let folder = with(guests::component("set-one"));
    let config = "request = 'x-test-a'\nresponse = 'x-test-b'\n";
    fs::write(folder.root().join("c.toml"), config).unwrap();
    fs::write(folder.root().join("c.json"), r#"{"request":"x-test-a","response":"x-test-b"}"#).unwrap();
    let report = super::json(&folder, &["policy", "inspect", "x.wasm", "--config", "c.toml", "--json"], 0);
    assert_eq!(report, super::json(&folder, &["policy", "inspect", "x.wasm", "--config", "c.json", "--json"], 0));
    assert_eq!(report["ok"], true);
    assert_eq!(report["contract"], json!(["0.1.0"]));
    assert_eq!(report["hooks"], json!(["request-phase", "response-phase"]));
    assert_eq!(report["imports"][0]["name"], "lockgate:policy/types@0.1.0");
    assert_eq!(report["imports"][0]["origin"], "contract");
    assert_eq!(report["interest"]["request_read"], json!([":path"]));
    assert_eq!(report["grant"], json!(["read::path", "read::status", "write:x-test-a", "write:x-test-b"]));
    assert_eq!(report["signature"], json!(null));
    let said =
        ["sha256:", "core modules", "memories", "wit-component", "writes to requests", "[policy.x]", "read::path"];
    folder.run(&["policy", "inspect", "x.wasm", "--config", "c.json"]).assert(0, &said);
}

#[test]
fn a_component_can_be_read_without_being_run() {
    let folder = with(guests::component("set-one"));
    // It refuses to be configured with nothing, if it is asked.
    folder.run(&["policy", "inspect", "x.wasm"]).assert(1, &["configuration refused"]);
    let report = super::json(&folder, &["policy", "inspect", "x.wasm", "--no-run", "--json"], 0);
    assert_eq!((&report["ok"], &report["was_run"], &report["interest"]), (&json!(true), &json!(false), &json!(null)));
    assert_eq!(report["hooks"], json!(["request-phase", "response-phase"]));
    let ended = folder.run(&["policy", "inspect", "x.wasm", "--no-run"]);
    ended.assert(0, &["sha256:", "lockgate:policy/types@0.1.0", "not asked"]);
    assert!(!ended.stdout.contains("[policy.x]"), "nobody knows what it needs: {}", ended.stdout);
    folder.run(&["policy", "inspect", "x.wasm", "--no-run", "--config", "x"]).assert(2, &["cannot be used with"]);
}

#[test]
fn the_policies_of_the_gateway_can_be_inspected_too() {
    let folder = Gateway::folder();
    fs::write(folder.root().join("c.json"), r#"{"keys":"idp","any_issuer":true,"any_audience":true}"#).unwrap();
    let said = ["builtin:jwt", "key:idp", "signature checks", "[policy.jwt]", "source = \"builtin:jwt\""];
    let ended = folder.run(&["policy", "inspect", "builtin:jwt", "--config", "c.json"]);
    ended.assert(0, &said);
    assert!(!ended.stdout.contains("digest ="), "a pin that every update breaks: {}", ended.stdout);
    let responder = super::json(&folder, &["policy", "inspect", "builtin:petstore", "--json"], 0);
    assert!(responder["grant"].as_array().unwrap().contains(&json!("responder")), "{responder}");
    folder.run(&["policy", "inspect", "builtin:jvt"]).assert(1, &["did you mean builtin:jwt?"]);
    folder.run(&["policy", "inspect", "builtin:"]).assert(1, &["there are", "cors"]);
}

#[test]
fn what_is_no_component_says_what_to_do() {
    let whole = guests::component("trail");
    let cases = [
        (b"#!/bin/sh\n".to_vec(), "no WebAssembly"),
        (Vec::new(), "no WebAssembly"),
        (guests::module("trail"), "lockgate policy build"),
        (whole[..whole.len() / 2].to_vec(), "cut off or damaged"),
    ];
    for (bytes, said) in cases {
        let folder = with(bytes);
        folder.run(&["policy", "inspect", "x.wasm"]).assert(1, &["x.wasm", said]);
        let report = super::json(&folder, &["policy", "inspect", "x.wasm", "--json"], 1);
        assert_eq!(report["ok"], false);
        assert!(report["faults"][0].as_str().unwrap().contains(said), "{report}");
    }
    let folder = with(whole);
    folder.run(&["policy", "inspect", "absent.wasm"]).assert(1, &["absent.wasm", "cannot be read"]);
    folder.run(&["policy", "inspect", "policies"]).assert(1, &["is a folder"]);
    for (name, text) in [("a.json", "{"), ("b.json", "[]"), ("c.toml", "= 1")] {
        fs::write(folder.root().join(name), text).unwrap();
        folder.run(&["policy", "inspect", "x.wasm", "--config", name]).assert(1, &[name, "configuration"]);
    }
}

#[test]
fn faults_do_not_hide_the_rest() {
    let wasi = "(component (import \"wasi:sockets/tcp@0.2.0\" (instance)) (import \"acme:x/y\" (instance)))";
    let cases = [
        (guests::component("trail"), vec!["request-phase", "missing field `name`"]),
        (guests::component("trap-configure"), vec!["contract      lockgate:policy@0.1.0", "unreachable"]),
        (guests::component("loop-configure"), vec!["hooks", "CPU time"]),
        (component(wasi), vec!["! wasi:sockets/tcp@0.2.0  refused", "! acme:x/y  refused", "no policy", "refuses it"]),
        (component("(component)"), vec!["none", "lifecycle"]),
    ];
    for (bytes, said) in cases {
        with(bytes).run(&["policy", "inspect", "x.wasm"]).assert(1, &said);
    }
    let folder = with(guests::component("trap-configure"));
    let report = super::json(&folder, &["policy", "inspect", "x.wasm", "--json"], 1);
    assert!(report["faults"][0].as_str().unwrap().contains("unreachable"), "{report}");
    assert_eq!((&report["ok"], &report["policy"]), (&json!(false), &json!(null)));
}

#[test]
fn a_list_of_dependencies_is_shown_and_one_that_cannot_be_read_is_not_hidden() {
    let packed = |text: &str| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let list = r#"{"packages":[{"name":"serde","version":"1.0.2","source":"crates.io"}]}"#;
    let start = guests::component("start");
    let folder = with(with_section(&start, ".dep-v0", &packed(list)));
    folder.run(&["policy", "inspect", "x.wasm"]).assert(0, &["serde 1.0.2 (crates.io)"]);
    let folder = with(with_section(&start, ".dep-v0", b"nonsense"));
    folder.run(&["policy", "inspect", "x.wasm"]).assert(0, &["! a list, but it is not compressed"]);
    with(start).run(&["policy", "inspect", "x.wasm"]).assert(0, &["not listed"]);
}

#[test]
fn what_a_component_says_is_shown_and_not_obeyed() {
    // A field `sdk` of the producers with one value, which would clear the screen.
    let producers = b"\x01\x03sdk\x01\x08\x1b[2Jevil\x01\x31";
    let folder = with(with_section(&guests::component("start"), "producers", producers));
    let ended = folder.run(&["policy", "inspect", "x.wasm"]);
    ended.assert(0, &["sdk: \\u{1b}[2Jevil 1"]);
    assert!(!ended.stdout.contains('\u{1b}'), "{ended:?}");
    let hostile = "request = \"\"\"x\\\"]\nevil = [\\\"\"\"\"\nresponse = 'X-B'\n";
    let folder = with(guests::component("set-one"));
    fs::write(folder.root().join("c.toml"), hostile).unwrap();
    let report = super::json(&folder, &["policy", "inspect", "x.wasm", "--config", "c.toml", "--json"], 1);
    assert!(report["faults"][0].as_str().unwrap().contains("cannot be granted"), "{report}");
    let lines: Vec<_> = report["policy"].as_str().unwrap().lines().collect();
    assert!(lines.iter().all(|line| !line.starts_with("evil")), "{lines:?}");
}
