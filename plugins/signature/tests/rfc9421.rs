//! The examples of RFC 9421: every signature in it is verified with the key and over the very text that it gives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_plugin_signature::Signature;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::{Value, json};
use sfv::{Dictionary, FieldType, InnerList, ListEntry, Parser};
use support::rfc::{Example, Rfc};
use support::{facts, hold, judged, kind, policy};

/// What a signature of a message covers, by its label.
fn input(message: &Example, label: &str) -> InnerList {
    let value = message.field("signature-input").unwrap();
    let inputs: Dictionary = Parser::new(value).parse().unwrap();
    match &inputs[label] {
        ListEntry::InnerList(input) => input.clone(),
        ListEntry::Item(_) => panic!("{label} covers nothing"),
    }
}

/// A configuration that accepts just this signature, with the clock where it was made.
fn accept(message: &Example, label: &str) -> Value {
    let input = input(message, label);
    let created = input.params["created"].as_integer().unwrap();
    testing::clock::set(u64::try_from(i64::from(created)).unwrap() * 1000);
    let components: Vec<_> = input.items.iter().map(|item| item.serialize().replacen('"', "", 2)).collect();
    json!({
        "keys": "rfc", "label": label, "components": components,
        "algorithms": [
            "ed25519", "ecdsa-p256-sha256", "rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256", "ecdsa-p384-sha384",
        ],
    })
}

/// What comes of a request by its head and its body.
fn request(policy: &Signature, message: &Example) -> String {
    let verdict = policy.on_request(&facts(&message.head).build().head());
    let Some(edits) = verdict.edits() else { return kind(&verdict) };
    let state = edits.new_state().unwrap_or_default();
    kind(&policy.on_body(Direction::Request, message.body.as_bytes(), state))
}

/// What comes of a response to a request.
fn response(policy: &Signature, asked: &Example, message: &Example) -> String {
    let verdict = policy.on_request(&facts(&asked.head).build().head());
    let carried = verdict.edits().and_then(|edits| edits.new_state()).unwrap_or_default().to_vec();
    let verdict = policy.on_response(&facts(&message.head).build().head(), &carried);
    let Some(edits) = verdict.edits() else { return kind(&verdict) };
    let state = edits.new_state().unwrap_or_default();
    kind(&policy.on_body(Direction::Response, message.body.as_bytes(), state))
}

/// Whether the base that was verified last is one of the text, byte for byte.
fn last_base_is_of(rfc: &Rfc) -> bool {
    let base = judged().pop().unwrap();
    rfc.blocks.iter().any(|block| block.trim_end() == base)
}

/// The examples that carry a signature with this label, of one direction.
fn signed(rfc: &Rfc, label: &str, is_request: bool) -> Vec<Example> {
    let messages = rfc.blocks.iter().filter_map(|block| Example::parse(block));
    let of_label = |message: &Example| {
        let inputs = message.field("signature-input");
        message.is_request == is_request && inputs.is_some_and(|inputs| inputs.contains(&format!("{label}=(")))
    };
    messages.filter(of_label).collect()
}

/// The message of appendix B.2 with the signature that is shown beside it.
fn test_case(rfc: &Rfc, label: &str) -> Example {
    let is_response = label == "sig-b24";
    let begin = if is_response { "{\"message\": \"good dog\"}" } else { "POST /foo?param=Value&Pet=dog" };
    let whole = rfc.blocks.iter().filter(|block| block.contains(begin) && !block.contains("Signature-Input"));
    let mut message =
        whole.filter_map(|block| Example::parse(block)).find(|it| it.field("content-digest").is_some()).unwrap();
    if is_response {
        // The text shows another digest in the message than in the base of its signature; that of the base is right.
        let base = rfc.blocks.iter().find(|block| block.starts_with("\"@status\": 200\n\"content-type\"")).unwrap();
        let digest = base.lines().find_map(|line| line.strip_prefix("\"content-digest\": ")).unwrap();
        message.set("content-digest", digest);
    }
    for line in rfc.block(&format!("Signature-Input: {label}=")).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        message.set(&name.to_ascii_lowercase(), value);
    }
    message
}

