//! What the provider says of itself, and what becomes of it when that is wrong.

use crate::support::{ISSUER, NOW, redirected, world};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, egress::Error};
use serde_json::json;

const DOCUMENT: &str = "/.well-known/openid-configuration";

#[test]
fn the_document_is_asked_for_once_an_hour() {
    let (policy, provider, mut browser) = world(json!({}));
    for (late, asked) in [(0, 1), (3_600_000, 1), (3_600_001, 2)] {
        testing::clock::set(NOW * 1000 + late);
        redirected(&browser.visit(&policy, "/"), 302);
        assert_eq!(provider.asked(DOCUMENT).len(), asked, "{late}");
    }
}

#[test]
fn a_document_that_is_wrong_sends_nobody_anywhere() {
    let cases = [
        json!({"issuer": "https://idp.example.com/realms/other"}),
        json!({"issuer": format!("{ISSUER}/")}),
        json!({"issuer": null}),
        json!({"authorization_endpoint": null}),
        json!({"authorization_endpoint": "http://idp.example.com/auth"}),
        json!({"authorization_endpoint": "/auth"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"authorization_endpoint": "https://idp.example.com/auth#x"}),
        json!({"token_endpoint": null}),
        json!({"token_endpoint": "https://evil.example/token"}),
        json!({"token_endpoint": "https://idp.example.com.evil.example/token"}),
        json!({"token_endpoint": "https://idp.example.com@evil.example/token"}),
        json!({"token_endpoint": "http://idp.example.com/token"}),
        json!({"pushed_authorization_request_endpoint": "https://evil.example/par"}),
        json!({"end_session_endpoint": "ftp://idp.example.com/"}),
        json!({"padding": "x".repeat(64 * 1024)}),
    ];
    for document in cases {
        let (policy, provider, mut browser) = world(json!({}));
        provider.change(|state| state.document = document.clone());
        assert_eq!(browser.visit(&policy, "/").failure(), Some(Failure::Dependency), "{document:.80}");
        assert!(browser.jar.is_empty());
        assert!(!testing::log::lines().is_empty(), "the operator is told why");
    }
}

#[test]
fn the_authorization_endpoint_may_be_elsewhere_and_have_parameters() {
    let (policy, provider, mut browser) = world(json!({}));
    provider.change(|state| state.document = json!({"authorization_endpoint": "https://login.example.com/?p=1"}));
    let location = redirected(&browser.visit(&policy, "/"), 302);
    assert!(location.starts_with("https://login.example.com/?p=1&response_type=code&"), "{location}");
}

#[test]
fn an_outage_ends_a_second_after_it_does() {
    let good =
        format!(r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t"}}"#);
    for answer in [Ok((503, "")), Ok((404, good.as_str())), Ok((200, "<html>")), Ok((302, "")), Err(Error::Timeout)] {
        let (policy, provider, mut browser) = world(json!({}));
        provider.instead(DOCUMENT, answer);
        assert_eq!(browser.visit(&policy, "/").failure(), Some(Failure::Dependency));
        testing::clock::advance(1_000);
        let failed = browser.visit(&policy, "/").failure();
        assert_eq!(failed, Some(Failure::Dependency), "{answer:?}");
        provider.change(|state| state.instead.clear());
        testing::clock::advance(1_001);
        redirected(&browser.visit(&policy, "/"), 302);
    }
}

#[test]
fn a_service_that_may_not_be_asked_is_a_fault_of_the_operator() {
    let (policy, provider, mut browser) = world(json!({}));
    provider.instead(DOCUMENT, Err(Error::Denied));
    assert_eq!(browser.visit(&policy, "/").failure(), Some(Failure::Internal));
}
