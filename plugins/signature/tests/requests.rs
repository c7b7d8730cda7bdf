//! Requests that are verified: what is accepted, what is refused and why.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_plugin_signature::Signature;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{Key, Lines, NOW, edited, facts, hold, kind, lines, outcome, policy};

/// What a partner signs by, and what is expected of it, changed by `change`; null takes a key away.
fn config(table: &str, change: Value) -> Signature {
    let mut config = match table {
        "sign" => json!({"key": "k1", "keyid": "k1", "algorithm": "ed25519", "nonce": true}),
        _ => json!({"keys": "partners", "algorithms": ["ed25519"], "nonces": "seen"}),
    };
    config["components"] = json!(["@method", "@target-uri", "x-a"]);
    for (key, value) in change.as_object().unwrap() {
        match value {
            Value::Null => config.as_object_mut().unwrap().remove(key),
            value => config.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    policy(&json!({ table: config }))
}

fn request() -> Lines {
    hold(BTreeMap::from([("k1", Key::ed25519()), ("k2", Key::p256())]));
    lines(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "api.example.com"),
        (":path", "/pets"),
        (":query", "a=1"),
        ("x-a", "1"),
        ("x-a", "2"),
    ])
}

/// The request as a partner sends it, signed with `change` of what it signs by.
fn signed(request: &Lines, change: Value) -> Lines {
    let verdict = config("sign", change).on_request(&facts(request).build().head());
    edited(request, verdict.edits().unwrap())
}

fn ask(policy: &Signature, head: &Lines) -> Verdict {
    policy.on_request(&facts(head).build().head())
}

/// The request with a field replaced; with none it is taken away.
fn with(request: &Lines, name: &str, value: Option<&str>) -> Lines {
    let mut out: Lines = request.iter().filter(|(found, _)| found != name).cloned().collect();
    out.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    out
}

fn value<'a>(request: &'a Lines, name: &str) -> &'a str {
    &request.iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn a_signed_request_passes_without_its_signature_and_tells_whose_it_is() {
    let head = signed(&request(), json!({}));
    let verdict = ask(&config("verify", json!({"consumers": {"k1": "ann"}})), &head);
    let edits = verdict.edits().unwrap();
    assert!(edits.removes("signature") && edits.removes("signature-input"));
    assert_eq!(edits.attribute_value("signature.key").as_deref(), Some("k1"));
    assert_eq!(edits.attribute_value("signature.label").as_deref(), Some("sig1"));
    assert_eq!(edits.attribute_value("signature.consumer").as_deref(), Some("ann"));
}

#[test]
fn a_signature_is_left_where_the_configuration_says_so() {
    let head = signed(&request(), json!({}));
    let verdict = ask(&config("verify", json!({"forward": true})), &head);
    assert!(!verdict.edits().unwrap().removes("signature"));
}