#[test]
fn the_test_cases_of_the_appendix_are_verified() {
    let Some(rfc) = Rfc::read() else { return };
    hold(rfc.keys());
    for label in ["sig-b22", "sig-b23", "sig-b25", "sig-b26"] {
        let message = test_case(&rfc, label);
        let policy = policy(&json!({"verify": accept(&message, label)}));
        assert_eq!(request(&policy, &message), "", "{label}");
        assert!(last_base_is_of(&rfc), "{label}");
    }
    let message = test_case(&rfc, "sig-b24");
    let policy = policy(&json!({"verify_responses": accept(&message, "sig-b24")}));
    assert_eq!(response(&policy, &message, &message), "");
    assert!(last_base_is_of(&rfc));
}

#[test]
fn a_signature_that_covers_nothing_is_right_and_admits_nothing() {
    let Some(rfc) = Rfc::read() else { return };
    let keys = rfc.keys();
    let message = test_case(&rfc, "sig-b21");
    let base = rfc.block("\"@signature-params\": ();created=1618884473").trim_end();
    let signatures: Dictionary = Parser::new(message.field("signature").unwrap()).parse().unwrap();
    let ListEntry::Item(signature) = &signatures["sig-b21"] else { panic!("it is no item") };
    assert!(keys["test-key-rsa-pss"].verifies(base.as_bytes(), signature.bare_item.as_byte_sequence().unwrap()));
    hold(keys);
    let mut config = accept(&message, "sig-b21");
    config["components"] = json!(["@method"]);
    assert_eq!(request(&policy(&json!({"verify": config})), &message), "component_not_covered");
}

#[test]
fn the_requests_of_the_text_are_verified() {
    let Some(rfc) = Rfc::read() else { return };
    hold(rfc.keys());
    // Of `sig1` there are five. Of two the text shows no base; the last two are as a proxy has altered the message.
    for (label, outcomes, bases) in [
        ("sig1", &["", "", "", "signature_invalid", "signature_invalid"][..], 1),
        ("proxy_sig", &[""], 1),
        ("ttrp", &[""], 1),
        ("transform", &["", "", "", "", "signature_invalid", "signature_invalid"], 4),
    ] {
        let (mut found, mut shown) = (Vec::new(), 0);
        for message in &signed(&rfc, label, true) {
            let outcome = request(&policy(&json!({"verify": accept(message, label)})), message);
            shown += usize::from(last_base_is_of(&rfc) && outcome.is_empty());
            found.push(outcome);
        }
        assert_eq!(
            (found.as_slice(), shown),
            (&outcomes.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..], bases),
            "{label}"
        );
    }
}

#[test]
fn responses_that_cover_their_requests_are_verified() {
    let Some(rfc) = Rfc::read() else { return };
    hold(rfc.keys());
    let asked = signed(&rfc, "sig1", true).remove(0);
    let answers = signed(&rfc, "reqres", false);
    assert_eq!(answers.len(), 2);
    for answer in &answers {
        let policy = policy(&json!({"verify_responses": accept(answer, "reqres")}));
        assert_eq!(response(&policy, &asked, answer), "");
        assert!(last_base_is_of(&rfc));
        for name in [":method", ":path", ":authority", "content-digest"] {
            let mut other = Example { is_request: true, head: asked.head.clone(), body: asked.body.clone() };
            other.set(name, "other");
            assert_eq!(response(&policy, &other, answer), "signature_invalid", "{name}");
        }
    }
}

#[test]
fn the_deterministic_test_cases_are_made_again_byte_for_byte() {
    let Some(rfc) = Rfc::read() else { return };
    hold(rfc.keys());
    for (label, key, algorithm) in
        [("sig-b25", "test-shared-secret", "hmac-sha256"), ("sig-b26", "test-key-ed25519", "ed25519")]
    {
        let message = test_case(&rfc, label);
        let components = accept(&message, label)["components"].clone();
        let policy = policy(&json!({"sign": {
            "key": key, "keyid": key, "algorithm": algorithm, "components": components, "label": label,
        }}));
        let verdict = policy.on_request(&facts(&message.head).build().head());
        let edits = verdict.edits().unwrap();
        assert_eq!(edits.sets("signature-input"), [message.field("signature-input").unwrap()]);
        assert_eq!(edits.sets("signature"), [message.field("signature").unwrap()]);
    }
}
