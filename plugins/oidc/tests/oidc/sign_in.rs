//! The whole way of a visitor, and who is sent on it.

use crate::support::{
    Browser, ISSUER, NOW, Provider, Request, SHOP, decoded, outcome, policy, redirected, sign_in, signed_in, world,
};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, egress::Error};
use serde_json::json;

#[test]
fn a_visitor_signs_in_and_comes_to_where_they_wanted_to_go() {
    let (policy, provider, mut browser) = world(json!({
        "scopes": ["openid", "email"], "headers": {"email": "x-email"}, "attributes": {"sub": "auth.sub", "groups": "auth.groups"},
    }));
    browser.jar.push(("theme".to_owned(), "\"dark\"".to_owned()));
    let location = redirected(&browser.visit(&policy, "/account?tab=orders&page=2"), 302);
    let (endpoint, query) = location.split_once('?').unwrap();
    assert_eq!(endpoint, format!("{ISSUER}/auth"));
    let asked = decoded(query);
    let names: Vec<_> = asked.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "redirect_uri",
            "response_type",
            "scope",
            "state"
        ]
    );
    assert_eq!((&*asked["scope"], &*asked["redirect_uri"]), ("openid email", &*format!("{SHOP}/_login/callback")));
    assert_eq!(browser.named("__Host-lockgate-login-").len(), 1);

    let callback = provider.sign_in(&location);
    assert_eq!(redirected(&browser.visit(&policy, &callback), 303), format!("{SHOP}/account?tab=orders&page=2"));
    assert!(browser.has_session());
    assert!(browser.named("__Host-lockgate-login-").is_empty(), "the login is over");

    let verdict = browser.visit(&policy, "/account?tab=orders&page=2");
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.sets("x-email"), ["ann@example.com"]);
    assert_eq!(edits.attribute_value("auth.sub").as_deref(), Some("ann"));
    assert_eq!(edits.attribute_value("auth.groups").as_deref(), Some("staff"));
    assert!(edits.removes("cookie"), "the session is not the upstream's to see");
    assert_eq!(edits.appends("cookie"), ["theme=\"dark\""]);
    assert_eq!(edits.new_state(), None, "a cookie that was just set is not set again");
    assert!(edits.sets("authorization").is_empty() && !edits.removes("authorization"));
}

#[test]
fn only_navigations_are_sent_to_sign_in() {
    let (policy, _provider, browser) = world(json!({}));
    let sent = |request: Request| {
        let verdict = browser.clone().send(&policy, request);
        (verdict.response().unwrap().status_code(), outcome(&verdict).1)
    };
    let page = || Request::get("/a").field("sec-fetch-mode", "navigate");
    let html = || Request::get("/a").field("accept", "text/html,*/*;q=0.8");
    for request in [page(), page().method("HEAD"), html()] {
        assert_eq!(sent(request).0, 302);
    }
    let problem = (401, "login_needed".to_owned());
    for mode in ["cors", "same-origin", "no-cors", "websocket"] {
        assert_eq!(sent(html().field("sec-fetch-mode", mode)), problem, "{mode}");
    }
    assert_eq!(sent(Request::get("/a").field("accept", "application/json")), problem);
    assert_eq!(sent(Request::get("/a")), problem);
    assert_eq!(sent(page().method("POST")), (401, "Please sign in".to_owned()));
}

#[test]
fn a_program_is_told_without_any_redirect_or_cookie() {
    let (policy, provider, mut browser) = world(json!({}));
    let verdict = browser.send(&policy, Request::get("/api").field("sec-fetch-mode", "cors"));
    let response = verdict.response().unwrap();
    assert_eq!(response.values("www-authenticate"), ["Cookie realm=\"login\""]);
    assert!(response.values("location").is_empty() && response.values("set-cookie").is_empty());
    assert!(provider.asked("/.well-known/openid-configuration").is_empty());
}

#[test]
fn each_login_has_secrets_of_its_own_that_say_nothing_of_each_other() {
    let (policy, _provider, mut browser) = world(json!({}));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let location = redirected(&browser.visit(&policy, "/"), 302);
        let asked = decoded(location.split_once('?').unwrap().1);
        for name in ["state", "nonce", "code_challenge"] {
            assert_eq!(asked[name].len(), 43, "256 bits in base64url");
            assert!(!seen.contains(&asked[name]), "{name}");
            seen.push(asked[name].clone());
        }
    }
}

