//! `[trust]`: a gateway that runs only what somebody it trusts has signed.

use std::fs;

use lockgate_tests::{Folder, Gateway, Upstream, guests};

const POLICY: &str = r#"
chain = [{ policy = "trail", config = { name = "t" } }, { policy = "cors", config = { origins = ["https://a.example"] } }]
[policy.trail]
source = "file:components/trail.wasm"
grant = ["write:x-test-*", "write:x-test-version", "write:x-test-mixed"]
[policy.cors]
source = "builtin:cors"
grant = ["read:*", "write:*", "respond", "read::*"]
"#;

/// The text of a public key of these keys.
fn key(folder: &Folder, name: &str) -> String {
    let text = fs::read_to_string(folder.root().join(format!("{name}.pub"))).unwrap();
    text.lines().last().unwrap().to_owned()
}

/// Sign a component of the policies folder as it would be elsewhere; returns the signature.
fn sign(folder: &Folder, component: &[u8], name: &str) -> Vec<u8> {
    let elsewhere = folder.root().join("elsewhere.wasm");
    fs::write(&elsewhere, component).unwrap();
    folder.run(&["policy", "sign", "elsewhere.wasm", "--key", &format!("{name}.key")]).assert(0, &[]);
    fs::read(folder.root().join("elsewhere.wasm.minisig")).unwrap()
}

/// A folder with two pairs of keys, `own` and `other`, of which the first is trusted.
fn folder(upstream: &Upstream) -> Folder {
    let folder = Gateway::folder().guest("trail").proxy(upstream);
    for name in ["own", "other"] {
        folder.run(&["policy", "keygen", name, "--no-password"]).assert(0, &[]);
    }
    let trust = format!("[trust]\nkeys = [\"{}\"]\nrequire_signature = true\n", key(&folder, "own"));
    folder.gateway_toml(&format!("{POLICY}{trust}"))
}

#[test]
fn nothing_starts_with_a_component_nobody_trusted_signed() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream);
    let place = "gateway.toml:3: policy.trail.source";
    folder
        .run(&["check"])
        .assert(1, &[place, "components/trail.wasm is not signed", "trail.wasm.minisig", "policy sign"]);
    let trail = guests::component("trail");
    let minisig = "components/trail.wasm.minisig";
    folder.replace(minisig, &sign(&folder, &trail, "other"));
    folder.run(&["check"]).assert(1, &[place, "which is not trusted", "`keys` of [trust]"]);
    folder.replace(minisig, &sign(&folder, &guests::component("gate"), "own"));
    folder.run(&["check"]).assert(1, &[place, "is not good", "belong together"]);
    folder.replace(minisig, b"no signature");
    folder.run(&["check"]).assert(1, &[place, "no signature of minisign"]);
    folder.replace(minisig, &sign(&folder, &trail, "own"));
    folder.run(&["check"]).assert(0, &["is right"]);
}

#[test]
fn a_component_is_replaced_only_by_one_that_is_signed() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream);
    let minisig = "components/trail.wasm.minisig";
    folder.replace(minisig, &sign(&folder, &guests::component("trail"), "own"));
    let gateway = folder.start();
    assert_eq!(gateway.get("/").echoed("x-test-trail"), ["t"]);

    let other = guests::component("version-a");
    gateway.replace("components/trail.wasm", &other);
    let refused = gateway.wait_for_refusal();
    let reason = refused["faults"][0]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("is not good"), "{refused}");
    assert_eq!(gateway.get("/").echoed("x-test-trail"), ["t"]);
    assert_eq!(gateway.status()["generation"], 1);
    gateway.replace(minisig, &sign(&gateway, &other, "own"));
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get("/").echoed("x-test-version"), ["a"]);

    // The signature is part of what serves.
    gateway.remove(minisig);
    let refused = gateway.wait_for_refusal();
    assert!(refused["faults"][0]["reason"].as_str().unwrap_or_default().contains("not signed"), "{refused}");
    assert_eq!(gateway.get("/").echoed("x-test-version"), ["a"]);
    gateway.replace(minisig, &sign(&gateway, &other, "own"));
    // Signed again, the signature is another: what serves from now on was judged by it.
    gateway.wait_for_generation(3);
    assert_eq!(gateway.status()["refused"], serde_json::Value::Null);
}

#[test]
fn keys_may_lie_in_files_and_be_kept_for_a_time_without_signatures() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream);
    folder.replace("keys/own.pub", &fs::read(folder.root().join("own.pub")).unwrap());
    folder.replace("components/trail.wasm.minisig", &sign(&folder, &guests::component("trail"), "own"));
    let with = |trust: &str| {
        folder.write("gateway.toml", &format!("{POLICY}[listen.a]\naddress='127.0.0.1:0'\n[trust]\n{trust}\n"))
    };
    with("keys = ['file:keys/own.pub']");
    folder.run(&["check"]).assert(0, &["is right"]);
    folder.remove("components/trail.wasm.minisig");
    folder.run(&["check"]).assert(1, &["is not signed"]);
    with("keys = ['file:keys/own.pub']\nrequire_signature = false");
    folder.run(&["check"]).assert(0, &["is right"]);
}

#[test]
fn trust_that_makes_no_sense_is_a_fault() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream);
    folder.replace("keys/secret.pub", b"nothing\n");
    let cases = [
        ("", "trust.keys: is missing"),
        ("keys = []", "trust.keys: is empty"),
        ("keys = ['RWnonsense']", "trust.keys[0]: \"RWnonsense\" is not valid: it is no public key"),
        ("keys = ['file:absent.pub']", "trust.keys[0]: names no file"),
        ("keys = ['file:keys/secret.pub']", "trust.keys[0]: keys/secret.pub is no public key"),
        ("keys = []\nrequired = true", "trust.required"),
    ];
    for (trust, said) in cases {
        folder.write("gateway.toml", &format!("[listen.a]\naddress='127.0.0.1:0'\n[trust]\n{trust}\n"));
        folder.run(&["check"]).assert(1, &["gateway.toml:", said]);
    }
    folder.write("gateway.toml", "[listen.a]\naddress='127.0.0.1:0'\n");
    folder.replace("keys/own.key", &fs::read(folder.root().join("own.key")).unwrap());
    folder.run(&["check"]).assert(1, &["keys/own.key", "secret key of minisign"]);
}
