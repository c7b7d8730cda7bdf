//! Tokens the authorization server is asked about (RFC 7662).

use crate::support::*;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, egress::Error};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn the_server_is_asked_for_the_token_as_a_form_and_without_credentials() {
    let policy = introspecting(json!({}));
    testing::egress::answer_with(|asked| {
        assert_eq!((asked.egress, asked.method, asked.target), ("idp", "POST", "/introspect"));
        assert_eq!(asked.text("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(asked.text("accept"), Some("application/json"));
        assert_eq!(asked.get("authorization"), None);
        assert_eq!(asked.body, b"token=opaque-._%7E%2B%2F09AZaz%3D%3D&token_type_hint=access_token");
        Ok(Response::json(200, &active(json!({}))))
    });
    let verdict = policy.on_request(&bearer(OPAQUE).head());
    let edits = verdict.edits().unwrap();
    assert!(edits.removes("authorization"));
    assert_eq!(edits.attribute_value("auth.sub").as_deref(), Some("ann"));
}

#[test]
fn tokens_are_admitted_or_refused_by_what_is_said_of_them() {
    let cases = [
        (json!({}), "pass"),
        (json!({"iss": "https://idp", "token_type": "bearer"}), "pass"),
        (json!({"exp": null}), "pass"),
        (json!({"aud": ["other", "api"]}), "pass"),
        (json!({"active": false}), "401 token_inactive"),
        (json!({"exp": NOW - 30}), "401 token_expired"),
        (json!({"nbf": NOW + 31}), "401 token_not_yet_valid"),
        (json!({"iat": NOW + 31}), "401 token_not_yet_valid"),
        (json!({"iss": "https://other"}), "401 issuer_not_accepted"),
        (json!({"aud": "other"}), "401 audience_not_accepted"),
        (json!({"aud": null}), "401 audience_not_accepted"),
        (json!({"token_type": "DPoP"}), "401 scheme_not_accepted"),
        (json!({"token_type": "mac"}), "401 scheme_not_accepted"),
    ];
    for (change, expected) in cases {
        let policy = introspecting(json!({}));
        says(active(change.clone()));
        assert_eq!(with_bearer(&policy, OPAQUE), expected, "{change}");
    }
}

#[test]
fn only_an_audience_that_is_waived_may_be_absent() {
    let policy = introspecting(json!({"audience": null, "any_audience": true, "issuer": null}));
    says(json!({"active": true, "iss": "https://anybody"}));
    assert_eq!(with_bearer(&policy, OPAQUE), "pass");
}

#[test]
fn an_answer_that_is_not_what_it_should_be_decides_nothing() {
    let good = active(json!({})).to_string();
    let mut cases: Vec<Response> =
        [201, 204, 302, 400, 401, 404, 429, 500, 503].map(|status| Response::new(status).body(good.clone())).into();
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{good}x"),
        good.replacen("{", r#"{"active":true,"#, 1),
        good.replacen("{", r#"{"active":false,"#, 1),
        good.replacen('{', r#"{"a":{"b":1,"b":2},"#, 1),
        format!("{good}{}", " ".repeat(64 * 1024)),
    ];
    cases.extend(bodies.map(|body| Response::new(200).body(body)));
    let members = [
        json!({"active": "true"}),
        json!({"active": 1}),
        json!({"active": null}),
        json!({"exp": "1"}),
        json!({"nbf": true}),
        json!({"iat": []}),
        json!({"iss": 1}),
        json!({"aud": [1]}),
        json!({"token_type": 1}),
        json!({"cnf": "x"}),
        json!({"cnf": {"jkt": 1}}),
    ];
    cases.extend(members.map(|change| Response::json(200, &active(change))));
    for response in cases {
        let policy = introspecting(json!({"optional": true}));
        let shown = (response.status_code(), response.text());
        answers(move |_| Ok(response.clone()));
        assert_eq!(with_bearer(&policy, OPAQUE), "Dependency", "{shown:?}");
    }
}

#[test]
fn without_an_answer_nothing_is_decided() {
    let cases = [
        (Error::Timeout, "Dependency"),
        (Error::Connect, "Dependency"),
        (Error::TooLarge, "Dependency"),
        (Error::Protocol, "Dependency"),
        (Error::Busy, "Dependency"),
        (Error::Pending, "Dependency"),
        (Error::Denied, "Internal"),
    ];
    for (error, expected) in cases {
        let policy = introspecting(json!({"optional": true}));
        answers(move |_| Err(error));
        assert_eq!(with_bearer(&policy, OPAQUE), expected, "{error:?}");
    }
}

#[test]
fn while_the_answer_is_on_its_way_nothing_is_used_up() {
    let client = client::Client::new();
    let policy = introspecting(json!({"dpop": {"replays": "proofs"}}));
    let bound = active(json!({"cnf": {"jkt": client.thumbprint()}}));
    answers(move |before| if before == 0 { Err(Error::Pending) } else { Ok(Response::json(200, &bound)) });
    let head = proven(OPAQUE, &client.proof(OPAQUE, json!({})));
    assert_eq!(outcome(&policy.on_request(&head.head())), "Dependency");
    assert!(testing::store::keys("proofs").is_empty());
    assert_eq!(outcome(&policy.on_request(&head.head())), "pass");
}

#[test]
fn an_answer_is_remembered_for_as_long_as_it_is_fresh() {
    for (fresh, times) in
        [(json!({}), [1, 1, 2]), (json!({"fresh": "0s"}), [1, 2, 3]), (json!({"fresh": "5m"}), [1, 1, 1])]
    {
        let introspect = merged(json!({"service": "idp", "path": "/introspect"}), fresh.clone());
        for said in [active(json!({})), json!({"active": false})] {
            let policy = introspecting(json!({"introspect": introspect}));
            let asked = says(said);
            for (advance, times) in [0, 30_000, 1].into_iter().zip(times) {
                testing::clock::advance(advance);
                with_bearer(&policy, OPAQUE);
                assert_eq!(asked.get(), times, "{fresh} after {advance}");
            }
        }
    }
}

#[test]
fn a_remembered_answer_is_held_against_the_time_of_each_request() {
    let policy = introspecting(json!({"leeway": "0s"}));
    let asked = says(active(json!({"exp": NOW + 10})));
    assert_eq!(with_bearer(&policy, OPAQUE), "pass");
    testing::clock::advance(9_999);
    assert_eq!(with_bearer(&policy, OPAQUE), "pass");
    testing::clock::advance(1);
    assert_eq!(with_bearer(&policy, OPAQUE), "401 token_expired");
    assert_eq!(asked.get(), 1);
}

#[test]
fn each_token_has_an_answer_of_its_own() {
    let policy = introspecting(json!({}));
    testing::egress::answer_with(|asked| {
        let is_good = asked.body.starts_with(b"token=good&");
        Ok(Response::json(200, &if is_good { active(json!({})) } else { json!({"active": false}) }))
    });
    assert_eq!(with_bearer(&policy, "good"), "pass");
    assert_eq!(with_bearer(&policy, "good2"), "401 token_inactive");
}

#[test]
fn an_outage_is_not_remembered_for_longer_than_a_second() {
    let broken: [fn() -> Response; 2] = [|| Response::new(503), || Response::new(200).body("{")];
    for broken in broken {
        let policy = introspecting(json!({}));
        let asked =
            answers(move |before| Ok(if before == 0 { broken() } else { Response::json(200, &active(json!({}))) }));
        assert_eq!(with_bearer(&policy, OPAQUE), "Dependency");
        testing::clock::advance(1_000);
        assert_eq!(with_bearer(&policy, OPAQUE), "Dependency");
        assert_eq!(asked.get(), 1, "not sooner, however many want to know");
        testing::clock::advance(1);
        assert_eq!(with_bearer(&policy, OPAQUE), "pass");
        testing::clock::advance(29_000);
        assert_eq!(with_bearer(&policy, OPAQUE), "pass");
        assert_eq!(asked.get(), 2);
    }
}

#[test]
fn what_is_said_of_a_token_and_the_token_are_in_no_answer_and_no_log() {
    let policy = introspecting(json!({"scopes": ["none"], "claims": {"role": "admin"}}));
    for change in [json!({}), json!({"exp": 7_654_321}), json!({"aud": "other-api"}), json!({"cnf": {"x": "secret-x"}})]
    {
        testing::egress::answer_with(move |_| Ok(Response::json(200, &active(change.clone()))));
        testing::clock::advance(60_000);
        let verdict = policy.on_request(&bearer("secret-token").head());
        let said = format!("{}{:?}{verdict:?}", verdict.response().unwrap().text(), challenges(&verdict));
        for part in ["secret", "7654321", "other-api", "ann", "pets:read"] {
            assert!(!said.contains(part), "{part} in {said}");
        }
    }
    assert!(testing::log::lines().is_empty());
}

#[test]
fn a_service_alone_needs_no_issuer_and_a_list_of_values_is_matched() {
    let policy = introspecting(json!({"issuer": null, "claims": {"groups": ["keeper", "vet"]}}));
    let cases: [(Value, &str); 3] = [
        (json!({"groups": ["vet"]}), "pass"),
        (json!({"groups": ["guest"]}), "403 claim_not_permitted"),
        (json!({}), "403 claim_not_permitted"),
    ];
    for (change, expected) in cases {
        testing::clock::advance(60_000);
        says(active(merged(json!({"exp": null}), change.clone())));
        assert_eq!(with_bearer(&policy, OPAQUE), expected, "{change}");
    }
}

proptest! {
    #[test]
    fn whatever_else_comes_as_an_answer_admits_nobody(body in any::<Vec<u8>>(), at in any::<prop::sample::Index>()) {
        let good = active(json!({})).to_string().into_bytes();
        let cut = good[..at.index(good.len())].to_vec();
        for body in [body, cut] {
            let policy = introspecting(json!({"optional": true}));
            answers(move |_| Ok(Response::new(200).body(body.clone())));
            prop_assert_eq!(with_bearer(&policy, OPAQUE), "Dependency");
        }
    }
}
