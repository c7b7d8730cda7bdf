//! What visitors are shown where they cannot go on.

use crate::support::{Browser, Provider, Request, outcome, redirected, world};
use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::json;

/// A browser with a login under way that began at `/account?a=b&c=d`, and what brings it back.
fn under_way() -> (Oidc, Provider, Browser, String) {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/account?a=b&c=d"), 302));
    (policy, provider, browser, callback)
}

#[test]
fn a_page_stands_by_itself_and_leads_on() {
    let (policy, _, mut browser, callback) = under_way();
    testing::clock::advance(600_000);
    let verdict = browser.visit(&policy, &callback);
    assert_eq!(outcome(&verdict), (400, "Sign-in took too long".to_owned()));
    let response = verdict.response().unwrap();
    let text = response.text();
    for part in [
        "<!doctype html>",
        "<html lang=\"en\">",
        "<main><h1>Sign-in took too long</h1>",
        "<a href=\"/account?a=b&amp;c=d\">Try again</a>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<script") && !text.contains("http"), "{text}");
    let policy = response.values("content-security-policy").pop().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.ends_with("; base-uri 'none'; frame-ancestors 'none'"), "{policy}");
    assert_eq!(response.values("x-content-type-options"), ["nosniff"]);
    assert_eq!(response.values("referrer-policy"), ["no-referrer"]);
}

#[test]
fn a_login_that_came_to_nothing_is_over() {
    let (policy, provider, mut browser, callback) = under_way();
    let state = callback.split("state=").nth(1).unwrap();
    let refused =
        format!("/_login/callback?error=access_denied&error_description=%3Cb%3Esecret%3C%2Fb%3E&state={state}");
    let verdict = browser.visit(&policy, &refused);
    assert_eq!(outcome(&verdict), (403, "Sign-in refused".to_owned()));
    let text = verdict.response().unwrap().text();
    assert!(!text.contains("secret") && !text.contains("access_denied"), "{text}");
    assert!(browser.jar.is_empty());
    assert!(provider.asked("/token").is_empty());
}

#[test]
fn nobody_ends_the_login_of_another() {
    let (policy, _, mut browser, callback) = under_way();
    drop(
        browser
            .visit(&policy, "/_login/callback?error=access_denied&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    );
    let state = callback.split("state=").nth(1).unwrap();
    drop(
        browser
            .visit(&policy, &format!("/_login/callback?error=access_denied&state={}{}", &state[..16], "A".repeat(27))),
    );
    redirected(&browser.visit(&policy, &callback), 303);
}

#[test]
fn programs_get_problems() {
    let (policy, _, mut browser, callback) = under_way();
    testing::clock::advance(600_000);
    let verdict = browser.send(&policy, Request::get(&callback).field("accept", "application/json"));
    let response = verdict.response().unwrap();
    assert_eq!(response.values("content-type"), ["application/problem+json"]);
    assert_eq!(
        response.text(),
        "{\"type\":\"urn:problem-type:lockgate:login_expired\",\"title\":\"Sign-in took too long\",\"status\":400,\
         \"detail\":\"The sign-in was not completed in time.\"}"
    );
}

#[test]
fn a_provider_that_gives_no_tokens_is_a_failed_dependency() {
    for answer in [
        (500, ""),
        (401, r#"{"error":"invalid_client"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (200, "{}"),
        (200, "[]"),
        (302, ""),
    ] {
        let (policy, provider, mut browser, callback) = under_way();
        provider.instead("/token", Ok(answer));
        assert_eq!(browser.visit(&policy, &callback).failure(), Some(Failure::Dependency), "{answer:?}");
        let (_, line) = testing::log::lines().pop().unwrap();
        assert!(line.starts_with("the provider gave no tokens"), "{line}");
    }
}

#[test]
fn a_code_that_is_none_fails_nobody_but_whoever_came_with_it() {
    for error in ["invalid_grant", "invalid_request", "something_else"] {
        let (policy, provider, mut browser, callback) = under_way();
        provider.instead("/token", Ok((400, &format!(r#"{{"error":"{error}"}}"#))));
        assert_eq!(outcome(&browser.visit(&policy, &callback)), (400, "Sign-in not confirmed".to_owned()), "{error}");
    }
    let (policy, provider, mut browser, callback) = under_way();
    provider.instead("/token", Ok((400, "<html>")));
    assert_eq!(outcome(&browser.visit(&policy, &callback)).0, 400);
}
