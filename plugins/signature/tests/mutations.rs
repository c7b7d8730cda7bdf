//! Whatever is changed of a signed request, it is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_plugin_signature::Signature;
use lockgate_sdk::crypto::Algorithm;
use lockgate_sdk::prelude::*;
use proptest::prelude::*;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use support::{Key, Lines, edited, facts, hold, kind, lines, policy};

const BODY: &[u8] = b"{\"pet\":\"dog\"}";

const COVERED: [&str; 9] = [
    "@method",
    "@target-uri",
    "@query-param;name=\"id\"",
    "x-plain",
    "x-wrapped;bs",
    "x-dict;key=\"a\"",
    "x-list;sf",
    "cookie",
    "content-digest",
];

const ALGORITHMS: [(&str, &str); 5] = [
    ("ed25519", "ed25519"),
    ("p256", "ecdsa-p256-sha256"),
    ("p384", "ecdsa-p384-sha384"),
    ("rsa", "rsa-pss-sha512"),
    ("secret", "hmac-sha256"),
];

thread_local! {
    static KEYS: RefCell<Option<BTreeMap<&'static str, Key>>> = const { RefCell::new(None) };
}

/// Made once for a thread, since RSA takes its time.
fn keys() -> BTreeMap<&'static str, Key> {
    KEYS.with_borrow_mut(|keys| {
        let make = || {
            BTreeMap::from([
                ("ed25519", Key::ed25519()),
                ("p256", Key::p256()),
                ("p384", Key::p384()),
                ("rsa", Key::rsa(Algorithm::Ps512)),
                ("secret", Key::hmac(b"a secret of 32 bytes that is one")),
            ])
        };
        keys.get_or_insert_with(make).clone()
    })
}

fn sender(key: &str, algorithm: &str) -> Signature {
    policy(&json!({
        "structured": {"x-list": "list"},
        "sign": {
            "key": key, "keyid": key, "algorithm": algorithm, "components": COVERED, "tag": "t", "nonce": true,
            "expires_in": "1m", "digest": "sha-512",
        },
    }))
}

fn receiver(algorithm: &str) -> Signature {
    policy(&json!({
        "structured": {"x-list": "list"},
        "verify": {"keys": "partners", "algorithms": [algorithm], "components": COVERED, "tag": "t"},
    }))
}

fn request() -> Lines {
    lines(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "api.example.com"),
        (":path", "/pets"),
        (":query", "id=7&b=%20"),
        ("content-length", "13"),
        ("x-plain", "a, b"),
        ("x-plain", "c"),
        ("x-wrapped", "d"),
        ("x-dict", "a=(1 2);x, b"),
        ("x-list", "a,   b"),
        ("cookie", "c=1"),
    ])
}

/// The request as it is sent: with the digest of its body and a signature.
fn signed(key: &str, algorithm: &str) -> Lines {
    hold(keys());
    let (sender, request) = (sender(key, algorithm), request());
    let verdict = sender.on_request(&facts(&request).build().head());
    let state = verdict.edits().unwrap().new_state().unwrap().to_vec();
    let verdict = sender.on_body(Direction::Request, BODY, &state);
    edited(&request, verdict.edits().unwrap().head_edits().unwrap())
}

/// What comes of a request with a body.
fn outcome(receiver: &Signature, head: &Lines, body: &[u8]) -> String {
    let verdict = receiver.on_request(&facts(head).build().head());
    let Some(edits) = verdict.edits() else { return kind(&verdict) };
    kind(&receiver.on_body(Direction::Request, body, edits.new_state().unwrap()))
}

#[test]
fn what_is_signed_by_any_algorithm_is_verified() {
    for (key, algorithm) in ALGORITHMS {
        assert_eq!(outcome(&receiver(algorithm), &signed(key, algorithm), BODY), "", "{algorithm}");
    }
}

#[test]
fn a_signature_by_one_algorithm_is_none_by_another() {
    for (key, algorithm) in ALGORITHMS {
        let head = signed(key, algorithm);
        for (_, other) in ALGORITHMS.iter().filter(|(_, other)| *other != algorithm) {
            assert_eq!(outcome(&receiver(other), &head, BODY), "algorithm_not_accepted", "{algorithm} as {other}");
        }
    }
}

