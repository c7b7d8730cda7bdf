//! What may be configured, what is wrong with the rest, and what a configuration asks for.

mod support;

use lockgate_sdk::Policy;
use support::{configured, faults};

#[test]
fn a_configuration_that_protects_nothing_is_a_fault() {
    assert_eq!(faults("{}"), [": says nothing of what is personal: give `rules`, `classes`, `allow` or `detect`"]);
    assert!(faults(r#"{ "rules": [{ "action": "mask" }] }"#)[0].starts_with("rules[0]: selects nothing"));
}

#[test]
fn all_faults_are_found_at_once_where_they_stand() {
    let found = faults(
        r#"{ "rules": [
            { "select": ["$.a"], "action": "pseudonym" },
            { "query": ["email"], "action": "mask" },
            { "select": ["$.a"], "action": "mask", "unless": { "auth.role": [] } } ],
            "detect": [{ "kinds": ["email"], "query": true, "action": "mask" }],
            "classes": { "contact": { "action": "mask" } }, "unlisted": { "action": "remove" } }"#,
    );
    let starts = [
        "classes: needs the API's OpenAPI document",
        "detect[0].on: queries stand in requests",
        "rules[0].action: needs the key of pseudonyms",
        "rules[1].on: `query` and `form` stand in requests",
        "rules[2].unless.auth.role: must hold 1 to 256 values",
        "unlisted: needs the API's OpenAPI document",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (fault, start) in found.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}");
    }
}

#[test]
fn what_no_stream_can_answer_is_refused_with_the_reason() {
    let fault = |select: &str| {
        let config = format!(r#"{{ "rules": [{{ "select": ["{select}"], "action": "mask" }}] }}"#);
        faults(&config).concat()
    };
    assert_eq!(fault("$.a[0].b"), "");
    for (select, reason) in [
        ("$.a[-1]", "rules[0].select[0]: "),
        ("$[?@.kind == 'email'].value", "rules[0].select[0]: "),
        ("$.a[", "rules[0].select[0]: "),
        ("/a/~2", "rules[0].select[0]: "),
    ] {
        assert!(fault(select).starts_with(reason), "{select}: {}", fault(select));
    }
}

#[test]
fn a_policy_asks_for_no_more_than_it_needs() {
    let powers = |config: &str| configured(config).interest().powers();
    let body = powers(r#"{ "rules": [{ "select": ["email"], "action": "mask" }] }"#);
    let expected = [
        "response-read::route",
        "response-read::status",
        "response-read:content-type",
        "attribute-read:auth.consumer",
        "respond",
    ];
    for power in &body {
        assert!(expected.contains(&power.as_str()), "{power} of {body:?}");
    }
    assert_eq!(body.len(), expected.len(), "{body:?}");
    let head = powers(
        r#"{ "rules": [{ "headers": ["x-owner"], "query": ["email"], "on": "request", "action": "mask", "unless": { "auth.role": ["admin"] } }] }"#,
    );
    for power in
        ["request-read:x-owner", "request-write:x-owner", "request-read::query", "target", "attribute-read:auth.role"]
    {
        assert!(head.iter().any(|other| other == power), "{power} of {head:?}");
    }
    assert!(!head.iter().any(|power| power.contains("content-type")), "no body is read: {head:?}");
}

#[test]
fn what_no_rule_is_about_is_not_looked_at() {
    let idle = |config: &str| {
        let interest = configured(config).interest();
        (interest.idle_on_request, interest.idle_on_response)
    };
    let rule = |rest: &str| format!(r#"{{ "rules": [{{ "action": "mask", {rest} }}] }}"#);
    assert_eq!(idle(&rule(r#""select": ["email"]"#)), (true, false));
    assert_eq!(idle(&rule(r#""headers": ["x-owner"]"#)), (true, false));
    assert_eq!(idle(&rule(r#""select": ["email"], "on": "both""#)), (false, false));
    for request in
        [r#""select": ["email"]"#, r#""headers": ["x-owner"]"#, r#""query": ["email"]"#, r#""form": ["email"]"#]
    {
        assert_eq!(idle(&rule(&format!(r#"{request}, "on": "request""#))), (false, true), "{request}");
    }
    let detect = |rest: &str| format!(r#"{{ "detect": [{{ "kinds": ["email"], "action": "mask", {rest} }}] }}"#);
    assert_eq!(idle(&detect(r#""on": "both""#)), (false, false));
    assert_eq!(idle(&detect(r#""on": "response", "headers": ["x-owner"]"#)), (true, false));
}

#[test]
fn values_to_digest_come_in_small_pieces() {
    let piece = |action: &str| {
        let config = format!(r#"{{ "rules": [{{ "select": ["email"], "action": "{action}" }}] }}"#);
        configured(&config).interest().response_body.unwrap().max_piece
    };
    assert_eq!((piece("mask"), piece("hash")), (64 * 1024, 8 * 1024));
}
