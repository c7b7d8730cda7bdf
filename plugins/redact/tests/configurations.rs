//! What may be configured, what is wrong with the rest, and what a configuration asks for.

mod support;

use lockgate_sdk::Policy;
use serde_json::json;
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
fn what_is_meant_for_a_path_is_not_taken_for_a_name() {
    let fault = |select: &str| faults(&json!({ "rules": [{ "select": [select], "action": "mask" }] }).to_string());
    for (select, advice) in [
        ("customer.email", "write `$.customer.email`, or for a member that is called so `$..['customer.email']`"),
        ("lines[*].supplier", "write `$.lines[*].supplier`"),
        ("customer/email", "write `$.customer.email`, or for a member that is called so `$..['customer/email']`"),
        ("a.it's", r"`$..['a.it\'s']`"),
        ("/lines/-", "`-` is the place behind the last item of a list"),
        ("/lines/-/email", "write an index, or a JSONPath, `$.list[*]`"),
    ] {
        let found = fault(select);
        assert!(found.len() == 1 && found[0].starts_with("rules[0].select[0]: "), "{select}: {found:?}");
        assert!(found[0].contains(advice), "{select}: {found:?}");
    }
    for select in ["birthDate", "birth date", "e-mail", "$..['customer.email']", r"$..['a.it\'s']", "/a-b/-1"] {
        assert_eq!(fault(select), [""; 0], "{select}");
    }
}

#[test]
fn what_is_written_in_the_wrong_form_is_told_the_right_one() {
    let rule = |rest: &str| format!(r#"{{ "rules": [{{ "select": ["a"], {rest} }}] }}"#);
    for (config, fault) in [
        (rule(r#""action": "truncate""#), "rules[0].action: must say what is left: write `{ truncate = \"year\" }`"),
        (rule(r#""action": "partial""#), "rules[0].action: must say what is left: write `{ partial = { first = 1 } }`"),
        (rule(r#""action": "delete""#), "rules[0].action: `delete` is no action: write `\"block\"`, `\"remove\"`"),
        (rule(r#""action": { "mask": {} }"#), "rules[0].action: there is no more to say of it: write `\"mask\"`"),
        (rule(r#""action": { "delete": 1 }"#), "rules[0].action: `delete` is no action"),
        (rule(r#""action": {}"#), "rules[0].action: says nothing"),
        (rule(r#""action": { "truncate": "day" }"#), "rules[0].action.truncate: `day` does not say what is left"),
        (rule(r#""action": { "truncate": { "day": 1 } }"#), "rules[0].action.truncate: does not say what is left"),
        (
            rule(r#""action": { "partial": { "first": 1 }, "truncate": "year" }"#),
            "rules[0].action: says more than one thing: remove `truncate`",
        ),
        (rule(r#""action": { "truncate": { "text": 1, "decimal": 2 } }"#), "rules[0].action.truncate: says more than"),
        (
            rule(r#""action": "mask", "unless": "auth.role""#),
            "rules[0].unless: invalid type: string \"auth.role\", expected a table of attributes and their values",
        ),
        (
            rule(r#""action": "mask", "unless": { "auth.role": "support" }"#),
            "rules[0].unless.auth.role: must be a list of values: write `[\"support\"]`",
        ),
        (
            r#"{ "allow": [{ "select": ["$.id"], "action": "remove" }] }"#.to_owned(),
            "allow: must be one table, without brackets: write `{ select = [\"$.id\"], action = \"remove\" }`",
        ),
        (
            r#"{ "classes": { "contact": "null" } }"#.to_owned(),
            "classes.contact: must be a table: write `{ action = \"mask\" }`",
        ),
        (r#"{ "rules": ["email"] }"#.to_owned(), "rules[0]: must be a table: write `{ select = [\"$.email\"]"),
        (r#"{ "unlisted": [] }"#.to_owned(), "unlisted: must be one table, without brackets"),
        (
            r#"{ "detect": [{ "kinds": ["de-passport"], "action": "mask" }] }"#.to_owned(),
            "detect[0].kinds: there is no detector `de-passport`: there are `email`, `phone`",
        ),
    ] {
        let found = faults(&config);
        assert!(found.len() == 1 && found[0].starts_with(fault), "{config}: {found:?}");
        // Beyond that the gateway cuts it.
        assert!(found[0].chars().count() <= 400, "{}: {}", found[0].chars().count(), found[0]);
    }
    let found = faults(r#"{ "detect": [{ "kinds": ["de-passport"], "action": "mask" }] }"#).concat();
    assert!(found.contains("`de-id-card`, `de-tax-id`") && !found.contains("us-ssn"), "{found}");
}

#[test]
fn a_table_that_is_right_is_read_as_it_was() {
    let piece = |action: &str| {
        let policy = configured(&format!(r#"{{ "rules": [{{ "select": ["a"], "action": {action} }}] }}"#));
        support::seen(&policy, &[], r#"{"a":"1980-05-17"}"#)
    };
    for (action, left) in [
        (r#"{ "truncate": "month" }"#, r#"{"a":"1980-05"}"#),
        (r#"{ "truncate": { "text": 3 } }"#, r#"{"a":"198"}"#),
        (r#"{ "partial": { "first": 1, "last": 2 } }"#, r#"{"a":"1***17"}"#),
        (r#"{ "partial": {} }"#, r#"{"a":"***"}"#),
        (r#""null""#, r#"{"a":null}"#),
    ] {
        assert_eq!(piece(action), left, "{action}");
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
