//! Sessions that go on with new tokens.

use crate::support::{Browser, NOW, Provider, Request, decoded, outcome, refusal, signed_in};
use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, egress::Error};
use serde_json::{Value, json};

/// Signed in with a session that refreshes, five minutes later: the access token has ended.
fn later(extra: Value) -> (Oidc, Provider, Browser) {
    let mut config = json!({"refresh": true, "forward_access_token": true});
    crate::support::merge(&mut config, extra);
    let world = signed_in(config);
    testing::clock::advance(300_000);
    world
}

fn token(verdict: &Verdict) -> String {
    verdict.edits().unwrap_or_else(|| panic!("{verdict:?}")).sets("authorization").pop().unwrap()
}

#[test]
fn a_session_goes_on_with_new_tokens_and_a_new_cookie() {
    let (policy, provider, mut browser) = later(json!({}));
    let old = browser.jar[0].1.clone();
    let first = token(&browser.visit(&policy, "/"));
    assert_ne!(browser.jar[0].1, old);
    assert_eq!(token(&browser.visit(&policy, "/")), first);
    let asked = provider.asked("/token");
    assert_eq!(asked.len(), 2, "the code, and one refresh");
    let form = decoded(&asked[1]);
    assert_eq!((&*form["grant_type"], &*form["client_id"], form.len()), ("refresh_token", "shop", 3));
    testing::clock::advance(290_000);
    assert_ne!(token(&browser.visit(&policy, "/")), first, "the refresh token was replaced too");
}

#[test]
fn it_is_refreshed_shortly_before_the_token_ends() {
    let (policy, provider, mut browser) = later(json!({}));
    for (late, asked) in [(289_999, 1), (290_000, 2)] {
        testing::clock::set(NOW * 1000 + late);
        drop(browser.visit(&policy, "/"));
        assert_eq!(provider.asked("/token").len(), asked, "{late}");
    }
}

#[test]
fn a_token_of_a_few_seconds_is_renewed_in_the_middle_of_its_life() {
    let (policy, provider, mut browser) = later(json!({}));
    provider.change(|state| state.answer = json!({"expires_in": 8}));
    let first = token(&browser.visit(&policy, "/"));
    testing::clock::advance(3_999);
    assert_eq!(token(&browser.visit(&policy, "/")), first);
    testing::clock::advance(1);
    let renewed = browser.visit(&policy, "/");
    assert_ne!(token(&renewed), first);
    assert!(renewed.edits().unwrap().new_state().is_some(), "a cookie is due for the tokens, if not for the time");
}

#[test]
fn requests_at_the_same_time_share_one_refresh() {
    let (policy, provider, browser) = later(json!({}));
    let tokens: Vec<_> = (0..5)
        .map(|_| {
            testing::clock::advance(2_000);
            token(&browser.clone().visit(&policy, "/"))
        })
        .collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_eq!(provider.asked("/token").len(), 2);
    // The answer that is shared was as old as it was.
    let mut last = browser.clone();
    drop(last.visit(&policy, "/"));
    testing::clock::set(NOW * 1000 + 300_000 + 2_000 + 290_000);
    drop(last.visit(&policy, "/"));
    assert_eq!(provider.asked("/token").len(), 3);
}

#[test]
fn a_refresh_token_that_is_not_replaced_stays() {
    let (policy, provider, mut browser) = later(json!({}));
    provider.change(|state| state.answer = json!({"refresh_token": null}));
    token(&browser.visit(&policy, "/"));
    let before = provider.asked("/token");
    testing::clock::advance(300_000);
    drop(browser.visit(&policy, "/"));
    let after = provider.asked("/token");
    assert_eq!((after.len(), &after[2]), (3, &before[1]));
}

