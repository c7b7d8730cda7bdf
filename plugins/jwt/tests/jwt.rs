//! The policy as the gateway sees it: tokens in, verdicts out, with signatures judged by a double.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_plugin_jwt::Jwt;
use lockgate_sdk::crypto::{self, Algorithm, HashAlgorithm, VerifyError};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};
use serde_json::{Value, json};

/// Seconds; where the clock double stands.
const NOW: i64 = 1_800_000_000;

/// The policy with `issuer` and `audience` named and `extra` added, beside a key `k1` that is bound to RS256.
fn jwt(extra: Value) -> Jwt {
    testing::clock::set(NOW as u64 * 1000);
    testing::crypto::verify_with(|asked| {
        assert_eq!(asked.keys, "idp");
        match (asked.key_id, asked.algorithm) {
            (Some("k1") | None, Algorithm::Rs256) if asked.signature == sign(asked.message) => Ok(()),
            (Some("k1") | None, Algorithm::Rs256) => Err(VerifyError::BadSignature),
            (Some("k1"), _) => Err(VerifyError::WrongAlgorithm),
            _ => Err(VerifyError::UnknownKey),
        }
    });
    let mut config = json!({"keys": "idp", "issuer": "https://idp", "audience": "api"});
    merge(&mut config, extra);
    match testing::configure(&config.to_string()) {
        Ok(jwt) => jwt,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// A token of good claims changed by `change`; null takes a claim away.
fn token(change: Value) -> String {
    let mut claims = json!({"iss": "https://idp", "aud": "api", "sub": "ann", "exp": NOW + 60});
    merge(&mut claims, change);
    signed(json!({"alg": "RS256", "kid": "k1"}), &claims.to_string())
}

fn signed(header: Value, claims: &str) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims));
    let signature = encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn sign(message: &[u8]) -> Vec<u8> {
    crypto::hash(HashAlgorithm::Sha256, message)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Members of `from` replace those of `into`; null takes one away.
fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else {
        panic!("both must be objects");
    };
    for (name, value) in from {
        match value {
            Value::Null => into.remove(&name),
            value => into.insert(name, value),
        };
    }
}

fn ask(jwt: &Jwt, token: &str) -> Verdict {
    let authorization = format!("Bearer {token}");
    let facts = Facts::request().field("authorization", authorization);
    jwt.on_request(&facts.build().head())
}

/// The status and the error of the challenge; 200 where the request passes.
fn outcome(verdict: &Verdict) -> (u16, String) {
    let Some(response) = verdict.response() else {
        assert_eq!(verdict.failure(), None);
        return (200, String::new());
    };
    let challenge = &response.values("www-authenticate")[0];
    let error = challenge.split("error=\"").nth(1);
    let error = error.and_then(|rest| rest.split('"').next());
    (response.status_code(), error.unwrap_or_default().to_owned())
}

#[test]
fn a_good_token_is_taken_off_and_its_subject_passed_on() {
    let verdict = ask(&jwt(json!({})), &token(json!({})));
    let edits = verdict.edits().unwrap();
    assert!(edits.removes("authorization"));
    assert_eq!(edits.attribute_value("auth.sub").as_deref(), Some("ann"));
}

#[test]
fn a_token_is_left_where_the_configuration_says_so() {
    let jwt = jwt(json!({"forward_token": true, "attributes": {}}));
    assert_eq!(ask(&jwt, &token(json!({}))), Verdict::Pass);
}

#[test]
fn tokens_are_admitted_or_refused_by_their_claims() {
    let cases = [
        (json!({}), 200),
        (json!({"aud": ["other", "api"]}), 200),
        (json!({"nbf": NOW, "iat": NOW, "exp": NOW as f64 + 0.5}), 200),
        (json!({"iss": null}), 401),
        (json!({"iss": "https://idp/"}), 401),
        (json!({"iss": ["https://idp"]}), 401),
        (json!({"aud": null}), 401),
        (json!({"aud": "API"}), 401),
        (json!({"aud": []}), 401),
        (json!({"aud": ["api", 1]}), 401),
        (json!({"aud": {"api": 1}}), 401),
        (json!({"exp": null}), 401),
        (json!({"exp": (NOW + 60).to_string()}), 401),
        (json!({"exp": true}), 401),
        (json!({"exp": 0}), 401),
        (json!({"exp": -1e300}), 401),
        (json!({"nbf": "0"}), 401),
        (json!({"nbf": NOW + 3600}), 401),
        (json!({"iat": [NOW]}), 401),
        (json!({"iat": NOW + 3600}), 401),
        (json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), 401),
    ];
    let jwt = jwt(json!({}));
    for (change, status) in cases {
        let error = if status == 200 { "" } else { "invalid_token" };
        let verdict = ask(&jwt, &token(change.clone()));
        assert_eq!(outcome(&verdict), (status, error.to_owned()), "{change}");
    }
}

