//! What an OpenAPI document says about personal data, as the gateway hands it over.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_sdk::{Direction, Policy};
use serde_json::json;
use support::{Message, configured, faults, read, seen};

/// An order with a customer and lines, an error, and categories inside of each other.
fn described(more: serde_json::Value) -> String {
    let mut config = json!({
        "classification": {
            "classes": [
                { "category": "contact", "sensitivity": "confidential" },
                { "category": "financial", "sensitivity": "restricted", "masking": { "strategy": "partial" } },
                { "category": "name", "sensitivity": "public" },
                { "category": "id", "sensitivity": "confidential", "masking": { "strategy": "mask", "with": "." } },
            ],
            "shapes": [
                { "members": { "customer": 1, "lines": 5 }, "listed": ["id"] },
                { "members": { "email": 2, "iban": 3, "name": 4 }, "closed": true, "listed": ["since"] },
                { "class": 0 },
                { "class": 1 },
                { "class": 2 },
                { "items": 6 },
                { "rest": 7 },
                { "class": 3 },
                { "members": { "owner": 2, "children": 9 } },
                { "items": 8 },
            ],
            "operations": {
                "getOrder": { "responses": { "200": 0, "4XX": 8 }, "query": { "mail": 0 }, "response_headers": { "200": { "x-owner": 1 } } },
                "getTree": { "responses": { "default": 8 }, "path": { "id": 3 } },
                "putOrder": { "request": 0, "form": { "mail": 0 }, "unread": ["multipart/form-data"] },
                "getPicture": { "response_unread": { "200": ["text/vnd.picture"] }, "responses": { "default": 8 }, "cookies": { "a": 0 } },
            },
        },
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config.to_string()
}

const ORDER: &str = r#"{"id":1,"customer":{"email":"ann@b.example","iban":"NO9386011117947","name":"Ann","since":2020,"shoe":44},"lines":[{"a":"1","b":[2]}],"owner":"x"}"#;

#[test]
fn what_is_annotated_is_handled_as_the_document_asks() {
    let policy = configured(&described(json!({})));
    assert_eq!(
        seen(&policy, &[], ORDER),
        r#"{"id":1,"customer":{"email":"***","iban":"N***","name":"Ann","since":2020,"shoe":44},"lines":[{"a":"***","b":["***"]}],"owner":"x"}"#
    );
}

#[test]
fn what_a_document_asks_for_and_nobody_can_do_is_a_fault_until_the_operator_says_what_to_do() {
    let asks = |strategy: &str, more: serde_json::Value| {
        let mut config = json!({ "classification": {
            "classes": [{ "category": "born", "sensitivity": "restricted", "masking": { "strategy": strategy } }],
            "shapes": [{ "members": { "born": 1 } }, { "class": 0 }],
            "operations": { "getOrder": { "responses": { "200": 0 } } },
        } });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config.to_string()
    };
    let found = faults(&asks("truncate", json!({})));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("classification: the document asks for the masking strategy `truncate`"), "{found:?}");
    assert!(found[0].contains("`\"born\" = { action = \"mask\" }`") && found[0].chars().count() <= 400, "{found:?}");
    for word in ["born", "restricted"] {
        let said = json!({ "classes": { word: { "action": { "truncate": "year" } } } });
        let policy = configured(&asks("truncate", said));
        assert_eq!(seen(&policy, &[], r#"{"born":"1980-05-17"}"#), r#"{"born":"1980"}"#);
    }
    for (strategy, left) in [("mask", r#""***""#), ("partial", r#""1***""#), ("null", "null"), ("tokenize", r#""***""#)]
    {
        let policy = configured(&asks(strategy, json!({})));
        assert_eq!(seen(&policy, &[], r#"{"born":"1980-05-17"}"#), format!(r#"{{"born":{left}}}"#), "{strategy}");
    }
}

#[test]
fn a_class_that_nothing_has_is_a_fault_unless_any_document_may_have_it() {
    let classes = |word: &str| faults(&described(json!({ "classes": { word: { "action": "mask" } } })));
    let found = classes("contakt");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(
            "classes.contakt: nothing is classified as `contakt`: here there are `confidential`, `contact`"
        ),
        "{found:?}"
    );
    assert_eq!(classes("Contact").len(), 1, "words are compared as they are written");
    for word in ["contact", "restricted", "health", "internal", "PII"] {
        assert_eq!(classes(word), [""; 0], "{word}");
    }
}

#[test]
fn the_operator_decides_by_category_or_sensitivity_and_by_who_asks() {
    let policy = configured(&described(json!({
        "classes": {
            "contact": { "action": "remove", "unless": { "auth.role": ["agent"] } },
            "restricted": { "action": "null" },
            "public": { "action": "hash" },
        },
        "unlisted": { "action": "remove" },
    })));
    let customer = |who| read(&policy, who, ORDER)["customer"].clone();
    assert_eq!(customer(&[("auth.role", "agent")])["email"], "ann@b.example");
    let customer = customer(&[]);
    assert_eq!(customer.get("email"), None);
    assert_eq!(customer["iban"], json!(null));
    assert!(customer["name"].as_str().unwrap().starts_with("h_"));
    assert_eq!(customer["since"], 2020);
    assert_eq!(customer.get("shoe"), None, "a member of a classified object that is not listed");
}

#[test]
fn each_operation_and_status_has_its_own() {
    let policy = configured(&described(json!({})));
    let tree = r#"{"owner":"o","email":"e","children":[{"owner":"p","children":[{"owner":{"x":"q"}}]}]}"#;
    let masked = r#"{"owner":"***","email":"e","children":[{"owner":"***","children":[{"owner":{"x":"***"}}]}]}"#;
    let judged = |route, status| Message { route, status, ..Message::default() }.judged(&policy, tree).unwrap();
    assert_eq!(judged("getTree", 500), masked);
    assert_eq!(judged("getOrder", 404), masked);
    assert_eq!(judged("getOrder", 200), tree);
    assert_eq!(judged("getOrder", 503), masked, "a status nobody described may come with any of them");
    assert_eq!(judged("other", 200), tree);
}

#[test]
fn what_is_sent_reaches_the_upstream_unless_the_operator_says_otherwise() {
    let request = Message { direction: Direction::Request, route: "putOrder", ..Message::default() };
    let (sent, masked) = (r#"{"customer":{"email":1}}"#, r#"{"customer":{"email":"***"}}"#);
    let policy = configured(&described(json!({})));
    assert!(policy.interest().request_body.is_none());
    let both = json!({ "classes": { "contact": { "action": "mask", "on": "both" } } });
    assert_eq!(request.judged(&configured(&described(both)), sent).unwrap(), masked);
}

#[test]
fn a_media_type_in_which_nobody_can_tell_is_refused_whatever_becomes_of_others() {
    let policy = configured(&described(json!({
        "classes": { "contact": { "action": "mask", "on": "both", "unless": { "auth.role": ["agent"] } }, "id": { "action": "mask", "unless": { "auth.role": ["agent"] } },
            "financial": { "action": "mask", "unless": { "auth.role": ["agent"] } } },
        "other": "pass",
    })));
    let picture = |who| Message { route: "getPicture", media_type: "text/vnd.picture; a=b", who, ..Message::default() };
    assert_eq!(picture(&[]).judged(&policy, "x"), Err(502));
    assert_eq!(picture(&[("auth.role", "agent")]).judged(&policy, "x").unwrap(), "x");
    let media_type = "multipart/form-data; boundary=x";
    let form = Message { direction: Direction::Request, route: "putOrder", media_type, ..Message::default() };
    assert_eq!(form.judged(&policy, "--x--"), Err(400));
}

#[test]
fn a_media_type_nobody_reads_is_refused_where_nothing_else_is_described() {
    let config = json!({ "classification": {
        "classes": [{ "category": "contact", "sensitivity": "confidential" }],
        "operations": { "getXml": { "response_unread": { "200": ["application/xml", "image/*"] } } },
    } });
    let policy = configured(&config.to_string());
    let get = |media_type| Message { route: "getXml", media_type, ..Message::default() }.judged(&policy, "{}");
    assert_eq!(get("application/xml; charset=utf-8"), Err(502));
    assert_eq!(get("IMAGE/png"), Err(502));
    assert_eq!(get("application/json").unwrap(), "{}");
}

#[test]
fn a_string_that_holds_a_document_is_read_as_its_schema_says() {
    let config = json!({ "classification": {
        "classes": [{ "category": "contact", "sensitivity": "confidential" }],
        "shapes": [{ "members": { "payload": 1 } }, { "embedded": 2 }, { "members": { "email": 3 } }, { "class": 0 }],
        "operations": { "getOrder": { "responses": { "200": 0 } } },
    } });
    let policy = configured(&config.to_string());
    let payload = |text: &str| read(&policy, &[], &json!({ "payload": text }).to_string())["payload"].clone();
    assert_eq!(payload(r#"{"email":"ann@b.example","n":1}"#), r#"{"email":"***","n":1}"#);
    assert_eq!(payload("email: ann@b.example"), "***");
}

#[test]
fn a_graph_that_contradicts_itself_is_a_fault() {
    let broken = r#"{ "classification": { "classes": [{ "category": "c", "sensitivity": "restricted" }], "shapes": [{ "items": 4 }], "operations": { "a": { "request": 0 } } } }"#;
    assert_eq!(faults(broken).len(), 1);
    let broken = r#"{ "classification": { "classes": [{ "category": "c", "sensitivity": "restricted" }], "operations": { "a": { "request": 3 } } } }"#;
    assert_eq!(faults(broken).len(), 1);
}

#[test]
fn fields_and_queries_of_operations_are_asked_for() {
    let powers = configured(&described(json!({}))).interest().powers();
    for power in ["response-read:x-owner", "response-write:x-owner"] {
        assert!(powers.iter().any(|other| other == power), "{power} of {powers:?}");
    }
    assert!(!powers.iter().any(|power| power == "target"), "{powers:?}");
}
