//! What answers say to clients, and what upstreams and later policies are told.

use crate::support::client::Client;
use crate::support::*;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::json;

#[test]
fn a_request_without_a_token_is_told_all_ways_to_ask() {
    let bearer = r#"Bearer realm="pets""#;
    let dpop = r#"DPoP realm="pets", algs="ES256 EdDSA""#;
    let proofs = json!({"replays": "proofs", "algorithms": ["ES256", "EdDSA"]});
    let cases = [
        (json!({}), vec![bearer]),
        (json!({"dpop": proofs}), vec![bearer, dpop]),
        (json!({"dpop": merged(proofs.clone(), json!({"required": true}))}), vec![dpop]),
    ];
    for (extra, expected) in cases {
        let policy = introspecting(merged(json!({"realm": "pets"}), extra));
        for facts in [request(), request().field("authorization", "Basic YTpi")] {
            let verdict = policy.on_request(&facts.build().head());
            assert_eq!(outcome(&verdict), "401 token_missing");
            assert_eq!(challenges(&verdict), expected);
        }
    }
}

#[test]
fn metadata_of_the_resource_are_pointed_to_in_each_challenge() {
    let url = "https://api.example.com/.well-known/oauth-protected-resource";
    let policy = introspecting(json!({"resource_metadata": url, "dpop": {"replays": "proofs"}}));
    let verdict = policy.on_request(&request().build().head());
    for challenge in challenges(&verdict) {
        assert!(challenge.contains(&format!(r#", resource_metadata="{url}""#)), "{challenge}");
    }
}

#[test]
fn what_is_wrong_is_said_to_the_scheme_that_was_used() {
    let client = Client::new();
    let policy = introspecting(json!({"dpop": {"replays": "proofs"}}));
    says(json!({"active": false}));
    let by_bearer = challenges(&policy.on_request(&bearer(OPAQUE).head()));
    assert!(by_bearer[0].contains(r#"error="invalid_token""#) && !by_bearer[1].contains("error"), "{by_bearer:?}");
    let by_proof = challenges(&policy.on_request(&proven(OPAQUE, &client.proof(OPAQUE, json!({}))).head()));
    assert!(by_proof[1].contains(r#"error="invalid_token""#) && !by_proof[0].contains("error"), "{by_proof:?}");
    let malformed = request().field("authorization", "DPoP a b").build();
    let malformed = challenges(&policy.on_request(&malformed.head()));
    assert!(malformed.iter().all(|challenge| challenge.contains("invalid_request")), "{malformed:?}");
    let wrong_proof = challenges(&policy.on_request(&proven(OPAQUE, "a.b.c").head()));
    assert!(wrong_proof[1].contains(r#"error="invalid_dpop_proof""#), "{wrong_proof:?}");
    let required = introspecting(json!({"dpop": {"replays": "proofs", "required": true}}));
    let refused = challenges(&required.on_request(&bearer(OPAQUE).head()));
    assert!(refused.len() == 1 && refused[0].contains(r#"error="invalid_token""#), "{refused:?}");
}

#[test]
fn scopes_are_needed_everywhere_and_for_some_operations_more() {
    let policy = introspecting(json!({
        "scopes": ["pets:read"], "operations": {"createPet": ["pets:write", "pets:read"], "readLog": ["log"]},
    }));
    assert!(policy.interest().request_read.contains(&":route".to_owned()));
    let cases = [
        ("pets:read", "getPet", None),
        ("a pets:read b", "getPet", None),
        ("pets:reader", "getPet", Some("pets:read")),
        ("", "getPet", Some("pets:read")),
        ("pets:read", "createPet", Some("pets:read pets:write")),
        ("pets:write", "createPet", Some("pets:read pets:write")),
        ("pets:write pets:read", "createPet", None),
        ("pets:write pets:read", "readLog", Some("pets:read log")),
    ];
    for (scope, operation, needed) in cases {
        testing::clock::advance(31_000);
        says(active(json!({"exp": null, "scope": scope})));
        let facts = request().route(operation).field("authorization", format!("Bearer {OPAQUE}")).build();
        let verdict = policy.on_request(&facts.head());
        let Some(needed) = needed else {
            assert_eq!(outcome(&verdict), "pass", "{scope} for {operation}");
            continue;
        };
        assert_eq!(outcome(&verdict), "403 scope_missing", "{scope} for {operation}");
        let [challenge] = &challenges(&verdict)[..] else { panic!() };
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
        assert!(challenge.ends_with(&format!(r#"scope="{needed}""#)), "{challenge}");
    }
}

#[test]
fn claims_are_passed_on_and_cannot_be_forged() {
    let policy = introspecting(json!({
        "optional": true, "headers": {"sub": "x-user", "role": "x-role"}, "attributes": {"client_id": "auth.client"},
        "dpop": {"replays": "proofs"},
    }));
    says(active(json!({"client_id": "app", "role": "a\r\nb"})));
    let forged = || request().field("x-user", "root").field("x-role", "admin");
    let verdict = policy.on_request(&forged().field("authorization", format!("Bearer {OPAQUE}")).build().head());
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.sets("x-user"), ["ann"]);
    assert!(edits.removes("x-role") && edits.removes("authorization") && edits.removes("dpop"));
    assert_eq!(edits.attribute_value("auth.client").as_deref(), Some("app"));
    let verdict = policy.on_request(&forged().build().head());
    let edits = verdict.edits().unwrap();
    assert!(edits.removes("x-user") && edits.removes("x-role") && !edits.removes("authorization"));
}

#[test]
fn a_token_and_its_proof_stay_where_the_configuration_says_so() {
    let client = Client::new();
    let dpop = json!({"replays": "proofs"});
    let policy = introspecting(json!({"forward_token": true, "attributes": {}, "dpop": dpop}));
    says(active(json!({"cnf": {"jkt": client.thumbprint()}})));
    assert_eq!(policy.on_request(&proven(OPAQUE, &client.proof(OPAQUE, json!({}))).head()), Verdict::Pass);
}

#[test]
fn an_optional_token_must_be_good_where_there_is_one() {
    let policy = introspecting(json!({"optional": true, "dpop": {"replays": "proofs", "required": true}}));
    says(json!({"active": false}));
    assert_eq!(policy.on_request(&request().build().head()), Verdict::Pass);
    assert_eq!(with_bearer(&policy, OPAQUE), "401 scheme_not_accepted");
    assert_eq!(with_bearer(&policy, ""), "400 credentials_malformed");
    let proof_alone = request().field("dpop", "a.b.c").build();
    assert_eq!(outcome(&policy.on_request(&proof_alone.head())), "400 proof_without_token");
}

#[test]
fn a_token_of_8_kib_is_asked_about_and_a_longer_one_is_not() {
    let policy = introspecting(json!({}));
    let asked = says(active(json!({})));
    assert_eq!(with_bearer(&policy, &"a".repeat(8 * 1024)), "pass");
    assert_eq!(with_bearer(&policy, &"a".repeat(8 * 1024 + 1)), "401 token_too_long");
    assert_eq!(asked.get(), 1);
}

#[test]
fn nothing_is_carried_to_a_response_but_a_nonce() {
    let policy = introspecting(json!({}));
    says(active(json!({})));
    let verdict = policy.on_request(&bearer(OPAQUE).head());
    assert_eq!(verdict.edits().unwrap().new_state(), None);
    let response = testing::Facts::response().status(200).build();
    assert_eq!(policy.on_response(&response.head(), b""), Verdict::Pass);
}