#[test]
fn each_byte_of_what_is_covered_counts() {
    let (head, receiver) = (signed("ed25519", "ed25519"), receiver("ed25519"));
    // Of these only a part is covered, or only the meaning; the length is not covered at all.
    let whole = |name: &str| !["x-dict", "x-list", "content-length"].contains(&name);
    for at in (0..head.len()).filter(|at| whole(&head[*at].0)) {
        for byte in 0..head[at].1.len() {
            let mut other = head.clone();
            let mut bytes = other[at].1.clone().into_bytes();
            bytes[byte] ^= 1;
            other[at].1 = String::from_utf8(bytes).unwrap();
            assert_ne!(outcome(&receiver, &other, BODY), "", "{}: {}", other[at].0, other[at].1);
        }
        let mut without = head.clone();
        without.remove(at);
        assert_ne!(outcome(&receiver, &without, BODY), "", "without {}", head[at].0);
        let mut twice = head.clone();
        twice.push(head[at].clone());
        let is_field = !head[at].0.starts_with(':');
        assert!(!is_field || !outcome(&receiver, &twice, BODY).is_empty(), "{} twice", head[at].0);
    }
}

#[test]
fn what_means_the_same_may_be_written_in_another_way() {
    let (head, receiver) = (signed("ed25519", "ed25519"), receiver("ed25519"));
    for (name, value, is_same) in [
        ("x-list", "a, b", true),
        ("x-list", "a,b", true),
        ("x-list", "b, a", false),
        ("x-dict", "b=1, a=( 1  2 );x=?1", true),
        ("x-dict", "a=(1 2)", false),
        ("x-dict", "a=(1 2);x, a=1", false),
        ("x-unknown", "1", true),
    ] {
        let mut other: Lines = head.iter().filter(|(found, _)| found != name).cloned().collect();
        other.push((name.to_owned(), value.to_owned()));
        assert_eq!(outcome(&receiver, &other, BODY).is_empty(), is_same, "{name}: {value}");
    }
}

proptest! {
    #[test]
    fn any_other_value_is_refused(
        at in 0..15_usize, value in "[ -~]{0,40}", other_body in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let (head, receiver) = (signed("secret", "hmac-sha256"), receiver("hmac-sha256"));
        let mut other = head.clone();
        other[at].1 = value;
        let names = ["x-dict", "x-list", "content-length"];
        let is_same = other[at].1.trim() == head[at].1 || names.contains(&head[at].0.as_str());
        // Spaces around a value are no part of it.
        prop_assert!(is_same || !outcome(&receiver, &other, BODY).is_empty(), "{}: {}", other[at].0, other[at].1);
        prop_assert!(other_body == BODY || !outcome(&receiver, &head, &other_body).is_empty());
    }

    #[test]
    fn arbitrary_fields_are_read_without_panic(
        input in "[ -~]{0,80}", signature in "[ -~]{0,80}", digest in "[ -~]{0,80}",
    ) {
        let receiver = receiver("hmac-sha256");
        hold(keys());
        let mut head = request();
        for (name, value) in [("signature-input", input), ("signature", signature), ("content-digest", digest)] {
            head.push((name.to_owned(), value));
        }
        prop_assert!(!outcome(&receiver, &head, BODY).is_empty());
    }

    #[test]
    fn likely_inputs_are_read_without_panic_and_refused(
        covered in r#"(\("(@method|@query-param|x-plain|cookie)"(;(sf|bs|req|tr|key="a"|name="id")){0,2}( "x-dict")?\)|\(\)|1)"#,
        parameters in r#"(;(created|expires|keyid|alg|nonce|tag)(=(1800000000|"t"|"secret"|:AA==:|-1|1.5))?){0,5}"#,
    ) {
        let receiver = receiver("hmac-sha256");
        hold(keys());
        let mut head = request();
        head.push(("signature-input".to_owned(), format!("sig1={covered}{parameters}")));
        head.push(("signature".to_owned(), "sig1=:AA==:".to_owned()));
        prop_assert!(!outcome(&receiver, &head, BODY).is_empty());
    }
}
