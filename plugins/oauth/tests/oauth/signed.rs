//! Access tokens that are JWTs (RFC 9068), alone and beside others that are introspected.

use crate::support::*;
use lockgate_sdk::crypto::VerifyError;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::json;

#[test]
fn access_tokens_are_admitted_or_refused_by_their_claims() {
    let cases = [
        (json!({}), "pass"),
        (json!({"aud": ["other", "api"], "nbf": NOW}), "pass"),
        (json!({"iss": null}), "401 claim_missing"),
        (json!({"exp": null}), "401 token_without_expiry"),
        (json!({"aud": null}), "401 claim_missing"),
        (json!({"aud": []}), "401 claim_missing"),
        (json!({"sub": null}), "401 claim_missing"),
        (json!({"sub": 7}), "401 claim_missing"),
        (json!({"client_id": null}), "401 claim_missing"),
        (json!({"iat": null}), "401 claim_missing"),
        (json!({"jti": null}), "401 claim_missing"),
        (json!({"iat": "1"}), "401 token_malformed"),
        (json!({"iss": ["https://idp"]}), "401 token_malformed"),
        (json!({"aud": 1}), "401 token_malformed"),
        (json!({"iss": "https://other"}), "401 issuer_not_accepted"),
        (json!({"aud": "other"}), "401 audience_not_accepted"),
        (json!({"exp": NOW - 30}), "401 token_expired"),
        (json!({"iat": NOW + 31}), "401 token_not_yet_valid"),
        (json!({"nbf": NOW + 31}), "401 token_not_yet_valid"),
        (json!({"cnf": []}), "401 token_malformed"),
        (json!({"cnf": {"jkt": 1}}), "401 token_malformed"),
    ];
    let policy = verifying(json!({}));
    for (change, expected) in cases {
        assert_eq!(with_bearer(&policy, &access_token(change.clone())), expected, "{change}");
    }
}

#[test]
fn with_any_audience_there_still_is_one() {
    let policy = verifying(json!({"audience": null, "any_audience": true}));
    assert_eq!(with_bearer(&policy, &access_token(json!({"aud": "whoever"}))), "pass");
    assert_eq!(with_bearer(&policy, &access_token(json!({"aud": null}))), "401 claim_missing");
}

#[test]
fn other_kinds_of_tokens_are_no_access_tokens() {
    let policy = verifying(json!({}));
    let claims = json!({
        "iss": "https://idp", "aud": "api", "sub": "ann", "client_id": "app", "jti": "1", "iat": NOW, "exp": NOW + 60,
    });
    let cases = [
        (json!({"alg": "RS256", "typ": "at+jwt"}), "pass"),
        (json!({"alg": "RS256", "typ": "application/AT+JWT"}), "pass"),
        (json!({"alg": "RS256"}), "401 token_kind_not_accepted"),
        (json!({"alg": "RS256", "typ": "JWT"}), "401 token_kind_not_accepted"),
        (json!({"alg": "RS256", "typ": "dpop+jwt"}), "401 token_kind_not_accepted"),
        (json!({"alg": "RS256", "typ": "at+jwt", "crit": ["x"]}), "401 token_kind_not_accepted"),
        (json!({"alg": "none", "typ": "at+jwt"}), "401 algorithm_not_accepted"),
        (json!({"alg": "HS256", "typ": "at+jwt"}), "401 signature_invalid"),
    ];
    for (header, expected) in cases {
        assert_eq!(with_bearer(&policy, &signed(header.clone(), &claims)), expected, "{header}");
    }
    assert_eq!(with_bearer(&policy, OPAQUE), "401 token_malformed");
    let changed = access_token(json!({})).replacen('.', ".A", 1);
    assert_eq!(with_bearer(&policy, &changed), "401 signature_invalid");
}

#[test]
fn keys_out_of_reach_decide_nothing() {
    let policy = verifying(json!({"optional": true}));
    testing::crypto::verify_with(|_| Err(VerifyError::Unavailable));
    assert_eq!(with_bearer(&policy, &access_token(json!({}))), "Dependency");
}

#[test]
fn with_both_ways_open_access_tokens_are_checked_here_and_all_others_asked_about() {
    let introspect = json!({"service": "idp", "path": "/introspect"});
    let policy = verifying(json!({"introspect": introspect}));
    let asked = says(active(json!({})));
    let here = [
        (access_token(json!({})), "pass"),
        (access_token(json!({"exp": 1})), "401 token_expired"),
        (signed(json!({"alg": "none", "typ": "at+jwt"}), &json!({})), "401 algorithm_not_accepted"),
        (signed(json!({"alg": "RS256", "typ": "at+jwt", "zip": "DEF"}), &json!({})), "401 token_kind_not_accepted"),
    ];
    for (token, expected) in here {
        assert_eq!(with_bearer(&policy, &token), expected);
    }
    assert_eq!(asked.get(), 0);
    let there = [OPAQUE.to_owned(), "a.b.c".to_owned(), signed(json!({"alg": "RS256", "typ": "JWT"}), &json!({}))];
    for token in there {
        assert_eq!(with_bearer(&policy, &token), "pass", "{token}");
    }
    assert_eq!(asked.get(), 3);
}

#[test]
fn what_is_not_configured_is_neither_read_nor_asked() {
    let interest = verifying(json!({})).interest();
    assert_eq!(interest.request_read, ["authorization", ":client-certificate"]);
    assert_eq!(interest.keys, ["idp"]);
    assert!(interest.egress.is_empty() && interest.stores.is_empty() && interest.seals.is_empty());
    assert!(interest.response_write.is_empty() && interest.response_read.is_empty());
    assert_eq!(interest.request_write, ["authorization"]);
}
