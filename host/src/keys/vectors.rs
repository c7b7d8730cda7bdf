//! Public test vectors for JWS: Wycheproof's, and the examples of RFC 7520, 7797 and 8037.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Algorithm, KeySet};

/// Cases where we differ from the expectation of the vectors, and whether we accept.
const DIFFERENT: [(u64, bool, &str); 8] = [
    (346, false, "the key says PS256, the header PS384: `alg` binds a key (RFC 7517 section 4.4)"),
    (347, false, "the key says ES521, which is no algorithm (RFC 7518 section 3.1)"),
    (350, false, "as 346"),
    (351, false, "as 347"),
    (367, true, "the text is that of case 357, which is valid; the padding meant to be wrong is not there"),
    (370, true, "as 367"),
    (372, false, "a `?` in the header is outside the alphabet of base64url (RFC 7515 section 2)"),
    (373, false, "as 372, in the payload"),
];

/// A file of the corpora, or none after saying so: they are not part of the project.
fn corpus(file: &str) -> Option<Value> {
    let root = std::env::var_os("LOCKGATE_CORPORA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")), PathBuf::from);
    let path = root.join(file);
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("SKIPPED: no test vectors at {}; set LOCKGATE_CORPORA", path.display());
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

/// Whether a compact JWS is right for the set: header, algorithm, id and signature, all parts strictly base64url.
fn accepts(set: &KeySet, jws: &str) -> bool {
    let mut parts = jws.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let (Some(head), Some(_), Some(mac)) = (decode(header), decode(payload), decode(signature)) else {
        return false;
    };
    let Ok(head) = serde_json::from_slice::<Value>(&head) else {
        return false;
    };
    let Some(algorithm) = head["alg"].as_str().and_then(|name| name.parse::<Algorithm>().ok()) else {
        return false;
    };
    let message = format!("{header}.{payload}");
    set.verify(algorithm, head["kid"].as_str(), message.as_bytes(), &mac).is_ok()
}

fn set_of(key: &Value) -> Option<KeySet> {
    KeySet::from_jwks(json!({ "keys": [key] }).to_string().as_bytes()).ok()
}

#[test]
fn exactly_the_valid_wycheproof_signatures_are_accepted() {
    let Some(corpus) = corpus("wycheproof/json_web_signature_test.json") else {
        return;
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for group in corpus["testGroups"].as_array().unwrap() {
        let key = group.get("public").unwrap_or(&group["private"]);
        let set = set_of(key);
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            let ours = DIFFERENT.iter().find(|(case, ..)| *case == id);
            let valid = ours.map_or(test["result"] == "valid", |(_, accept, _)| *accept);
            // A JWS in JSON form is an object here; only the compact form is a bearer token.
            let jws = test["jws"].as_str().unwrap_or_default();
            if set.as_ref().is_some_and(|set| accepts(set, jws)) != valid {
                wrong.push(id);
            }
            seen += 1;
        }
    }
    assert_eq!(wrong, [0; 0]);
    assert_eq!(seen, corpus["numberOfTests"].as_u64().unwrap());
}

#[test]
fn the_examples_of_the_jose_cookbook_verify_and_changed_ones_do_not() {
    let files = [
        "jws/4_1.rsa_v15_signature.json",
        "jws/4_2.rsa-pss_signature.json",
        "jws/4_3.ecdsa_signature.json",
        "jws/4_4.hmac-sha2_integrity_protection.json",
        "curve25519/jws.json",
    ];
    for file in files {
        let Some(example) = corpus(&format!("jose-cookbook/{file}")) else {
            return;
        };
        let set = set_of(&example["input"]["key"]).unwrap();
        let jws = example["output"]["compact"].as_str().unwrap();
        assert!(accepts(&set, jws), "{file}");
        let changed = jws.replacen('.', ".AAAA", 1);
        assert!(!accepts(&set, &changed), "{file}");
    }
}

#[test]
fn the_examples_in_json_form_verify_and_changed_ones_do_not() {
    let files = [
        "jws/4_6.protecting_specific_header_fields.json",
        "jws/4_7.protecting_content_only.json",
        "rfc7797/4.2.hmac-sha2_b64_false.json",
        "rfc7797/hmac-sha2_b64_false.json",
    ];
    for file in files {
        let Some(example) = corpus(&format!("jose-cookbook/{file}")) else {
            return;
        };
        let set = set_of(&example["input"]["key"]).unwrap();
        let algorithm = example["input"]["alg"].as_str().unwrap().parse().unwrap();
        // The `output`, since one file of RFC 7797 has the signing input of another under `signing`.
        let output = &example["output"]["json_flat"];
        let member = |name: &str| output[name].as_str().unwrap_or_default();
        let input = format!("{}.{}", member("protected"), member("payload"));
        let signature = URL_SAFE_NO_PAD.decode(member("signature")).unwrap();
        let verify = |message: &str| set.verify(algorithm, None, message.as_bytes(), &signature);
        assert_eq!(verify(&input), Ok(()), "{file}");
        assert!(verify(&format!("{input} ")).is_err(), "{file}");
    }
}

#[test]
fn each_of_several_signatures_is_found_in_one_set() {
    let Some(example) = corpus("jose-cookbook/jws/4_8.multiple_signatures.json") else {
        return;
    };
    let text = json!({ "keys": example["input"]["key"] }).to_string();
    let set = KeySet::from_jwks(text.as_bytes()).unwrap();
    let payload = example["output"]["json"]["payload"].as_str().unwrap();
    let signatures = example["output"]["json"]["signatures"].as_array().unwrap();
    let algorithms = example["input"]["alg"].as_array().unwrap();
    assert_eq!(signatures.len(), 3);
    for (signature, algorithm) in signatures.iter().zip(algorithms) {
        let protected = signature["protected"].as_str().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(signature["signature"].as_str().unwrap()).unwrap();
        let algorithm = algorithm.as_str().unwrap().parse().unwrap();
        let message = format!("{protected}.{payload}");
        assert_eq!(set.verify(algorithm, None, message.as_bytes(), &bytes), Ok(()));
    }
}
