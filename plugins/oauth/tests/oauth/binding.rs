//! Tokens that are bound to a key or a certificate, and how they have to be sent.

use crate::support::client::Client;
use crate::support::*;
use lockgate_sdk::prelude::*;
use serde_json::{Value, json};

/// `x5t#S256` of a certificate.
const CERTIFICATE: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

/// What comes of a bearer token bound so, from a client that shows this certificate.
fn shown(config: Value, confirmation: Value, certificate: Option<&str>) -> String {
    let policy = introspecting(config);
    says(active(json!({"cnf": confirmation})));
    let facts = request().field("authorization", format!("Bearer {OPAQUE}"));
    let facts = certificate.iter().fold(facts, |facts, shown| facts.field(":client-certificate", shown));
    outcome(&policy.on_request(&facts.build().head()))
}

#[test]
fn a_token_bound_to_a_certificate_needs_that_certificate() {
    let bound = json!({"x5t#S256": CERTIFICATE});
    let cases = [
        (Some(CERTIFICATE), "pass"),
        (None, "401 certificate_missing"),
        (Some(""), "401 certificate_other"),
        (Some("a4dtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"), "401 certificate_other"),
    ];
    for (certificate, expected) in cases {
        assert_eq!(shown(json!({}), bound.clone(), certificate), expected, "{certificate:?}");
        assert_eq!(shown(json!({"require_binding": true}), bound.clone(), certificate), expected, "{certificate:?}");
    }
}

#[test]
fn a_field_of_the_request_is_no_certificate() {
    let policy = introspecting(json!({}));
    says(active(json!({"cnf": {"x5t#S256": CERTIFICATE}})));
    let facts = request()
        .field("authorization", format!("Bearer {OPAQUE}"))
        .field("client-certificate", CERTIFICATE)
        .field("x-client-certificate", CERTIFICATE)
        .build();
    assert_eq!(outcome(&policy.on_request(&facts.head())), "401 certificate_missing");
}

#[test]
fn a_binding_that_cannot_be_confirmed_is_no_binding() {
    for other in [json!({}), json!({"jwk": {}}), json!({"x5t": "a"}), json!({"kid": "a", "jwe": "b"})] {
        assert_eq!(shown(json!({}), other.clone(), Some(CERTIFICATE)), "401 binding_not_supported", "{other}");
    }
    let beside = json!({"x5t#S256": CERTIFICATE, "kid": "a"});
    assert_eq!(shown(json!({}), beside, Some(CERTIFICATE)), "pass");
}

#[test]
fn where_a_binding_is_required_tokens_without_one_are_refused() {
    let policy = introspecting(json!({"require_binding": true}));
    says(active(json!({})));
    let facts = request().field("authorization", format!("Bearer {OPAQUE}")).field(":client-certificate", CERTIFICATE);
    assert_eq!(outcome(&policy.on_request(&facts.build().head())), "401 token_not_bound");
}

#[test]
fn a_token_bound_to_a_key_is_no_bearer_token_whether_proofs_are_known_or_not() {
    let client = Client::new();
    let bound = json!({"jkt": client.thumbprint()});
    assert_eq!(shown(json!({}), bound.clone(), None), "401 token_bound");
    assert_eq!(shown(json!({"dpop": {"replays": "proofs"}}), bound, None), "401 token_bound");
    let policy = introspecting(json!({"dpop": {"replays": "proofs"}}));
    says(active(json!({"cnf": {"jkt": client.thumbprint()}})));
    let proof = client.proof(OPAQUE, json!({}));
    let facts = request().field("authorization", format!("Bearer {OPAQUE}")).field("dpop", proof).build();
    assert_eq!(outcome(&policy.on_request(&facts.head())), "401 token_bound", "nor with a proof beside it");
}

#[test]
fn a_proof_is_for_a_token_that_is_bound_to_its_key() {
    let client = Client::new();
    let cases = [
        (json!({"cnf": {"jkt": client.thumbprint()}}), "pass"),
        (json!({"cnf": {"jkt": client.thumbprint()}, "token_type": "DPoP"}), "pass"),
        (json!({"cnf": {"jkt": client.thumbprint()}, "token_type": "Bearer"}), "401 scheme_not_accepted"),
        (json!({}), "401 token_not_bound"),
        (json!({"cnf": {"jkt": Client::new().thumbprint()}}), "401 token_bound_to_other_key"),
        (json!({"cnf": {"jkt": ""}}), "401 token_bound_to_other_key"),
        (json!({"cnf": {"x5t#S256": CERTIFICATE}}), "401 token_not_bound"),
        (json!({"cnf": {"jkt": client.thumbprint(), "x5t#S256": CERTIFICATE}}), "401 certificate_missing"),
    ];
    for (change, expected) in cases {
        let policy = introspecting(json!({"dpop": {"replays": "proofs"}, "require_binding": true}));
        says(active(change.clone()));
        let head = proven(OPAQUE, &client.proof(OPAQUE, json!({})));
        assert_eq!(outcome(&policy.on_request(&head.head())), expected, "{change}");
    }
}

#[test]
fn a_token_bound_to_both_needs_both() {
    let client = Client::new();
    let policy = introspecting(json!({"dpop": {"replays": "proofs"}}));
    says(active(json!({"cnf": {"jkt": client.thumbprint(), "x5t#S256": CERTIFICATE}})));
    let facts = |certificate: &str| {
        let facts = request().field("authorization", format!("DPoP {OPAQUE}"));
        facts.field("dpop", client.proof(OPAQUE, json!({}))).field(":client-certificate", certificate).build()
    };
    assert_eq!(outcome(&policy.on_request(&facts("other").head())), "401 certificate_other");
    assert_eq!(outcome(&policy.on_request(&facts(CERTIFICATE).head())), "pass");
}

#[test]
fn where_proofs_are_required_bearer_tokens_are_refused_before_anybody_is_asked() {
    let policy = introspecting(json!({"dpop": {"replays": "proofs", "required": true}}));
    let asked = says(active(json!({})));
    assert_eq!(with_bearer(&policy, OPAQUE), "401 scheme_not_accepted");
    assert_eq!(asked.get(), 0);
}

#[test]
fn signed_tokens_are_bound_in_the_same_way() {
    let client = Client::new();
    let policy = verifying(json!({"dpop": {"replays": "proofs"}}));
    let token = access_token(json!({"cnf": {"jkt": client.thumbprint()}}));
    let verdict = policy.on_request(&proven(&token, &client.proof(&token, json!({}))).head());
    assert_eq!(outcome(&verdict), "pass");
    assert!(verdict.edits().unwrap().removes("authorization") && verdict.edits().unwrap().removes("dpop"));
    assert_eq!(with_bearer(&policy, &token), "401 token_bound");
}
