//! Owns what the tests of this room share; each test shows its own TOML.

mod alerts;
mod apis;
mod arbitrary;
mod chains;
mod defaults;
mod egress;
mod gateways;
mod keys;
mod leads;
mod otlp;
mod policies;

use super::{Api, Config, Tree};

/// The least gateway.toml there is.
const LISTEN: &str = "[listen.public]\naddress = \"127.0.0.1:8080\"\n";

/// The least api.toml with an upstream.
const PETS: &str = "name = \"pets\"\nversion = \"1\"\n[upstream.pets]\ntargets = [\"http://127.0.0.1:9001\"]\n";

/// Parse `LISTEN` and more.
fn gateway(more: &str) -> Result<Config, Vec<String>> {
    parse(&[("gateway.toml", &format!("{LISTEN}{more}"))])
}

/// Parse an API beside a gateway.toml that declares the policies `cors` and `jwt`.
fn api(text: &str) -> Result<Api, Vec<String>> {
    let gateway = format!("{LISTEN}[policy.cors]\nsource = \"builtin:cors\"\n[policy.jwt]\nsource = \"builtin:jwt\"\n");
    let config = parse(&[("gateway.toml", &gateway), ("pets/api.toml", text)])?;
    Ok(config.apis.into_iter().next().expect("one API"))
}

/// Parse files; faults as they are shown.
fn parse(files: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let tree = Tree::from_files(files.iter().copied());
    Config::parse(&tree).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// Assert that `result` is exactly one fault, and which.
#[track_caller]
fn assert_fault<T: std::fmt::Debug>(result: Result<T, Vec<String>>, expected: &str) {
    match result {
        Err(faults) if faults.len() == 1 && faults[0].contains(expected) => {}
        other => panic!("expected one fault with {expected:?}, got {other:#?}"),
    }
}

#[test]
fn all_faults_of_all_files_come_at_once_with_their_lines() {
    let gateway = r#"[listen.public]
adress = "127.0.0.1:8080"
idle_timeout = "75"

[keys.idp]
jwks = "secret:absent"

[policy.jwt]
source = "builtin:jwt"
grant = [
    "read:authorization",
    "egress:idp",
    "key:other",
]

[[chain]]
policy = "jtw"
"#;
    let pets = r#"name = "Pets"
version = 1
grant = ["respond"]

[[route]]
name = "getPet"
match = { methods = ["get"] }
upstream = "pets"
chain = ["jwt", "cors"]
"#;
    let faults = parse(&[
        ("gateway.toml", gateway),
        ("pets/api.toml", pets),
        ("shop/api.toml", "name = "),
        ("loose/other.toml", ""),
    ])
    .unwrap_err();
    let begins: Vec<&str> = faults.iter().map(|fault| fault.split("; ").next().unwrap()).collect();
    assert_eq!(
        begins,
        [
            "gateway.toml:1: listen.public.address: is missing",
            "gateway.toml:2: listen.public.adress: is not a known key",
            "gateway.toml:3: listen.public.idle_timeout: \"75\" does not fit",
            "gateway.toml:6: keys.idp.jwks: names a secret that is not declared",
            "gateway.toml:12: policy.jwt.grant[1]: names the service `idp`, which is not declared",
            "gateway.toml:13: policy.jwt.grant[2]: names the keys `other`, which are not declared",
            "gateway.toml:16: chain[0]: names the policy \"jtw\", which is not declared",
            "loose/api.toml: is missing beside other TOML files",
            "pets/api.toml:1: name: \"Pets\" does not fit",
            "pets/api.toml:2: version: is an integer",
            "pets/api.toml:3: grant: is not a known key",
            "pets/api.toml:7: route[0].match.methods[0]: \"get\" does not fit",
            "pets/api.toml:7: route[0].match.path: is missing",
            "pets/api.toml:8: route[0].upstream: names the upstream \"pets\", which is not declared",
            "pets/api.toml:9: route[0].chain[1]: names the policy \"cors\", which is not declared",
            "shop/api.toml:1: is not TOML: string values must be quoted, expected literal string",
        ]
    );
}
