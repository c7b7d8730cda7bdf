//! The end of a session, here and at the provider.

use crate::support::{ISSUER, NOW, Request, SHOP, decoded, outcome, redirected, refusal, signed_in, world};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, egress::Error};
use serde_json::json;

#[test]
fn somebody_signs_out_here_and_then_at_the_provider() {
    let (policy, _, mut browser) = signed_in(json!({"after_logout": "/bye"}));
    let verdict = browser.visit(&policy, "/_logout");
    let response = verdict.response().unwrap();
    assert_eq!(outcome(&verdict), (200, "Sign out".to_owned()));
    assert!(response.text().contains("<form method=\"post\"><button>Sign out</button></form>"));
    assert!(browser.has_session(), "to look at the page is not to sign out");
    let location = redirected(&browser.post(&policy, "/_logout"), 303);
    let (endpoint, query) = location.split_once('?').unwrap();
    assert_eq!(endpoint, format!("{ISSUER}/logout"));
    let asked = decoded(query);
    assert_eq!((asked.len(), &*asked["client_id"]), (2, "shop"));
    assert_eq!(asked["post_logout_redirect_uri"], format!("{SHOP}/bye"));
    assert!(!browser.has_session());
}

#[test]
fn no_other_site_signs_anybody_out() {
    for csrf in [true, false] {
        let (policy, _, mut browser) = signed_in(json!({"csrf": csrf}));
        for site in ["cross-site", "same-site"] {
            let request = Request::get("/_logout").method("POST").field("sec-fetch-site", site);
            assert_eq!(outcome(&browser.send(&policy, request)), (403, "cross_site".to_owned()));
        }
        let request = Request::get("/_logout").method("DELETE").field("sec-fetch-site", "same-origin");
        assert_eq!(outcome(&browser.send(&policy, request)), (405, "method_not_permitted".to_owned()));
        assert!(browser.has_session());
    }
}

#[test]
fn where_the_provider_cannot_be_told_the_session_ends_here_all_the_same() {
    let (policy, provider, browser) = signed_in(json!({}));
    testing::clock::advance(3_600_001);
    provider.instead("/.well-known/openid-configuration", Err(Error::Pending));
    assert_eq!(browser.clone().post(&policy, "/_logout").failure(), Some(Failure::Dependency), "it is on its way");
    for answer in [Err(Error::Connect), Ok((500, "")), Ok((200, "{}"))] {
        provider.instead("/.well-known/openid-configuration", answer);
        let mut browser = browser.clone();
        assert_eq!(redirected(&browser.post(&policy, "/_logout"), 303), format!("{SHOP}/"));
        assert!(!browser.has_session());
        testing::clock::advance(1_001);
    }
    let (policy, provider, mut browser) = world(json!({}));
    provider.change(|state| state.document = json!({"end_session_endpoint": null}));
    assert_eq!(redirected(&browser.post(&policy, "/_logout"), 303), format!("{SHOP}/"), "without a session too");
}

#[test]
fn a_copy_of_the_cookie_is_of_no_use_where_that_is_remembered() {
    let (policy, _, mut browser) = signed_in(json!({"revoked": "ended", "lifetime": "1h"}));
    let copy = browser.clone();
    testing::clock::advance(600_000);
    assert_eq!(refusal(&policy, &copy, "/").0, 200);
    drop(browser.post(&policy, "/_logout"));
    assert_eq!(refusal(&policy, &copy, "/"), (401, "login_needed".to_owned()));
    assert_eq!(testing::store::keys("ended").len(), 1);
    testing::clock::set((NOW + 3600) * 1000);
    assert!(testing::store::keys("ended").is_empty(), "by then no copy is good anyway");
}

#[test]
fn a_store_that_does_not_answer_admits_nobody() {
    let (policy, _, mut browser) = signed_in(json!({"revoked": "ended"}));
    for (error, failure) in [(store::Error::Unavailable, Failure::Dependency), (store::Error::Limit, Failure::Internal)]
    {
        testing::store::fail_with(Some(error));
        assert_eq!(browser.visit(&policy, "/").failure(), Some(failure));
        assert_eq!(browser.clone().post(&policy, "/_logout").failure(), Some(failure));
    }
}

#[test]
fn a_cookie_that_is_no_session_is_cleared() {
    let (policy, _, mut browser) = signed_in(json!({"revoked": "ended"}));
    browser.jar[0].1 = "AAAA".to_owned();
    redirected(&browser.post(&policy, "/_logout"), 303);
    assert!(!browser.has_session());
    assert!(testing::store::keys("ended").is_empty());
}