#[test]
fn an_unsigned_request_is_told_what_is_wanted() {
    let verdict = ask(&config("verify", json!({"tag": "a\"b", "label": "own"})), &request());
    assert_eq!(outcome(&verdict), (401, "signature_missing".to_owned()));
    let wanted = verdict.response().unwrap().values("accept-signature");
    assert_eq!(wanted, [r#"own=("@method" "@target-uri" "x-a");created;alg="ed25519";tag="a\"b""#]);
}

#[test]
fn what_is_covered_is_what_is_required_or_may_be() {
    let request = request();
    for (covered, may_cover, outcome) in [
        (json!(["x-a", "@target-uri", "@method"]), json!([]), ""),
        (json!(["@method", "@target-uri"]), json!([]), "component_not_covered"),
        (json!(["@method", "@target-uri", "x-a", "@path"]), json!([]), "component_not_accepted"),
        (json!(["@method", "@target-uri", "x-a", "@path"]), json!(["@path"]), ""),
        (json!(["@method", "@target-uri", "x-a"]), json!(["@path"]), ""),
        (json!(["@method", "@target-uri", "x-a;bs"]), json!(["x-a;bs"]), "component_not_covered"),
    ] {
        let head = signed(&request, json!({"components": covered}));
        let verdict = ask(&config("verify", json!({"may_cover": may_cover})), &head);
        assert_eq!(kind(&verdict), outcome, "{covered}");
    }
}

#[test]
fn a_component_that_is_not_there_cannot_be_covered() {
    let head = with(&signed(&request(), json!({})), "x-a", None);
    assert_eq!(outcome(&ask(&config("verify", json!({})), &head)), (401, "component_not_available".to_owned()));
}

#[test]
fn nonces_are_good_once_by_each_key() {
    let request = request();
    let verify = config("verify", json!({"algorithms": ["ed25519", "ecdsa-p256-sha256"]}));
    let head = signed(&request, json!({}));
    assert_eq!(kind(&ask(&verify, &head)), "");
    assert_eq!(outcome(&ask(&verify, &head)), (401, "nonce_replayed".to_owned()));
    assert_eq!(kind(&ask(&verify, &signed(&request, json!({})))), "");
    let without = signed(&request, json!({"nonce": false}));
    assert_eq!(kind(&ask(&verify, &without)), "nonce_missing");
    assert_eq!(kind(&ask(&config("verify", json!({"allow_no_nonce": true})), &without)), "");
    // The same nonce by another key.
    let by = |key: &str, algorithm: &str| {
        testing::random::seed(7);
        signed(&request, json!({"key": key, "keyid": key, "algorithm": algorithm}))
    };
    assert_eq!(kind(&ask(&verify, &by("k1", "ed25519"))), "");
    assert_eq!(kind(&ask(&verify, &by("k2", "ecdsa-p256-sha256"))), "");
    assert_eq!(kind(&ask(&verify, &by("k2", "ecdsa-p256-sha256"))), "nonce_replayed");
}

#[test]
fn a_nonce_is_remembered_as_long_as_its_signature_is_good() {
    let head = signed(&request(), json!({}));
    let verify = config("verify", json!({"max_age": "1m", "leeway": "5s"}));
    assert_eq!(kind(&ask(&verify, &head)), "");
    testing::clock::set((NOW + 65) * 1000);
    assert_eq!(kind(&ask(&verify, &head)), "nonce_replayed");
    testing::clock::set((NOW + 65) * 1000 + 1);
    assert_eq!(kind(&ask(&verify, &head)), "signature_too_old");
    testing::clock::set((NOW + 67) * 1000);
    assert!(testing::store::keys("seen").is_empty());
}

#[test]
fn whoever_cannot_sign_uses_up_no_nonce() {
    let head = signed(&request(), json!({}));
    let verify = config("verify", json!({}));
    let forged = with(&head, "x-a", Some("3"));
    assert_eq!(kind(&ask(&verify, &forged)), "signature_invalid");
    assert!(testing::store::keys("seen").is_empty());
    assert_eq!(kind(&ask(&verify, &head)), "");
}

#[test]
fn times_are_checked() {
    let head = signed(&request(), json!({"expires_in": "10s"}));
    for (now, outcome) in
        [(NOW - 31, "signature_not_yet_valid"), (NOW - 30, ""), (NOW + 39, ""), (NOW + 40, "signature_expired")]
    {
        testing::clock::set(now * 1000);
        testing::store::fail_with(None);
        let verdict = ask(&config("verify", json!({"nonces": null})), &head);
        assert_eq!(kind(&verdict), outcome, "{now}");
    }
    let lasting = signed(&request(), json!({}));
    testing::clock::advance(330_000);
    assert_eq!(kind(&ask(&config("verify", json!({"nonces": null})), &lasting)), "");
    testing::clock::advance(1);
    assert_eq!(kind(&ask(&config("verify", json!({"nonces": null})), &lasting)), "signature_too_old");
}

#[test]
fn keys_and_algorithms_are_those_that_are_accepted() {
    let request = request();
    let by_k2 = json!({"key": "k2", "keyid": "k2", "algorithm": "ecdsa-p256-sha256"});
    let head = signed(&request, by_k2);
    assert_eq!(kind(&ask(&config("verify", json!({})), &head)), "algorithm_not_accepted");
    let both = json!({"algorithms": ["ed25519", "ecdsa-p256-sha256"]});
    assert_eq!(kind(&ask(&config("verify", both.clone()), &head)), "");
    let input =
        |from: &str, to: &str| with(&head, "signature-input", Some(&value(&head, "signature-input").replace(from, to)));
    for (from, to, outcome) in [
        ("keyid=\"k2\"", "keyid=\"k3\"", "key_unknown"),
        ("keyid=\"k2\"", "keyid=\"k1\"", "signature_invalid"),
        (";keyid=\"k2\"", "", "signature_invalid"),
        (";keyid=\"k2\"", ";alg=\"rsa-pss-sha512\";keyid=\"k2\"", "algorithm_not_accepted"),
        (";keyid=\"k2\"", ";alg=\"ed25519\";keyid=\"k2\"", "algorithm_not_accepted"),
        (";keyid=\"k2\"", ";alg=\"ecdsa-p256-sha256\";keyid=\"k2\"", "signature_invalid"),
    ] {
        assert_eq!(kind(&ask(&config("verify", both.clone()), &input(from, to))), outcome, "{to}");
    }
    let strangers = json!({"consumers": {"k1": "ann"}, "algorithms": ["ecdsa-p256-sha256"]});
    assert_eq!(kind(&ask(&config("verify", strangers), &head)), "key_unknown");
}

#[test]
fn a_key_that_has_no_id_is_nobodys_whatever_id_is_stated() {
    let (request, key) = (request(), Key::ed25519());
    hold(BTreeMap::from([("k1", key.clone())]));
    let head = signed(&request, json!({}));
    hold(BTreeMap::from([("", key.clone())]));
    let verdict = ask(&config("verify", json!({})), &head);
    assert_eq!(verdict.edits().unwrap().attribute_value("signature.key"), None);
    hold(BTreeMap::from([("", key)]));
    assert_eq!(
        kind(&ask(&config("verify", json!({"nonces": null, "consumers": {"k1": "ann"}})), &head)),
        "key_unknown"
    );
}

#[test]
fn what_others_have_signed_is_not_looked_at_where_a_label_is_meant() {
    let request = request();
    let (own, other) = (signed(&request, json!({"label": "own"})), ("other=(1);tag=5", "other=:AA==:"));
    let both =
        ["signature-input", "signature"].iter().zip([other.0, other.1]).fold(request.clone(), |head, (name, more)| {
            let (_, value) = own.iter().find(|(found, _)| found == name).unwrap();
            with(&head, name, Some(&format!("{more}, {value}")))
        });
    assert_eq!(ask(&config("verify", json!({"label": "own"})), &both).edits().map(|_| ()), Some(()));
    assert_eq!(kind(&ask(&config("verify", json!({"nonces": null})), &both)), "signature_input_malformed");
}

#[test]
fn a_signature_without_key_id_is_tried_with_all_keys() {
    let head = signed(&request(), json!({"keyid": null}));
    let verify = config("verify", json!({"algorithms": ["ecdsa-p256-sha256", "ed25519"]}));
    let verdict = ask(&verify, &head);
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.attribute_value("signature.key"), None);
    // A key that could have signed is found, whatever else is tried after it.
    let verify = config("verify", json!({"algorithms": ["ed25519", "rsa-pss-sha512"]}));
    assert_eq!(kind(&ask(&verify, &with(&head, "x-a", Some("3")))), "signature_invalid");
}

#[test]
fn of_several_signatures_one_that_is_meant_has_to_be_right() {
    let request = request();
    let one = signed(&request, json!({"label": "one", "tag": "app"}));
    let two = signed(&request, json!({"label": "two"}));
    let both = |first: &Lines, second: &Lines| {
        ["signature-input", "signature"].iter().fold(request.clone(), |head, name| {
            with(&head, name, Some(&format!("{}, {}", value(first, name), value(second, name))))
        })
    };
    let broken = with(&one, "signature", Some("one=:AAAA:"));
    for (change, head, outcome) in [
        (json!({"label": "two"}), both(&broken, &two), ""),
        (json!({}), both(&broken, &two), ""),
        (json!({"tag": "app"}), both(&two, &one), ""),
        (json!({"tag": "app"}), both(&two, &broken), "signature_invalid"),
        (json!({"label": "one"}), both(&broken, &two), "signature_invalid"),
        (json!({"label": "three"}), both(&one, &two), "signature_missing"),
        (json!({"tag": "other"}), both(&one, &two), "signature_missing"),
        (json!({}), both(&one, &one), "signature_input_malformed"),
    ] {
        let verdict = ask(&config("verify", merge(json!({"nonces": null}), &change)), &head);
        assert_eq!(kind(&verdict), outcome, "{change}");
    }
}

fn merge(mut into: Value, from: &Value) -> Value {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
    into
}

#[test]
fn malformed_fields_are_a_bad_request() {
    let head = signed(&request(), json!({}));
    let input = value(&head, "signature-input").to_owned();
    let signature = value(&head, "signature").to_owned();
    let many = |entry: &str| (0..9).map(|at| format!("s{at}={entry}")).collect::<Vec<_>>().join(", ");
    for (name, value, outcome) in [
        ("signature", None, "signature_malformed"),
        ("signature", Some(""), "signature_malformed"),
        ("signature", Some("sig1"), "signature_malformed"),
        ("signature", Some("sig1=AA"), "signature_malformed"),
        ("signature", Some("sig1=(:AA==:)"), "signature_malformed"),
        ("signature", Some("sig1=:!:"), "signature_malformed"),
        ("signature", Some("sig2=:AA==:"), "signature_malformed"),
        ("signature", Some(&format!("{signature}, sig2=:AA==:")), "signature_malformed"),
        ("signature", Some(&format!("{signature}, {signature}")), "signature_malformed"),
        ("signature", Some(&format!("sig1=:{}:", "A".repeat(8 * 1024))), "signature_too_long"),
        ("signature-input", None, "signature_input_malformed"),
        ("signature-input", Some("sig1"), "signature_input_malformed"),
        ("signature-input", Some("sig1=(\"@method\""), "signature_input_malformed"),
        ("signature-input", Some("sig1=(@method)"), "signature_input_malformed"),
        ("signature-input", Some("sig1=(method)"), "signature_input_malformed"),
        ("signature-input", Some("sig1=();created=\"now\""), "signature_input_malformed"),
        ("signature-input", Some(&input.replace("\"x-a\"", "\"x-a\" \"x-a\"")), "signature_input_malformed"),
        ("signature-input", Some(&format!("{input}, {input}")), "signature_input_malformed"),
        ("signature-input", Some(&format!("sig1=({})", "\"x-a\" ".repeat(65))), "signature_too_long"),
        ("signature-input", Some(&many("()")), "signature_too_long"),
    ] {
        let verdict = ask(&config("verify", json!({})), &with(&head, name, value));
        assert_eq!(outcome_of(&verdict), (400, outcome), "{name}: {value:?}");
    }
}

fn outcome_of(verdict: &Verdict) -> (u16, &'static str) {
    let (status, kind) = outcome(verdict);
    (status, kind.leak())
}

#[test]
fn parameters_that_no_identifier_has_are_not_accepted() {
    let head = signed(&request(), json!({}));
    for covered in
        ["\"x-a\";tr", "\"x-a\";unknown", "\"x-a\";req", "\"x-a\";sf;bs", "\"X-A\"", "\"@unknown\"", "\"x-a\";sf=?0"]
    {
        let input = value(&head, "signature-input").replace("\"x-a\"", covered);
        let verdict = ask(&config("verify", json!({})), &with(&head, "signature-input", Some(&input)));
        assert_eq!(outcome(&verdict), (401, "component_not_accepted".to_owned()), "{covered}");
    }
}

#[test]
fn what_does_not_answer_is_a_failed_dependency() {
    let head = signed(&request(), json!({}));
    testing::store::fail_with(Some(store::Error::Unavailable));
    assert_eq!(ask(&config("verify", json!({})), &head).failure(), Some(Failure::Dependency));
    testing::crypto::verify_with(|_| Err(crypto::VerifyError::Unavailable));
    assert_eq!(ask(&config("verify", json!({})), &head).failure(), Some(Failure::Dependency));
}
