//! The policy as the gateway sees it.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_key_auth::KeyAuth;
use lockgate_sdk::consumers::Error;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

const KEY: &str = "lg_live_0123";

fn policy(config: &str) -> KeyAuth {
    testing::reset();
    testing::consumers::know(KEY, &[("consumer", "shop"), ("application", "web"), ("plan", "gold")]);
    testing::configure(config).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn ask(config: &str, facts: Facts) -> Verdict {
    policy(config).on_request(&facts.build().head())
}

fn refusal(verdict: &Verdict) -> (u16, String, Vec<String>) {
    let answer = verdict.response().unwrap_or_else(|| panic!("{verdict:?}"));
    let text = answer.text();
    let kind = text.split("lockgate:").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    (answer.status_code(), kind, answer.values("www-authenticate").iter().map(ToString::to_string).collect())
}

#[test]
fn a_key_tells_later_policies_who_calls_and_goes_no_further() {
    let facts = Facts::request().field(":api", "pets").field(":route", "getPet").field("x-api-key", KEY);
    let verdict = ask("{}", facts.field(":method", "GET").field(":client", "192.0.2.1"));
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.attribute_value("auth.consumer"), Some("shop".to_owned()));
    assert_eq!(edits.attribute_value("auth.application"), Some("web".to_owned()));
    assert_eq!(edits.attribute_value("auth.plan"), Some("gold".to_owned()));
    assert!(edits.removes("x-api-key"));
    assert_eq!(testing::consumers::asked().unwrap(), ["pets", "getPet", "GET", "192.0.2.1"]);
}

#[test]
fn the_key_stands_where_the_operator_says_and_nowhere_else() {
    let bearer = |value: &str| Facts::request().field("authorization", value);
    let everywhere = r#"{"header":"X-Key","bearer":true,"query":"key"}"#;
    for (facts, passes) in [
        (Facts::request().field("x-key", KEY), true),
        (bearer(&format!("Bearer {KEY}")), true),
        (bearer(&format!("bearer  {KEY}")), true),
        (bearer(KEY), false),
        (bearer("Basic YTpi"), false),
        (Facts::request().field(":path", "/a").field(":query", format!("b=1&key={KEY}")), true),
        (Facts::request().field(":query", format!("keys={KEY}")), false),
        (Facts::request().field("x-api-key", KEY), false),
        (Facts::request(), false),
    ] {
        assert_eq!(ask(everywhere, facts).edits().is_some(), passes);
    }
    assert!(ask("{}", bearer(&format!("Bearer {KEY}"))).response().is_some(), "only with `bearer`");
    let elsewhere = r#"{"bearer":true}"#;
    assert!(
        ask(elsewhere, Facts::request().field("x-api-key", KEY)).response().is_some(),
        "only if nothing else is said"
    );
}

#[test]
fn a_key_is_taken_off_the_query_and_the_rest_stays_as_it_was() {
    for (query, target) in [
        (format!("key={KEY}"), "/a"),
        (format!("b=1&key={KEY}&c=%20&&d"), "/a?b=1&c=%20&&d"),
        (format!("key={KEY}&keys=2&%6ke=3&ke%7=4"), "/a?keys=2&%6ke=3&ke%7=4"),
        (format!("%6B%65y={KEY}&b=1"), "/a?b=1"),
    ] {
        let facts = || Facts::request().field(":path", "/a").field(":query", &query);
        let verdict = ask(r#"{"query":"key"}"#, facts());
        assert_eq!(verdict.edits().unwrap().new_target(), Some(target), "{query}");
        let forwarded = ask(r#"{"query":"key","forward":true}"#, facts());
        assert_eq!(forwarded.edits().unwrap().new_target(), None);
    }
}

#[test]
fn more_than_one_key_is_a_bad_request_whatever_they_are() {
    let config = r#"{"header":"x-api-key","bearer":true,"query":"key"}"#;
    let with = |facts: Facts| facts.field("x-api-key", KEY);
    for facts in [
        with(with(Facts::request())),
        with(Facts::request().field("authorization", format!("Bearer {KEY}"))),
        with(Facts::request().field(":query", "key=")),
        Facts::request().field(":query", "key=a&key=b"),
        Facts::request().field(":query", "key=a&%6b%65y=b"),
    ] {
        assert_eq!(refusal(&ask(config, facts)), (400, "key_sent_twice".to_owned(), Vec::new()));
    }
}

#[test]
fn each_refusal_says_what_is_wrong_and_how_to_ask() {
    let with = |key: &str| Facts::request().field("x-api-key", key);
    let asked = |config: &str, facts: Facts| {
        let policy = policy(config);
        testing::consumers::refuse("old", Error::Revoked);
        testing::consumers::refuse("elsewhere", Error::NotForOperation);
        testing::consumers::refuse("down", Error::Unavailable);
        policy.on_request(&facts.build().head())
    };
    let api_key = vec![r#"ApiKey realm="api""#.to_owned()];
    assert_eq!(refusal(&asked("{}", Facts::request())), (401, "key_missing".into(), api_key.clone()));
    assert_eq!(refusal(&asked("{}", with("other"))), (401, "key_unknown".into(), api_key.clone()));
    assert_eq!(refusal(&asked("{}", with("old"))), (401, "key_revoked".into(), api_key));
    assert_eq!(refusal(&asked("{}", with("elsewhere"))), (403, "key_not_for_operation".into(), Vec::new()));
    assert_eq!(asked("{}", with("down")).failure(), Some(Failure::Dependency));
    let bearer = |facts| refusal(&asked(r#"{"header":"x-api-key","bearer":true,"realm":"a b"}"#, facts)).2;
    assert_eq!(bearer(Facts::request()), [r#"Bearer realm="a b""#]);
    assert_eq!(bearer(with("old")), [r#"Bearer realm="a b", error="invalid_token""#]);
}

#[test]
fn who_shows_no_key_passes_unknown_where_that_is_said_and_who_shows_a_wrong_one_does_not() {
    let config = r#"{"optional":true}"#;
    assert!(matches!(ask(config, Facts::request()), Verdict::Pass));
    assert!(ask(config, Facts::request().field("x-api-key", "other")).response().is_some());
    assert!(ask(config, Facts::request().field("x-api-key", "")).response().is_some());
}

#[test]
fn it_asks_for_no_more_than_it_needs() {
    let powers = |config: &str| policy(config).interest().powers();
    assert_eq!(
        powers("{}"),
        [
            "request-read::api",
            "request-read::route",
            "request-read::method",
            "request-read::client",
            "request-read:x-api-key",
            "request-write:x-api-key",
            "attribute-write:auth.*",
            "respond",
            "consumers"
        ]
    );
    let forwarded = powers(r#"{"bearer":true,"query":"key","forward":true}"#);
    assert!(!forwarded.iter().any(|power| power.starts_with("request-write") || power == "target"), "{forwarded:?}");
    assert!(powers(r#"{"query":"key"}"#).contains(&"target".to_owned()));
}

#[test]
fn what_cannot_be_is_a_fault() {
    for config in [
        r#"{"header":"authorization"}"#,
        r#"{"header":"x y"}"#,
        r#"{"query":"a=b"}"#,
        r#"{"prefix":""}"#,
        r#"{"prefix":"Auth."}"#,
        r#"{"realm":"a\"b"}"#,
        r#"{"heder":"x"}"#,
    ] {
        assert!(testing::configure::<KeyAuth>(config).is_err(), "{config}");
    }
}
