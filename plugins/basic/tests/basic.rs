//! The policy as the gateway sees it.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockgate_plugin_basic::Basic;
use lockgate_sdk::consumers::Error;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

const KEY: &str = "lg_live_0123";

fn policy(config: &str) -> Basic {
    testing::reset();
    testing::consumers::know(KEY, &[("consumer", "shop"), ("application", "web"), ("plan", "gold")]);
    testing::consumers::refuse("old", Error::Revoked);
    testing::configure(config).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn sent(text: &str) -> Facts {
    Facts::request().field("authorization", format!("Basic {}", STANDARD.encode(text)))
}

fn ask(facts: Facts) -> Verdict {
    policy("{}").on_request(&facts.build().head())
}

fn refusal(verdict: &Verdict) -> (u16, String) {
    let answer = verdict.response().unwrap_or_else(|| panic!("{verdict:?}"));
    let text = answer.text();
    let kind = text.split("lockgate:").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    (answer.status_code(), kind)
}

#[test]
fn a_name_and_a_key_of_it_tell_later_policies_who_calls_and_go_no_further() {
    for name in ["shop", "shop/web"] {
        let verdict = ask(sent(&format!("{name}:{KEY}")));
        let edits = verdict.edits().unwrap();
        assert_eq!(edits.attribute_value("auth.consumer"), Some("shop".to_owned()));
        assert_eq!(edits.attribute_value("auth.plan"), Some("gold".to_owned()));
        assert!(edits.removes("authorization"));
    }
    let forwarded = policy(r#"{"forward":true}"#).on_request(&sent(&format!("shop:{KEY}")).build().head());
    assert!(!forwarded.edits().unwrap().removes("authorization"));
}

#[test]
fn a_key_is_good_with_the_name_of_its_holder_only() {
    for name in ["", "Shop", "shop/", "shop/app", "web", "other", "shop/web/x"] {
        assert_eq!(refusal(&ask(sent(&format!("{name}:{KEY}")))), (401, "key_unknown".to_owned()), "{name}");
    }
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let raw = |value: &str| Facts::request().field("authorization", value);
    for (facts, status, kind) in [
        (Facts::request(), 401, "credentials_missing"),
        (raw("Bearer a"), 401, "credentials_missing"),
        (raw("Basic"), 401, "credentials_missing"),
        (raw("Basic !"), 400, "credentials_malformed"),
        (raw("Basic /w=="), 400, "credentials_malformed"),
        (raw(&format!("Basic {}", "YQ".repeat(1024))), 400, "credentials_malformed"),
        (sent("shop:x").field("authorization", "Basic YTpi"), 400, "credentials_sent_twice"),
        (sent("shop"), 401, "key_unknown"),
        (sent("shop:old"), 401, "key_revoked"),
    ] {
        let verdict = ask(facts);
        assert_eq!(refusal(&verdict), (status, kind.to_owned()));
        let challenge = verdict.response().unwrap().values("www-authenticate");
        assert_eq!(challenge.len(), usize::from(status == 401), "{kind}");
        assert!(challenge.iter().all(|challenge| challenge == r#"Basic realm="api", charset="UTF-8""#));
    }
}

#[test]
fn who_sends_no_credentials_passes_unknown_where_that_is_said() {
    let policy = policy(r#"{"optional":true}"#);
    assert!(matches!(policy.on_request(&Facts::request().build().head()), Verdict::Pass));
    assert!(policy.on_request(&sent("shop:other").build().head()).response().is_some());
}
