//! Proofs, each wrong in one way, and proofs that are used twice (RFC 9449 section 4.3).

use crate::support::client::Client;
use crate::support::*;
use lockgate_plugin_oauth::OAuth;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};
use serde_json::{Value, json};

/// A policy that takes proofs, configured by `dpop` besides, and a token that is bound to the key of `client`.
fn proving(client: &Client, dpop: Value) -> OAuth {
    let policy = introspecting(json!({"dpop": merged(json!({"replays": "proofs"}), dpop)}));
    says(active(json!({"exp": NOW + 86_400, "cnf": {"jkt": client.thumbprint()}})));
    policy
}

fn with_proof(policy: &OAuth, proof: &str) -> String {
    outcome(&policy.on_request(&proven(OPAQUE, proof).head()))
}

#[test]
fn a_proof_that_is_wrong_in_one_way_is_refused() {
    let claims = [
        (json!({"htm": "POST"}), "proof_for_other_request"),
        (json!({"htm": "get"}), "proof_for_other_request"),
        (json!({"htm": null}), "proof_malformed"),
        (json!({"htm": ["GET"]}), "proof_malformed"),
        (json!({"htu": "https://api.example.com/pets/8"}), "proof_for_other_request"),
        (json!({"htu": "http://api.example.com/pets/7"}), "proof_for_other_request"),
        (json!({"htu": "https://other.example.com/pets/7"}), "proof_for_other_request"),
        (json!({"htu": "https://api.example.com:8443/pets/7"}), "proof_for_other_request"),
        (json!({"htu": "/pets/7"}), "proof_for_other_request"),
        (json!({"htu": null}), "proof_malformed"),
        (json!({"htu": 1}), "proof_malformed"),
        (json!({"ath": null}), "proof_for_other_token"),
        (json!({"ath": encode(digest(b"other"))}), "proof_for_other_token"),
        (json!({"ath": format!("{}=", encode(digest(OPAQUE.as_bytes())))}), "proof_for_other_token"),
        (json!({"iat": null}), "proof_malformed"),
        (json!({"iat": NOW.to_string()}), "proof_malformed"),
        (json!({"iat": NOW - 91}), "proof_too_old"),
        (json!({"iat": NOW + 31}), "proof_from_future"),
        (json!({"iat": -1e300}), "proof_too_old"),
        (json!({"jti": null}), "proof_malformed"),
        (json!({"jti": ""}), "proof_malformed"),
        (json!({"jti": 1}), "proof_malformed"),
        (json!({"jti": "a".repeat(257)}), "proof_malformed"),
    ];
    let client = Client::new();
    let policy = proving(&client, json!({}));
    for (change, kind) in claims {
        let refused = with_proof(&policy, &client.proof(OPAQUE, change.clone()));
        assert_eq!(refused, format!("401 {kind}"), "{change}");
    }
    for (change, kind) in wrong_headers(&client) {
        let refused = with_proof(&policy, &client.proof_with(OPAQUE, change.clone(), json!({})));
        assert_eq!(refused, format!("401 {kind}"), "{change}");
    }
    assert!(testing::store::keys("proofs").is_empty(), "none of them is worth remembering");
    assert_eq!(with_proof(&policy, &client.proof(OPAQUE, json!({}))), "pass");
}

