//! Header fields and queries.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::Facts;
use support::configured;

const RULES: &str = r#"{
    "rules": [
        { "headers": ["X-Owner"], "action": { "partial": { "last": 2 } }, "unless": { "auth.role": ["admin"] } },
        { "headers": ["x-trace-user"], "action": "remove", "on": "both" },
        { "query": ["email"], "on": "request", "action": "hash", "class": "contact" },
        { "query": ["token"], "on": "request", "action": "remove" },
        { "query": ["ssn"], "on": "request", "action": "block" }
    ],
    "detect": [{ "kinds": ["email"], "on": "both", "action": "mask", "headers": ["x-note"], "query": true }]
}"#;

fn edits(verdict: &Verdict) -> &Edits {
    verdict.edits().unwrap()
}

#[test]
fn fields_of_responses_are_rewritten_line_by_line() {
    let policy = configured(RULES);
    let facts = Facts::response().status(200).field("content-type", "application/json");
    let head = facts.field("x-owner", "ann-17").field("x-owner", "bob-23").field("x-trace-user", "17");
    let head = head.field("x-note", "ask ann@b.example").field("x-other", "ann@b.example");
    let verdict = policy.on_response(&head.clone().build().head(), b"");
    let changed = edits(&verdict);
    assert!(changed.removes("x-owner") && changed.appends("x-owner") == ["***17", "***23"]);
    assert!(changed.removes("x-trace-user") && changed.appends("x-trace-user").is_empty());
    assert_eq!(changed.appends("x-note"), ["ask ***"]);
    assert!(!changed.removes("x-other"));
    let verdict = policy.on_response(&head.attribute("auth.role", "admin").build().head(), b"");
    assert!(!edits(&verdict).removes("x-owner") && edits(&verdict).removes("x-trace-user"));
}

#[test]
fn a_head_of_which_nothing_changes_passes() {
    let policy = configured(r#"{ "rules": [{ "select": ["$.a"], "action": "mask" }] }"#);
    let head = Facts::request().path("/orders").query("a=1").build();
    assert_eq!(policy.on_request(&head.head()), Verdict::Pass);
}

#[test]
fn queries_are_rewritten_and_their_path_stays() {
    let policy = configured(RULES);
    let target = |query: &str| {
        let head = Facts::request().path("/orders").query(query).build();
        match policy.on_request(&head.head()) {
            Verdict::Respond(response) => response.status_code().to_string(),
            verdict => edits(&verdict).new_target().unwrap_or("the same").to_owned(),
        }
    };
    assert_eq!(target("page=2&sort=-a%20b"), "the same");
    assert_eq!(target("token=secret"), "/orders");
    assert_eq!(target("a=1&token=secret"), "/orders?a=1");
    assert_eq!(target("token=secret&a=%2f&to%6ben=2"), "/orders?a=%2f");
    assert_eq!(target("a=ann@b.example&b=1"), "/orders?a=***&b=1");
    let hashed = target("email=ann%40b.example&b=1");
    assert!(hashed.starts_with("/orders?email=h_") && hashed.ends_with("&b=1"), "{hashed}");
    assert_eq!(hashed, target("email=ann@b.example&b=1"), "the same value, written otherwise");
    assert_eq!(target("a=1&ssn=078-05-1120"), "403");
}