#[test]
fn expiry_and_begin_are_exact_to_the_leeway() {
    for leeway in [0, 30] {
        let jwt = jwt(json!({"leeway": format!("{leeway}s")}));
        let at = |offset_ms: i64, change: Value| {
            testing::clock::set((NOW * 1000 + offset_ms) as u64);
            outcome(&ask(&jwt, &token(change))).0
        };
        let margin = leeway * 1000;
        assert_eq!(at(margin - 1, json!({"exp": NOW})), 200);
        assert_eq!(at(margin, json!({"exp": NOW})), 401);
        assert_eq!(at(margin + 499, json!({"exp": NOW as f64 + 0.5})), 200);
        assert_eq!(at(margin + 500, json!({"exp": NOW as f64 + 0.5})), 401);
        for begin in ["nbf", "iat"] {
            assert_eq!(at(-margin, json!({begin: NOW})), 200, "{begin}");
            assert_eq!(at(-margin - 1, json!({begin: NOW})), 401, "{begin}");
        }
    }
}

#[test]
fn waived_checks_are_not_made_but_types_are() {
    let jwt = jwt(json!({
        "issuer": null, "any_issuer": true, "audience": null, "any_audience": true, "allow_no_expiry": true,
    }));
    let bare = json!({"iss": null, "aud": null, "exp": null});
    assert_eq!(outcome(&ask(&jwt, &token(bare))).0, 200);
    for wrong in [json!({"iss": 1}), json!({"aud": 1}), json!({"exp": "1"})] {
        assert_eq!(outcome(&ask(&jwt, &token(wrong.clone()))).0, 401, "{wrong}");
    }
}

#[test]
fn a_token_cannot_choose_how_it_is_checked() {
    let policy = jwt(json!({}));
    let claims = json!({"iss": "https://idp", "aud": "api", "sub": "ann", "exp": NOW + 60}).to_string();
    let headers = [
        (json!({"alg": "RS256"}), 200),
        (json!({"alg": "RS256", "kid": "k1", "jwk": {"kty": "oct", "k": "AA"}}), 200),
        (json!({"alg": "HS256", "kid": "k1"}), 401),
        (json!({"alg": "PS256", "kid": "k1"}), 401),
        (json!({"alg": "RS256", "kid": "k2"}), 401),
        (json!({"alg": "RS256", "kid": ""}), 401),
        (json!({"alg": "none", "kid": "k1"}), 401),
    ];
    for (header, status) in headers {
        let verdict = ask(&policy, &signed(header.clone(), &claims));
        assert_eq!(outcome(&verdict).0, status, "{header}");
    }
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims));
    assert_eq!(outcome(&ask(&policy, &unsigned)).0, 401);
    let narrowed = jwt(json!({"algorithms": ["ES256"]}));
    assert_eq!(outcome(&ask(&narrowed, &token(json!({})))).0, 401);
}

