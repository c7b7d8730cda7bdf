//! Logins whose parameters go to the provider without the browser (RFC 9126).

use crate::support::{Browser, ISSUER, NOW, Provider, Request, SHOP, decoded, outcome, redirected, refusal, world};
use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, egress::Error};
use serde_json::json;

fn offered(par: &str) -> (Oidc, Provider, Browser) {
    let (policy, provider, browser) = world(json!({"par": par}));
    let endpoint = format!("{ISSUER}/par");
    provider.change(|state| state.document = json!({"pushed_authorization_request_endpoint": endpoint}));
    (policy, provider, browser)
}

#[test]
fn what_is_asked_for_is_announced_and_the_browser_carries_a_reference() {
    for par in ["if_offered", "always"] {
        let (policy, provider, mut browser) = offered(par);
        let begin = redirected(&browser.visit(&policy, "/account"), 302);
        assert!(begin.starts_with(&format!("{SHOP}/_login/callback?begin=")), "{begin}");
        let location = redirected(&browser.visit(&policy, &begin), 302);
        assert_eq!(decoded(location.split_once('?').unwrap().1).len(), 2);
        let announced = decoded(&provider.asked("/par")[0]);
        assert_eq!((announced.len(), &*announced["code_challenge_method"]), (8, "S256"));
        let callback = provider.sign_in(&location);
        assert_eq!(redirected(&browser.visit(&policy, &callback), 303), format!("{SHOP}/account"));
    }
}

#[test]
fn a_hook_that_is_called_again_announces_the_very_same() {
    let (policy, provider, mut browser) = offered("always");
    let begin = redirected(&browser.visit(&policy, "/"), 302);
    provider.instead("/par", Err(Error::Pending));
    for _ in 0..2 {
        assert_eq!(browser.visit(&policy, &begin).failure(), Some(Failure::Dependency));
    }
    let asked = provider.asked("/par");
    assert_eq!(asked[0], asked[1]);
}

#[test]
fn it_goes_by_the_browser_where_there_is_no_place_for_it_or_it_is_not_wanted() {
    let (policy, _, mut browser) = offered("never");
    assert!(redirected(&browser.visit(&policy, "/"), 302).starts_with(&format!("{ISSUER}/auth?response_type=code&")));
    let (policy, _, mut browser) = world(json!({}));
    assert!(redirected(&browser.visit(&policy, "/"), 302).starts_with(&format!("{ISSUER}/auth?response_type=code&")));
    let (policy, _, mut browser) = world(json!({"par": "always"}));
    assert_eq!(browser.visit(&policy, "/").failure(), Some(Failure::Dependency));
}

#[test]
fn clocks_of_gateways_may_differ_by_the_leeway() {
    for (behind_ms, kind) in [(30_000, None), (30_001, Some("login_expired"))] {
        let (policy, _, mut browser) = offered("always");
        let begin = redirected(&browser.visit(&policy, "/"), 302);
        let now = NOW * 1000;
        testing::clock::set(now - behind_ms);
        let verdict = browser.send(&policy, Request::get(&begin).field("sec-fetch-mode", "cors"));
        testing::clock::set(now);
        match kind {
            None => drop(redirected(&verdict, 302)),
            Some(kind) => assert_eq!(outcome(&verdict), (400, kind.to_owned())),
        }
    }
}

#[test]
fn only_the_browser_that_began_a_login_announces_it_and_in_time() {
    let (policy, provider, mut browser) = offered("always");
    let begin = redirected(&browser.visit(&policy, "/"), 302);
    assert_eq!(refusal(&policy, &Browser::default(), &begin), (400, "state_unknown".to_owned()));
    testing::clock::advance(600_000);
    assert_eq!(refusal(&policy, &browser, &begin), (400, "login_expired".to_owned()));
    assert_eq!(outcome(&browser.visit(&policy, &begin)).1, "Sign-in took too long");
    assert!(provider.asked("/par").is_empty());
}

#[test]
fn an_announcement_that_is_not_taken_is_a_failed_dependency() {
    let long = format!(r#"{{"request_uri":"{}"}}"#, "u".repeat(1025));
    for answer in [
        Err(Error::Timeout),
        Ok((400, r#"{"error":"invalid_request","request_uri":"urn:x"}"#)),
        Ok((201, "{}")),
        Ok((201, r#"{"request_uri":""}"#)),
        Ok((201, long.as_str())),
    ] {
        let (policy, provider, mut browser) = offered("always");
        let begin = redirected(&browser.visit(&policy, "/"), 302);
        provider.instead("/par", answer);
        assert_eq!(browser.visit(&policy, &begin).failure(), Some(Failure::Dependency), "{answer:?}");
    }
}