fn wrong_headers(client: &Client) -> [(Value, &'static str); 18] {
    let jwk = |change: Value| json!({"jwk": merged(client.jwk(), change)});
    [
        (json!({"typ": null}), "proof_malformed"),
        (json!({"typ": "JWT"}), "proof_malformed"),
        (json!({"typ": "at+jwt"}), "proof_malformed"),
        (json!({"alg": null}), "proof_malformed"),
        (json!({"alg": "none"}), "proof_malformed"),
        (json!({"alg": "HS256"}), "proof_algorithm_not_accepted"),
        (json!({"alg": "ES384"}), "proof_signature_invalid"),
        (json!({"crit": ["b64"]}), "proof_malformed"),
        (json!({"b64": false}), "proof_malformed"),
        (json!({"jwk": null}), "proof_malformed"),
        (json!({"jwk": client.jwk().to_string()}), "proof_malformed"),
        (jwk(json!({"d": "AA"})), "proof_malformed"),
        (jwk(json!({"k": "AA"})), "proof_malformed"),
        (jwk(json!({"kty": "oct"})), "proof_malformed"),
        (jwk(json!({"kty": "RSA"})), "proof_malformed"),
        (jwk(json!({"y": null})), "proof_malformed"),
        (json!({"jwk": Client::new().jwk()}), "token_bound_to_other_key"),
        (jwk(json!({"x": client.jwk()["y"]})), "token_bound_to_other_key"),
    ]
}

#[test]
fn a_proof_that_is_no_signed_object_is_refused() {
    let client = Client::new();
    let policy = proving(&client, json!({}));
    let good = client.proof(OPAQUE, json!({}));
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": client.jwk()}).to_string();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let cases = [
        (String::new(), "proof_malformed"),
        (" ".to_owned(), "proof_malformed"),
        ("a.b.c".to_owned(), "proof_malformed"),
        (message.to_owned(), "proof_malformed"),
        (format!("{good}.{signature}"), "proof_malformed"),
        (format!("{good}, {good}"), "proof_malformed"),
        (format!("{message}.{signature}="), "proof_malformed"),
        (format!("{message}."), "proof_signature_invalid"),
        (format!("{message}.{}", encode([0; 64])), "proof_signature_invalid"),
        (client.sign(&header, "[]"), "proof_malformed"),
        (client.sign(&header, r#"{"jti":"a","jti":"b"}"#), "proof_malformed"),
        (format!("{message}.{}", "A".repeat(8 * 1024)), "proof_too_long"),
    ];
    for (proof, kind) in cases {
        assert_eq!(with_proof(&policy, &proof), format!("401 {kind}"), "{proof:.80}");
    }
    assert!(testing::store::keys("proofs").is_empty());
}

#[test]
fn there_is_exactly_one_proof_and_a_token_it_is_for() {
    let client = Client::new();
    let policy = proving(&client, json!({}));
    let proof = || client.proof(OPAQUE, json!({}));
    let token = || request().field("authorization", format!("DPoP {OPAQUE}"));
    let cases = [
        (token(), "401 proof_missing"),
        (token().field("dpop", proof()).field("dpop", proof()), "401 proof_sent_twice"),
        (request().field("dpop", proof()), "400 proof_without_token"),
        (request().field("dpop", proof()).field("authorization", "Basic YTpi"), "400 proof_without_token"),
        (token().field("authorization", format!("DPoP {OPAQUE}")).field("dpop", proof()), "400 token_sent_twice"),
        (request().field("authorization", "DPoP").field("dpop", proof()), "400 credentials_malformed"),
        (request(), "401 token_missing"),
    ];
    for (facts, expected) in cases {
        assert_eq!(outcome(&policy.on_request(&facts.build().head())), expected);
    }
}

#[test]
fn a_proof_is_good_for_its_age_and_the_leeway_and_not_a_moment_longer() {
    let client = Client::new();
    let policy = proving(&client, json!({"max_age": "10s"}));
    let at = |offset_ms: i64| {
        testing::clock::set((NOW * 1000 + offset_ms) as u64);
        with_proof(&policy, &client.proof(OPAQUE, json!({})))
    };
    assert_eq!(at(-30_000), "pass");
    assert_eq!(at(-30_001), "401 proof_from_future");
    assert_eq!(at(40_000), "pass");
    assert_eq!(at(40_001), "401 proof_too_old");
}

#[test]
fn a_proof_is_used_once_for_as_long_as_it_could_be_used() {
    let client = Client::new();
    for ahead in [30, 0, -90] {
        let policy = proving(&client, json!({}));
        let proof = client.proof(OPAQUE, json!({"iat": NOW + ahead}));
        assert_eq!(with_proof(&policy, &proof), "pass");
        assert_eq!(with_proof(&policy, &proof), "401 proof_replayed");
        let last_ms = (NOW + ahead + 90) as u64 * 1000;
        testing::clock::set(last_ms);
        assert_eq!(with_proof(&policy, &proof), "401 proof_replayed", "{ahead}");
        testing::clock::set(last_ms + 1);
        assert_eq!(with_proof(&policy, &proof), "401 proof_too_old", "{ahead}");
        testing::clock::set(last_ms + 30_000);
        assert!(!testing::store::keys("proofs").is_empty(), "a gateway whose clock is behind still takes it");
        testing::clock::set(last_ms + 30_001);
        assert!(testing::store::keys("proofs").is_empty());
    }
}

#[test]
fn an_id_is_one_of_its_key_and_what_is_stored_tells_neither() {
    let (ann, bob) = (Client::new(), Client::new());
    let policy = proving(&ann, json!({}));
    let id = json!({"jti": "the-same-id"});
    assert_eq!(with_proof(&policy, &ann.proof(OPAQUE, id.clone())), "pass");
    assert_eq!(with_proof(&policy, &ann.proof(OPAQUE, id.clone())), "401 proof_replayed", "signed anew");
    says(active(json!({"cnf": {"jkt": bob.thumbprint()}})));
    testing::clock::advance(31_000);
    assert_eq!(with_proof(&policy, &bob.proof(OPAQUE, merged(id, json!({"iat": NOW + 31})))), "pass");
    let keys = testing::store::keys("proofs");
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.len() == 43 && !key.contains("same")), "{keys:?}");
}