#[test]
fn several_logins_of_one_browser_are_completed_in_any_order() {
    let (policy, provider, mut browser) = world(json!({}));
    let [first, second] = ["/one", "/two"].map(|page| redirected(&browser.visit(&policy, page), 302));
    let [first, second] = [first, second].map(|location| provider.sign_in(&location));
    assert_eq!(redirected(&browser.visit(&policy, &second), 303), format!("{SHOP}/two"));
    assert_eq!(redirected(&browser.visit(&policy, &first), 303), format!("{SHOP}/one"));
    assert!(browser.named("__Host-lockgate-login-").is_empty());
}

#[test]
fn logins_do_not_pile_up() {
    let (policy, provider, mut browser) = world(json!({}));
    let oldest = redirected(&browser.visit(&policy, "/"), 302);
    let mut newest = String::new();
    for _ in 0..9 {
        newest = redirected(&browser.visit(&policy, "/"), 302);
        assert!(browser.named("__Host-lockgate-login-").len() <= 4);
    }
    assert_eq!(
        outcome(&browser.visit(&policy, &provider.sign_in(&oldest))),
        (400, "Sign-in not begun here".to_owned())
    );
    redirected(&browser.visit(&policy, &provider.sign_in(&newest)), 303);
}

#[test]
fn nobody_is_brought_back_into_a_login_or_to_another_site() {
    let (policy, provider, mut browser) = world(json!({}));
    for (page, back) in [
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/a\tb", "/"),
        ("/a?next=https://evil.example/", "/a?next=https://evil.example/"),
    ] {
        let location = redirected(&browser.visit(&policy, page), 302);
        let callback = provider.sign_in(&location);
        assert_eq!(redirected(&browser.visit(&policy, &callback), 303), format!("{SHOP}{back}"), "{page:?}");
        browser.jar.clear();
    }
    // These two are never pages that need a login.
    assert_eq!(outcome(&browser.visit(&policy, "/_login/callback")).0, 400);
    assert_eq!(outcome(&browser.visit(&policy, "/_logout")).0, 200);
}

#[test]
fn on_this_machine_cookies_do_without_tls() {
    let policy = policy(json!({"url": "http://localhost:8080", "cookie": "dev"}));
    let provider = Provider::start();
    let mut browser = Browser::default();
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let target = callback.strip_prefix("http://localhost:8080").unwrap();
    assert_eq!(redirected(&browser.visit(&policy, target), 303), "http://localhost:8080/");
    assert_eq!(browser.named(""), ["dev"]);
}

#[test]
fn what_is_on_its_way_is_waited_for_and_asked_once() {
    let (policy, provider, mut browser) = world(json!({}));
    provider.instead("/.well-known/openid-configuration", Err(Error::Pending));
    assert_eq!(browser.visit(&policy, "/").failure(), Some(Failure::Dependency));
    provider.change(|state| state.instead.clear());
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    provider.instead("/token", Err(Error::Pending));
    for _ in 0..2 {
        assert_eq!(browser.visit(&policy, &callback).failure(), Some(Failure::Dependency));
    }
    let asked = provider.asked("/token");
    assert_eq!(asked[0], asked[1], "called again, the hook asks the very same");
    provider.change(|state| state.instead.clear());
    redirected(&browser.visit(&policy, &callback), 303);
}

#[test]
fn a_login_ends_in_time_and_its_session_begins_then() {
    for (late, status) in [(0, 303), (599_999, 303), (600_000, 400)] {
        let (policy, provider, mut browser) = world(json!({}));
        let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
        testing::clock::set(NOW * 1000 + late);
        let verdict = browser.visit(&policy, &callback);
        assert_eq!(verdict.response().unwrap().status_code(), status, "{late}");
    }
}

#[test]
fn somebody_who_signs_in_again_has_the_new_session() {
    let (policy, provider, mut browser) = signed_in(json!({}));
    provider.change(|state| state.claims = json!({"sub": "bob"}));
    testing::clock::advance(3_600_000);
    sign_in(&policy, &provider, &mut browser);
    let verdict = browser.visit(&policy, "/");
    assert_eq!(verdict.edits().unwrap().attribute_value("auth.sub").as_deref(), Some("bob"));
}
