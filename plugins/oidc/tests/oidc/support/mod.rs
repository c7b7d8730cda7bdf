//! What the tests share: the policy as it is configured, and readers of what it said.

mod browser;
mod provider;

pub(crate) use browser::{Browser, Request};
pub(crate) use provider::{Provider, decoded};

use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::{Value, json};

/// Seconds; where the clock double stands.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://idp.example.com/realms/main";
pub(crate) const SHOP: &str = "https://shop.example.com";

pub(crate) fn config(extra: Value) -> Value {
    let mut config = json!({
        "issuer": ISSUER, "service": "idp", "client_id": "shop", "keys": "idp", "seal": "session", "url": SHOP,
    });
    merge(&mut config, extra);
    config
}

/// The policy with `extra` added to what must be configured, at [`NOW`].
pub(crate) fn policy(extra: Value) -> Oidc {
    testing::clock::set(NOW * 1000);
    match testing::configure(&config(extra).to_string()) {
        Ok(policy) => policy,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// Policy, provider and a browser that has been nowhere.
pub(crate) fn world(extra: Value) -> (Oidc, Provider, Browser) {
    testing::reset();
    (policy(extra), Provider::start(), Browser::default())
}

/// The same with a browser that is signed in.
pub(crate) fn signed_in(extra: Value) -> (Oidc, Provider, Browser) {
    let (policy, provider, mut browser) = world(extra);
    sign_in(&policy, &provider, &mut browser);
    (policy, provider, browser)
}

/// From `/account` to the provider and back to there.
pub(crate) fn sign_in(policy: &Oidc, provider: &Provider, browser: &mut Browser) {
    let callback = provider.sign_in(&redirected(&browser.visit(policy, "/account"), 302));
    assert_eq!(redirected(&browser.visit(policy, &callback), 303), format!("{SHOP}/account"));
}

/// Members of `from` replace those of `into`; null takes one away.
pub(crate) fn merge(into: &mut Value, from: Value) {
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

/// Where an answer of this status sends a browser.
pub(crate) fn redirected(verdict: &Verdict, status: u16) -> String {
    let response = verdict.response().unwrap_or_else(|| panic!("{verdict:?}"));
    assert_eq!(response.status_code(), status, "{}", response.text());
    assert_eq!(response.values("cache-control"), ["no-store"]);
    assert_eq!(response.values("referrer-policy"), ["no-referrer"]);
    response.values("location").pop().unwrap()
}

/// Status and kind of a problem, or of a page by its title; 200 where the request passes.
pub(crate) fn outcome(verdict: &Verdict) -> (u16, String) {
    let Some(response) = verdict.response() else {
        assert_eq!(verdict.failure(), None);
        return (200, String::new());
    };
    assert_eq!(response.values("cache-control"), ["no-store"]);
    let text = response.text();
    let said = match response.values("content-type").first().map(String::as_str) {
        Some("application/problem+json") => {
            let problem: Value = serde_json::from_str(&text).unwrap();
            problem["type"].as_str().unwrap().strip_prefix("urn:problem-type:lockgate:").unwrap().to_owned()
        }
        Some("text/html; charset=utf-8") => text.split("<title>").nth(1).unwrap().split('<').next().unwrap().to_owned(),
        _ => String::new(),
    };
    (response.status_code(), said)
}

/// The kind of a refusal, asked for by a program: the same request without a page to show.
pub(crate) fn refusal(policy: &Oidc, browser: &Browser, target: &str) -> (u16, String) {
    outcome(&browser.clone().send(policy, Request::get(target).field("sec-fetch-mode", "cors")))
}