#[test]
fn without_a_store_that_remembers_nobody_is_admitted() {
    use lockgate_sdk::testing::store::Error;
    let client = Client::new();
    let policy = proving(&client, json!({}));
    let cases = [
        (Error::Unavailable, "Dependency"),
        (Error::Limit, "Dependency"),
        (Error::NotACounter, "Dependency"),
        (Error::Denied, "Internal"),
    ];
    for (error, expected) in cases {
        testing::store::fail_with(Some(error));
        assert_eq!(with_proof(&policy, &client.proof(OPAQUE, json!({}))), expected, "{error:?}");
    }
}

#[test]
fn a_token_that_is_no_good_uses_no_proof_up() {
    let client = Client::new();
    let policy = introspecting(json!({"dpop": {"replays": "proofs"}}));
    let bound = |change: Value| active(merged(json!({"cnf": {"jkt": client.thumbprint()}}), change));
    for said in [json!({"active": false}), bound(json!({"exp": 1})), bound(json!({"aud": "other"})), active(json!({}))]
    {
        testing::clock::advance(31_000);
        says(said);
        let proof = client.proof(OPAQUE, json!({"iat": NOW + 60}));
        assert!(
            with_proof(&policy, &proof).starts_with("401 token_") || with_proof(&policy, &proof).contains("audience")
        );
        assert!(testing::store::keys("proofs").is_empty());
    }
}

#[test]
fn a_proxy_in_front_is_told_of_by_its_url() {
    let client = Client::new();
    let policy = proving(&client, json!({"url": "https://API.example.com:443"}));
    let interest = policy.interest();
    assert!(!interest.request_read.iter().any(|name| [":scheme", ":authority"].contains(&name.as_str())));
    let inside = |proof: String| {
        let facts = Facts::request().method("GET").path("/pets/7").field("authorization", format!("DPoP {OPAQUE}"));
        outcome(&policy.on_request(&facts.field("dpop", proof).build().head()))
    };
    assert_eq!(inside(client.proof(OPAQUE, json!({}))), "pass");
    let other = client.proof(OPAQUE, json!({"htu": "http://gateway.internal:8080/pets/7"}));
    assert_eq!(inside(other), "401 proof_for_other_request");
}

#[test]
fn algorithms_can_be_narrowed() {
    let client = Client::new();
    let policy = proving(&client, json!({"algorithms": ["EdDSA"]}));
    assert_eq!(with_proof(&policy, &client.proof(OPAQUE, json!({}))), "401 proof_algorithm_not_accepted");
}
