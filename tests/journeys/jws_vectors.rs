//! Wycheproof's JWS and the examples of RFC 7520, as bearer tokens at the gateway.

use std::collections::BTreeSet;
use std::fs;

use lockgate_tests::corpus;
use lockgate_tests::{Gateway, Request, Upstream};
use serde_json::{Value, json};

/// What is said of a token whose signature is right and whose payload is no claims, as that of no vector is.
const RIGHT: &str = "the claims are malformed";

/// Cases whose signature we take otherwise than the vectors expect; why is said where keys are tested (`keys/vectors.rs`).
const DIFFERENT: [u64; 8] = [346, 347, 350, 351, 367, 370, 372, 373];

/// A gateway with one key set and one route for each of these keys; none for a key it refuses.
fn gateway(upstream: &Upstream, keys: &[Value]) -> Gateway {
    let (mut declared, mut grants, mut routes) = (String::new(), String::new(), String::new());
    let mut folder = Gateway::folder().upstream(upstream);
    for (at, key) in keys.iter().enumerate() {
        fs::write(folder.root().join(format!("k{at}")), json!({ "keys": [key] }).to_string()).unwrap();
        declared += &format!("[secret.k{at}]\nfile = \"k{at}\"\n[keys.k{at}]\njwks = \"secret:k{at}\"\n");
        grants += &format!("\"key:k{at}\", ");
        routes += &format!(
            "[[route]]\nname = \"k{at}\"\nmatch = {{ path = \"/k{at}\" }}\nupstream = \"main\"\n\
             chain = [{{ policy = \"jwt\", config = {{ keys = \"k{at}\", any_issuer = true, any_audience = true, attributes = {{}} }} }}]\n"
        );
    }
    folder = folder.gateway_toml(&format!(
        "{declared}[policy.jwt]\nsource = \"builtin:jwt\"\n\
         grant = [{grants}\"read:authorization\", \"write:authorization\", \"respond\"]\n"
    ));
    folder
        .api(
            "api",
            &format!("name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n{routes}"),
        )
        .start()
}

/// Whether the signature is found right; nothing gets as far as the upstream.
fn is_right(gateway: &Gateway, key: usize, jws: &str) -> bool {
    // What cannot stand in a field is no bearer token.
    if !jws.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let response = gateway.send(&Request::get(&format!("/k{key}")).bearer(jws));
    assert!(matches!(response.status, 400 | 401), "{jws}: {response:?}");
    response.json()["detail"] == RIGHT
}

#[test]
fn exactly_the_valid_wycheproof_signatures_pass_the_gateway() {
    let Some(folder) = corpus("wycheproof") else { return };
    let text = fs::read(folder.join("json_web_signature_test.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    let groups = vectors["testGroups"].as_array().unwrap();
    // A set of which no key can be used is a fault of the configuration: nothing is right there.
    let usable = |key: &Value| {
        let operations = key["key_ops"].as_array();
        key["alg"] != "ES521" && key["use"] != "enc" && operations.is_none_or(|all| all.contains(&json!("verify")))
    };
    let groups: Vec<_> =
        groups.iter().map(|group| (group.get("public").unwrap_or(&group["private"]), &group["tests"])).collect();
    let keys: Vec<Value> = groups.iter().filter(|(key, _)| usable(key)).map(|(key, _)| (*key).clone()).collect();
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, &keys);
    let (mut wrong, mut right, mut all) = (BTreeSet::new(), 0, 0);
    let mut at = 0;
    for (key, tests) in groups {
        for test in tests.as_array().unwrap() {
            let jws = test["jws"].as_str().unwrap_or_default();
            let is_right = usable(key) && is_right(&gateway, at, jws);
            all += 1;
            right += usize::from(is_right);
            if is_right != (test["result"] == "valid") {
                wrong.insert(test["tcId"].as_u64().unwrap());
            }
        }
        at += usize::from(usable(key));
    }
    assert_eq!(wrong, BTreeSet::from(DIFFERENT));
    assert_eq!((all, right), (401, 42));
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn the_signatures_of_the_jose_cookbook_pass_the_gateway_and_changed_ones_do_not() {
    let Some(folder) = corpus("jose-cookbook") else { return };
    let files = [
        "jws/4_1.rsa_v15_signature",
        "jws/4_2.rsa-pss_signature",
        "jws/4_3.ecdsa_signature",
        "jws/4_4.hmac-sha2_integrity_protection",
        "curve25519/jws",
    ];
    let examples = files.map(|file| {
        let text = fs::read(folder.join(format!("{file}.json"))).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    });
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, &examples.each_ref().map(|example| example["input"]["key"].clone()));
    for (at, example) in examples.iter().enumerate() {
        let jws = example["output"]["compact"].as_str().unwrap();
        assert!(is_right(&gateway, at, jws), "{}", files[at]);
        assert!(!is_right(&gateway, at, &jws.replacen('.', ".AAAA", 1)), "{}", files[at]);
        assert!(!is_right(&gateway, (at + 2) % files.len(), jws), "{}", files[at]);
    }
}
