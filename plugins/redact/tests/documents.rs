//! Documents as they are outside of tests: what of them whoever asks gets to see.

mod support;

use lockgate_sdk::crypto::SignError;
use lockgate_sdk::testing::{crypto, metrics};
use serde_json::{Value, json};
use support::{BUNDLE, ORDER, configured, read, seen};

const SHOP: &str = r#"{
    "rules": [
        { "select": ["$.customer.email", "$.lines[*].gift.email"], "action": { "partial": { "first": 1, "keep_domain": true } }, "class": "contact" },
        { "select": ["/customer/phone"], "action": { "partial": { "last": 2 } }, "class": "contact" },
        { "select": ["birthDate"], "action": { "truncate": "year" }, "unless": { "auth.scope": ["orders:full"] } },
        { "select": ["$..geo.*"], "action": { "truncate": { "decimal": 1 } } },
        { "select": ["$.customer['name', 'id']"], "action": "mask" },
        { "select": ["$.payment"], "action": "remove", "unless": { "auth.consumer": ["billing"] } },
        { "select": ["$.client.ip"], "action": { "truncate": { "address": {} } } },
        { "select": ["$.lines[1:].gift"], "action": "null", "unless": { "auth.scope": ["orders:full"] } }
    ],
    "detect": [{ "kinds": ["email", "ip-address", "payment-card", "phone"], "action": "mask" }],
    "embedded": ["$.events"],
    "separator": "space"
}"#;