#[test]
fn a_refresh_token_that_is_good_no_more_ends_the_session() {
    let (policy, provider, browser) = later(json!({}));
    provider.instead("/token", Ok((400, r#"{"error":"invalid_grant"}"#)));
    assert_eq!(refusal(&policy, &browser, "/"), (401, "login_needed".to_owned()));
    let verdict = browser.clone().visit(&policy, "/");
    assert_eq!(verdict.response().unwrap().status_code(), 302);
    assert_eq!(provider.asked("/token").len(), 2, "nor is the provider asked for each request");
}

#[test]
fn a_provider_that_is_down_fails_as_dependency_and_is_asked_again_soon() {
    for answer in [
        Err(Error::Timeout),
        Err(Error::Pending),
        Ok((503, "")),
        Ok((401, r#"{"error":"invalid_client"}"#)),
        Ok((200, "{}")),
        Ok((200, r#"{"access_token":"a b","token_type":"Bearer"}"#)),
        Ok((200, r#"{"access_token":"a","token_type":"DPoP"}"#)),
        Ok((200, r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#)),
        Ok((200, r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#)),
    ] {
        let (policy, provider, mut browser) = later(json!({}));
        provider.instead("/token", answer);
        assert_eq!(browser.visit(&policy, "/").failure(), Some(Failure::Dependency), "{answer:?}");
        provider.change(|state| state.instead.clear());
        testing::clock::advance(1_001);
        token(&browser.visit(&policy, "/"));
    }
}

#[test]
fn what_is_said_of_the_visitor_is_renewed_and_has_to_be_of_the_same() {
    let subject = |verdict: &Verdict| verdict.edits().unwrap().sets("x-email").pop();
    let cases = [
        (json!({"email": "ann@example.org"}), Some("ann@example.org")),
        (json!({"sub": "bob"}), None),
        (json!({"iss": "https://evil.example"}), None),
        (json!({"aud": "till"}), None),
        (json!({"nonce": "x"}), None),
        (json!({"exp": NOW}), None),
    ];
    for (claims, email) in cases {
        let (policy, provider, mut browser) = later(json!({"headers": {"email": "x-email"}}));
        provider.change(|state| state.claims = claims.clone());
        let verdict = browser.send(&policy, Request::get("/"));
        match email {
            Some(email) => assert_eq!(subject(&verdict).as_deref(), Some(email)),
            None => assert_eq!(outcome(&verdict), (401, "login_needed".to_owned()), "{claims}"),
        }
    }
    let (policy, provider, mut browser) = later(json!({"headers": {"email": "x-email"}}));
    provider.change(|state| state.answer = json!({"id_token": null}));
    assert_eq!(subject(&browser.visit(&policy, "/")).as_deref(), Some("ann@example.com"), "as it was said last");
}

#[test]
fn a_refused_request_still_brings_the_new_cookie() {
    let (policy, provider, mut browser) = later(json!({"claims": {"groups": "staff"}}));
    provider.change(|state| state.claims = json!({"groups": ["visitors"]}));
    let old = browser.jar[0].1.clone();
    let verdict = browser.visit(&policy, "/");
    assert_eq!(verdict.response().unwrap().status_code(), 403);
    assert_ne!(browser.jar[0].1, old, "the old refresh token is used up");
}

#[test]
fn a_slow_response_does_not_bring_back_tokens_that_are_used_up() {
    let (policy, _, mut browser) = signed_in(json!({"refresh": true}));
    testing::clock::advance(200_000);
    let slow = browser.clone().visit(&policy, "/slow");
    let state = slow.edits().unwrap().new_state().unwrap();
    for (late, is_set) in [(289_999, true), (290_000, false)] {
        testing::clock::set(NOW * 1000 + late);
        let back = policy.on_response(&testing::Facts::response().build().head(), state);
        assert_eq!(back.edits().is_some(), is_set, "{late}");
    }
    drop(browser.visit(&policy, "/quick"));
    assert!(browser.has_session());
}

#[test]
fn another_site_refreshes_nothing() {
    let (policy, provider, browser) = later(json!({}));
    let post = Request::get("/").method("POST").field("sec-fetch-site", "cross-site");
    assert_eq!(outcome(&browser.clone().send(&policy, post)).0, 403);
    assert_eq!(provider.asked("/token").len(), 1);
}

#[test]
fn without_a_refresh_token_the_session_ends_with_the_access_token() {
    let (policy, provider, mut browser) = crate::support::world(json!({"refresh": true}));
    provider.change(|state| state.answer = json!({"refresh_token": null, "expires_in": null}));
    crate::support::sign_in(&policy, &provider, &mut browser);
    assert!(testing::log::lines().iter().any(|(_, line)| line.contains("no refresh token")));
    for (late, status) in [(299_999, 200), (300_000, 401)] {
        testing::clock::set(NOW * 1000 + late);
        assert_eq!(refusal(&policy, &browser, "/").0, status, "{late}");
    }
}
