//! How long a session is good, and what it lets pass.

use crate::support::{self, NOW, Request, outcome, redirected, refusal, signed_in, world};
use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::json;

#[test]
fn a_session_ends_when_it_is_not_used() {
    let (policy, _, browser) = signed_in(json!({"idle": "10m"}));
    for (late, status) in [(599_999, 200), (600_000, 401)] {
        testing::clock::set(NOW * 1000 + late);
        assert_eq!(refusal(&policy, &browser, "/").0, status, "{late}");
    }
}

#[test]
fn a_session_that_is_used_goes_on_until_its_end() {
    let (policy, _, mut browser) = signed_in(json!({"idle": "10m", "lifetime": "1h"}));
    for minute in (5..60).step_by(5) {
        testing::clock::set((NOW + minute * 60) * 1000);
        assert_eq!(outcome(&browser.visit(&policy, "/")).0, 200, "{minute}");
    }
    testing::clock::set((NOW + 3600) * 1000 - 1);
    assert_eq!(outcome(&browser.visit(&policy, "/")).0, 200);
    testing::clock::set((NOW + 3600) * 1000);
    assert_eq!(refusal(&policy, &browser, "/").0, 401);
}

#[test]
fn a_session_ends_by_what_is_configured_now_and_by_what_was_when_it_began() {
    let (_, _, browser) = signed_in(json!({}));
    let policy = support::policy(json!({"idle": "5m", "lifetime": "5m"}));
    for (late, status) in [(299_999, 200), (300_000, 401)] {
        testing::clock::set(NOW * 1000 + late);
        assert_eq!(refusal(&policy, &browser, "/").0, status, "{late}");
    }
    let (_, _, browser) = signed_in(json!({"idle": "5m", "lifetime": "5m"}));
    let policy = support::policy(json!({}));
    testing::clock::advance(300_000);
    assert_eq!(refusal(&policy, &browser, "/").0, 401, "who signed out of it may be forgotten by now");
}

#[test]
fn a_cookie_is_set_anew_once_a_while_and_ends_with_its_session() {
    let (policy, _, mut browser) = signed_in(json!({"idle": "10m", "lifetime": "15m"}));
    let renewed = |browser: &mut support::Browser, late_ms: u64| {
        testing::clock::set(NOW * 1000 + late_ms);
        let verdict = browser.visit(&policy, "/");
        let state = verdict.edits().unwrap().new_state().map(|state| String::from_utf8(state[8..].to_vec()).unwrap());
        state.map(|cookie| cookie.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().to_owned())
    };
    assert_eq!(renewed(&mut browser, 59_999), None);
    assert_eq!(renewed(&mut browser, 60_000).as_deref(), Some("600"));
    assert_eq!(renewed(&mut browser, 60_001), None);
    assert_eq!(renewed(&mut browser, 600_000).as_deref(), Some("300"));
    let nothing = policy.on_response(&testing::Facts::response().build().head(), b"");
    assert_eq!(nothing, Verdict::Pass);
}

#[test]
fn a_visitor_whose_claims_do_not_permit_it_is_forbidden() {
    let (policy, _, mut browser) = signed_in(json!({"claims": {"groups": ["admin", "root"]}}));
    assert_eq!(refusal(&policy, &browser, "/"), (403, "claim_not_permitted".to_owned()));
    let verdict = browser.visit(&policy, "/");
    assert_eq!(outcome(&verdict), (403, "No access".to_owned()));
    assert!(verdict.response().unwrap().text().contains(r#"<a href="/_logout">Sign out</a>"#));
    let (policy, _, mut browser) = signed_in(json!({"claims": {"groups": ["staff", "root"]}, "attributes": {}}));
    assert_eq!(outcome(&browser.visit(&policy, "/")).0, 200);
}

#[test]
fn a_session_holds_no_more_of_its_visitor_than_requests_need() {
    let (policy, provider, mut browser) = world(json!({"attributes": {"realm_access.roles": "auth.roles"}}));
    provider.change(|state| state.claims = json!({"realm_access": {"roles": ["a", "b"]}, "bulk": "x".repeat(5000)}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    redirected(&browser.visit(&policy, &callback), 303);
    let verdict = browser.visit(&policy, "/");
    assert_eq!(verdict.edits().unwrap().attribute_value("auth.roles").as_deref(), Some("a b"));
    assert!(browser.jar[0].1.len() < 500, "{}", browser.jar[0].1.len());
}

#[test]
fn a_session_too_long_for_a_cookie_is_refused_and_the_operator_told() {
    let (policy, provider, mut browser) = world(json!({"headers": {"bulk": "x-bulk"}}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    provider.change(|state| state.claims = json!({"bulk": "x".repeat(3000)}));
    assert_eq!(refusal(&policy, &browser, &callback), (500, "session_too_long".to_owned()));
    let lines = testing::log::lines();
    assert!(lines.last().unwrap().1.contains("too long for a cookie"), "{lines:?}");
    assert!(!browser.has_session());
    provider.change(|state| state.claims = json!({"bulk": "x".repeat(2500)}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    redirected(&browser.visit(&policy, &callback), 303);
    testing::clock::advance(1_000_000);
    let edits = browser.visit(&policy, "/").edits().cloned().unwrap();
    assert!(edits.new_state().unwrap().len() > 3400, "the longest session can be set anew");
}

#[test]
fn an_access_token_is_passed_on_where_it_is_wanted_and_ends_its_session() {
    let (policy, _, browser) = signed_in(json!({"forward_access_token": true}));
    for (late, status) in [(0, 200), (299_999, 200), (300_000, 401)] {
        testing::clock::set(NOW * 1000 + late);
        let verdict = browser.clone().send(&policy, Request::get("/").field("authorization", "Basic YTpi"));
        assert_eq!(outcome(&verdict).0, status, "{late}");
        if let Some(edits) = verdict.edits() {
            assert!(edits.sets("authorization")[0].starts_with("Bearer secret-access-"));
        }
    }
}

#[test]
fn a_session_from_before_a_token_was_wanted_is_begun_anew() {
    let (_, _, browser) = signed_in(json!({}));
    for wants in [json!({"forward_access_token": true}), json!({"refresh": true})] {
        assert_eq!(refusal(&support::policy(wants), &browser, "/").0, 401);
    }
    let (_, _, browser) = signed_in(json!({"refresh": true}));
    let both = support::policy(json!({"refresh": true, "forward_access_token": true}));
    assert_eq!(refusal(&both, &browser, "/").0, 401);
}

#[test]
fn a_session_is_of_one_site_and_of_the_claims_that_were_needed_when_it_began() {
    let (policy, _, browser) = signed_in(json!({}));
    let passes = |policy: &Oidc| browser.clone().visit(policy, "/").response().is_none();
    assert!(passes(&policy));
    for other in [
        json!({"url": "https://other.example.com"}),
        json!({"client_id": "other"}),
        json!({"claims": {"groups": ["staff"]}}),
        json!({"headers": {"email": "x-email"}}),
    ] {
        assert!(!passes(&support::policy(other.clone())), "{other}");
    }
    assert!(passes(&support::policy(json!({"idle": "20m"}))), "that is no other session");
}