#[test]
fn an_order_shows_what_anybody_may_see() {
    let order = read(&configured(SHOP), &[], ORDER);
    assert_eq!(
        order["customer"],
        json!({
            "id": "***", "name": "***", "email": "m***@example.com", "phone": "***56", "birthDate": "1980",
            "addresses": [
                { "kind": "billing", "street": "Storgata 1", "postcode": "0155", "city": "Oslo", "geo": { "lat": 59.9, "lon": 10.7 } },
                { "kind": "shipping", "street": "Bryggen 9", "postcode": "5003", "city": "Bergen", "geo": { "lat": 60.3, "lon": 5.3 } },
            ],
        })
    );
    assert_eq!(order.get("payment"), None);
    assert_eq!(order["lines"][1]["gift"], Value::Null);
    assert_eq!(order["lines"][0]["title"], "Raincoat \"Vær\"");
    assert_eq!(order["client"]["ip"], "192.0.2.0");
    assert_eq!(order["comment"], "Ring *** or mail ***, card ***.");
    assert_eq!(order["events"], r#"[{"at":"2026-01-14T09:27:01Z","by":"***","what":"paid"}]"#);
}

#[test]
fn who_may_see_more_sees_more() {
    let policy = configured(SHOP);
    let billing = read(&policy, &[("auth.consumer", "billing")], ORDER);
    assert_eq!(billing["payment"]["card"]["holder"], "M SOLBERG");
    assert_eq!(billing["payment"]["card"]["number"], "***", "what is found by looking has no exception");
    assert_eq!(billing["customer"]["birthDate"], "1980");
    let full = read(&policy, &[("auth.scope", "openid orders:full")], ORDER);
    assert_eq!(full["customer"]["birthDate"], "1980-05-17");
    assert_eq!(full["lines"][1]["gift"]["email"], "j***@example.org");
    assert_eq!(full["lines"][1]["gift"]["note"], "call me: ***");
    assert_eq!(full.get("payment"), None);
}

#[test]
fn what_is_not_selected_stays_byte_for_byte() {
    let policy = configured(r#"{ "rules": [{ "select": ["$.nowhere"], "action": "remove" }] }"#);
    for document in [ORDER, BUNDLE] {
        assert_eq!(seen(&policy, &[], document), document);
    }
    let policy = configured(r#"{ "rules": [{ "select": ["$.payment.card"], "action": "remove" }] }"#);
    let card = r#""card": { "number": "4111 1111 1111 1111", "holder": "M SOLBERG", "expires": "2027-09" }"#;
    let (before, after) = ORDER.split_once(card).unwrap();
    let left = seen(&policy, &[], ORDER);
    assert!(left.starts_with(before.trim_end().trim_end_matches(',')) && left.ends_with(after), "{left}");
}

#[test]
fn a_record_is_left_with_what_is_on_the_list() {
    let policy = configured(
        r#"{ "allow": {
            "select": ["$.resourceType", "$.total", "$.entry[*].resource['resourceType', 'status', 'code', 'valueQuantity']", "$.entry[*].resource.subject.reference"],
            "action": "remove", "unless": { "auth.purpose": ["care"] } } }"#,
    );
    assert_eq!(
        read(&policy, &[], BUNDLE),
        json!({
            "resourceType": "Bundle", "total": 2,
            "entry": [
                { "resource": { "resourceType": "Patient" } },
                { "resource": {
                    "resourceType": "Observation", "status": "final", "subject": { "reference": "Patient/17" },
                    "code": { "text": "Haemoglobin A1c" }, "valueQuantity": { "value": 7.2, "unit": "%" },
                } },
            ],
        })
    );
    assert_eq!(seen(&policy, &[("auth.purpose", "care")], BUNDLE), BUNDLE);
    // Where an object is expected and something else comes, nothing in it can be on the list.
    assert_eq!(seen(&policy, &[], r#"{"entry":"Ada Okafor"}"#), r#"{"entry":null}"#);
}

#[test]
fn a_pseudonym_is_the_same_for_one_consumer_and_another_for_the_next() {
    let key = |message: &[u8]| {
        use sha2::{Digest, Sha256};
        Sha256::digest([b"a key of tests", message].concat()).to_vec()
    };
    crypto::sign_with(move |asked| match asked.keys {
        "pseudonyms" => Ok(key(asked.message)),
        _ => Err(SignError::Denied),
    });
    let config = |per_consumer: bool| {
        configured(&format!(
            r#"{{ "pseudonyms": {{ "key": "pseudonyms", "per_consumer": {per_consumer} }},
                 "rules": [{{ "select": ["$.entry[0].resource.id"], "action": "pseudonym", "class": "patient" }},
                           {{ "select": ["$..reference"], "action": "pseudonym", "class": "patient" }},
                           {{ "select": ["$..telecom"], "action": "pseudonym", "class": "contact" }}] }}"#
        ))
    };
    let id = |per_consumer, who| read(&config(per_consumer), who, BUNDLE)["entry"][0]["resource"]["id"].to_string();
    let (one, other) = (&[("auth.consumer", "one")], &[("auth.consumer", "other")]);
    assert!(id(true, one).starts_with("\"p_"));
    assert_eq!(id(true, one), id(true, one));
    assert_ne!(id(true, one), id(true, other));
    assert_eq!(id(false, one), id(false, other));
    let bundle = read(&config(true), one, BUNDLE);
    let telecom = &bundle["entry"][0]["resource"]["telecom"];
    assert!(telecom.to_string().matches("p_").count() == 4 && !telecom.to_string().contains("ada"), "{telecom}");
}

#[test]
fn what_was_done_is_counted_by_route_class_action_and_consumer() {
    let message = support::Message { who: &[("auth.consumer", "shop")], ..Default::default() };
    // Once, in one piece.
    let policy = configured(SHOP);
    message.judged(&policy, ORDER).unwrap();
    let ways = 5;
    assert_eq!(metrics::total_where("redacted", "class", "contact"), 2 * ways);
    assert_eq!(metrics::total_where("redacted", "action", "remove"), ways);
    assert_eq!(metrics::total_where("redacted", "action", "null"), ways);
    let total = metrics::total("redacted");
    assert_eq!(metrics::total_where("redacted", "route", "getOrder"), total);
    assert_eq!(metrics::total_where("redacted", "consumer", "shop"), total);
}

#[test]
fn a_text_that_should_be_a_document_and_is_none_is_masked() {
    let policy = configured(r#"{ "embedded": ["$.payload"], "rules": [{ "select": ["email"], "action": "mask" }] }"#);
    let payload = |payload: &str| read(&policy, &[], &json!({ "payload": payload }).to_string())["payload"].clone();
    assert_eq!(payload(r#"{"email":"a@b.example","n":1}"#), r#"{"email":"***","n":1}"#);
    for none in [r#"{"email":"a@b.example""#, "email: a@b.example", r#"{"email":"a@b.example"} {}"#, "[,]", ""] {
        assert_eq!(payload(none), "***", "{none}");
    }
    assert_eq!(seen(&policy, &[], r#"{"payload":{"email":"a","n":7}}"#), r#"{"payload":{"email":"***","n":7}}"#);
}

#[test]
fn a_text_that_is_no_document_is_not_blocked_for_what_it_begins_with() {
    let policy = configured(r#"{ "embedded": ["$.p"], "rules": [{ "select": ["$.p.x"], "action": "block" }] }"#);
    let judged = |payload: &str| support::Message::default().judged(&policy, &json!({ "p": payload }).to_string());
    assert_eq!(judged(r#"{"x":1}"#), Err(403));
    assert_eq!(judged(r#"{"x":1"#).unwrap(), r#"{"p":"***"}"#);
}

#[test]
fn what_an_allow_list_leads_to_is_nothing_else_whatever_it_is() {
    let policy = configured(
        r#"{ "allow": { "select": ["$.payload.id", "$.a.b"], "action": "remove" }, "embedded": ["$.payload"],
             "rules": [{ "select": ["$.a"], "action": { "partial": { "last": 4 } } }] }"#,
    );
    for (document, left) in [
        (r#"{"payload":4111111111111111}"#, r#"{"payload":null}"#),
        (r#"{"payload":true}"#, r#"{"payload":null}"#),
        (r#"{"payload":"{\"id\":1,\"x\":2}"}"#, r#"{"payload":"{\"id\":1}"}"#),
        (r#"{"a":"0123456789"}"#, r#"{"a":null}"#),
        (r#"{"a":{"b":"0123456789","c":1}}"#, r#"{"a":{"b":"***6789"}}"#),
    ] {
        assert_eq!(seen(&policy, &[], document), left, "{document}");
    }
}

#[test]
fn what_overlaps_is_handled_by_the_strictest_rule_that_applies() {
    let policy = configured(
        r#"{ "detect": [{ "kinds": ["payment-card"], "action": "block" },
                        { "kinds": ["email"], "action": "mask", "unless": { "auth.role": ["agent"] } }] }"#,
    );
    let judged =
        |who| support::Message { who, ..Default::default() }.judged(&policy, r#"["4111111111111111@example.com"]"#);
    assert_eq!(judged(&[]), Err(403));
    assert_eq!(judged(&[("auth.role", "agent")]), Err(403));
    let email = support::Message { who: &[("auth.role", "agent")], ..Default::default() };
    assert_eq!(email.judged(&policy, r#"["a@b.example"]"#).unwrap(), r#"["a@b.example"]"#);
}

#[test]
fn numbers_are_looked_at_as_texts_are() {
    let policy = configured(r#"{ "detect": [{ "kinds": ["payment-card"], "action": { "partial": { "last": 4 } } }] }"#);
    assert_eq!(seen(&policy, &[], r#"{"n":4111111111111111,"m":12}"#), r#"{"n":"***1111","m":12}"#);
}

#[test]
fn a_number_where_texts_are_documents_is_looked_at() {
    let policy = configured(
        r#"{ "embedded": ["$.n"], "detect": [{ "kinds": ["payment-card"], "action": { "partial": { "last": 4 } } }] }"#,
    );
    assert_eq!(seen(&policy, &[], r#"{"n":4111111111111111}"#), r#"{"n":"***1111"}"#);
    assert_eq!(seen(&policy, &[], r#"{"n":"[4111111111111111]"}"#), r#"{"n":"[\"***1111\"]"}"#);
}

#[test]
fn what_is_blocked_is_found_behind_what_makes_the_text_null() {
    let policy = configured(
        r#"{ "detect": [{ "kinds": ["email"], "action": "null" }, { "kinds": ["payment-card"], "action": "block" }] }"#,
    );
    let judged = |body: &str| support::Message::default().judged(&policy, body);
    assert_eq!(judged(r#"["to a@b.example"]"#).unwrap(), "[null]");
    assert_eq!(judged(r#"["4111111111111111 of a@b.example"]"#), Err(403));
    assert_eq!(judged(r#"["a@b.example has 4111111111111111"]"#), Err(403));
}

#[test]
fn what_stands_on_the_way_to_what_is_allowed_does_not_pass_for_its_length() {
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(20_000));
    for (action, becomes) in [("block", Err(403)), ("remove", Ok(r#"{"a":null}"#)), ("mask", Ok(r#"{"a":"***"}"#))] {
        let config = format!(r#"{{ "allow": {{ "select": ["$.a.b"], "action": "{action}" }} }}"#);
        let judged = support::Message::default().judged_whole(&configured(&config), &body);
        assert_eq!(judged, becomes.map(str::to_owned), "{action}");
    }
}

#[test]
fn a_value_that_comes_again_and_again_is_digested_once() {
    let policy = configured(r#"{ "rules": [{ "select": ["$[*]"], "action": "hash" }] }"#);
    let message = support::Message::default();
    let many = |values: usize, different: usize| {
        let values: Vec<_> = (0..values).map(|value| (value % different).to_string()).collect();
        message.judged_whole(&policy, &format!("[{}]", values.join(",")))
    };
    assert!(many(20_000, 100).is_ok());
    assert!(many(10_000, 10_000).is_ok());
}

#[test]
fn nobody_for_whom_nothing_is_selected_needs_texts_to_be_documents() {
    let config = r#"{ "embedded": ["$.p"], "rules": [{ "select": ["$.p.x"], "action": "mask", "unless": { "auth.role": ["*"] } }] }"#;
    let document = r#"{"p":"hello"}"#;
    assert_eq!(seen(&configured(config), &[("auth.role", "a")], document), document);
    assert_eq!(seen(&configured(config), &[], document), r#"{"p":"***"}"#);
}

#[test]
fn what_is_found_is_counted_whatever_becomes_of_it() {
    for (action, left) in [("remove", r#"["to "]"#), ("null", "[null]"), ("mask", r#"["to ***"]"#)] {
        let config = format!(r#"{{ "detect": [{{ "kinds": ["email"], "action": "{action}" }}] }}"#);
        let message = support::Message::default();
        assert_eq!(message.judged_whole(&configured(&config), r#"["to a@b.example"]"#).unwrap(), left);
        assert_eq!(metrics::total_where("redacted", "action", action), 1, "{action}");
    }
}

#[test]
fn what_one_kind_takes_for_more_of_its_own_is_found_by_another_too() {
    let judged = |address: &str| {
        let config = format!(
            r#"{{ "detect": [{{ "kinds": ["phone"], "action": "mask" }}, {{ "kinds": ["ip-address"], "action": "{address}" }}] }}"#
        );
        support::Message::default().judged(&configured(&config), r#"["+47 22 12 34 56 192.0.2.17"]"#)
    };
    assert_eq!(judged("block"), Err(403));
    assert_eq!(judged("mask").unwrap(), r#"["***"]"#);
}