#[test]
fn a_changed_token_is_refused_before_its_claims_are_read() {
    let jwt = jwt(json!({}));
    let good = token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let forged = [
        format!("{header}.{}.{signature}", encode(r#"{"sub":"root"}"#)),
        format!("{header}.{}.{signature}", encode("{")),
        format!("{message}."),
        format!("{message}.{}", encode("x")),
    ];
    for token in forged {
        let verdict = ask(&jwt, &token);
        let text = verdict.response().unwrap().text();
        assert_eq!(outcome(&verdict).1, "invalid_token");
        assert!(text.contains("signature"), "{text}");
    }
}

#[test]
fn repeated_claims_are_refused_even_when_signed() {
    let claims = format!(r#"{{"iss":"https://idp","aud":"api","sub":"ann","exp":{},"sub":"root"}}"#, NOW + 60);
    let repeated = signed(json!({"alg": "RS256"}), &claims);
    assert_eq!(outcome(&ask(&jwt(json!({})), &repeated)).0, 401);
}

#[test]
fn a_request_without_a_token_is_told_how_to_ask() {
    let jwt = jwt(json!({"realm": "pets"}));
    for facts in [Facts::request(), Facts::request().field("authorization", "Basic YTpi")] {
        let verdict = jwt.on_request(&facts.build().head());
        let response = verdict.response().unwrap();
        assert_eq!(response.status_code(), 401);
        let challenge = response.values("www-authenticate");
        assert_eq!(challenge, [r#"Bearer realm="pets""#]);
    }
}

#[test]
fn two_tokens_are_a_bad_request() {
    let good = format!("Bearer {}", token(json!({})));
    let facts = Facts::request().field("authorization", &good).field("authorization", &good).build();
    for extra in [json!({}), json!({"optional": true})] {
        let verdict = jwt(extra).on_request(&facts.head());
        assert_eq!(outcome(&verdict), (400, "invalid_request".to_owned()));
    }
}

#[test]
fn a_valid_token_without_the_rights_is_forbidden() {
    let jwt = jwt(json!({"scopes": ["a", "b"], "claims": {"realm_access.roles": ["x", "y"]}}));
    let roles = json!({"roles": ["y"]});
    let cases = [
        (json!({"scope": "b c a", "realm_access": roles}), 200),
        (json!({"scp": ["a", "b"], "realm_access": roles}), 200),
        (json!({"scope": "a", "realm_access": roles}), 403),
        (json!({"scope": "a", "scp": "a b", "realm_access": roles}), 403),
        (json!({"scope": "ab", "realm_access": roles}), 403),
        (json!({"realm_access": roles}), 403),
        (json!({"scope": "a b", "realm_access": {"roles": ["z"]}}), 403),
        (json!({"scope": "a b"}), 403),
    ];
    for (change, status) in cases {
        let verdict = ask(&jwt, &token(change.clone()));
        assert_eq!(outcome(&verdict).0, status, "{change}");
        if let Some(response) = verdict.response() {
            let challenge = &response.values("www-authenticate")[0];
            assert!(challenge.contains("insufficient_scope"), "{challenge}");
            assert!(challenge.ends_with(r#"scope="a b""#), "{challenge}");
        }
    }
}

#[test]
fn required_claims_must_be_there() {
    let jwt = jwt(json!({"require": ["jti", "act.sub"]}));
    let whole = json!({"jti": "1", "act": {"sub": "bob"}});
    assert_eq!(outcome(&ask(&jwt, &token(whole))).0, 200);
    for lacking in [json!({}), json!({"jti": "1"}), json!({"jti": "1", "act": {}})] {
        let verdict = ask(&jwt, &token(lacking.clone()));
        assert_eq!(outcome(&verdict).1, "invalid_token", "{lacking}");
    }
}

#[test]
fn a_client_cannot_forge_what_claims_say() {
    let jwt = jwt(json!({"optional": true, "headers": {"sub": "x-user", "role": "x-role"}}));
    let facts = || Facts::request().field("x-user", "root").field("x-role", "admin");

    let bearer = format!("Bearer {}", token(json!({"role": "a\r\nb"})));
    let with_token = facts().field("authorization", bearer).build();
    let verdict = jwt.on_request(&with_token.head());
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.sets("x-user"), ["ann"]);
    assert!(edits.sets("x-role").is_empty() && edits.removes("x-role"));

    let verdict = jwt.on_request(&facts().build().head());
    let edits = verdict.edits().unwrap();
    assert!(edits.removes("x-user") && edits.removes("x-role"));
    assert_eq!(edits.attribute_value("auth.sub"), None);
}

#[test]
fn an_optional_token_must_be_good_where_there_is_one() {
    let jwt = jwt(json!({"optional": true}));
    assert_eq!(jwt.on_request(&Facts::request().build().head()), Verdict::Pass);
    assert_eq!(outcome(&ask(&jwt, &token(json!({"exp": 1})))).0, 401);
    assert_eq!(outcome(&ask(&jwt, "")).0, 400);
}

#[test]
fn an_overlong_attribute_is_left_out() {
    let verdict = ask(&jwt(json!({})), &token(json!({"sub": "a".repeat(4097)})));
    assert_eq!(verdict.edits().unwrap().attribute_value("auth.sub"), None);
}

#[test]
fn keys_out_of_reach_are_a_failed_dependency() {
    let jwt = jwt(json!({"optional": true}));
    testing::crypto::verify_with(|_| Err(VerifyError::Unavailable));
    let verdict = ask(&jwt, &token(json!({})));
    assert_eq!(verdict.failure(), Some(Failure::Dependency));
}

#[test]
fn answers_and_logs_hold_nothing_of_the_token() {
    let jwt = jwt(json!({"scopes": ["a"]}));
    let tokens = [token(json!({"sub": "ann-secret"})), token(json!({"exp": 7654321}))];
    for token in tokens {
        let verdict = ask(&jwt, &token);
        let response = verdict.response().unwrap();
        let said = response.text() + &response.values("www-authenticate")[0];
        let parts = token.split('.').chain(["ann-secret", "7654321", "k1"]);
        for part in parts {
            assert!(!said.contains(part), "{part} in {said}");
        }
    }
    assert!(testing::log::lines().is_empty());
}
