//! Bodies that are not one JSON document: on lines, in events, forms and text; and what cannot be read at all.

mod support;

use lockgate_sdk::crypto::SignError;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::log::{Level, lines};
use lockgate_sdk::testing::{Facts, crypto};
use support::{Message, configured};

const RULES: &str = r#"{
    "rules": [{ "select": ["email"], "action": "mask" }, { "select": ["$.card"], "action": "remove" },
              { "on": "request", "form": ["email"], "action": "mask" }, { "on": "request", "form": ["card"], "action": "remove" }],
    "detect": [{ "on": "both", "kinds": ["email"], "action": { "partial": { "keep_domain": true } } }]
}"#;

fn judged(media_type: &str, body: &str) -> Result<String, u16> {
    Message { media_type, ..Message::default() }.judged(&configured(RULES), body)
}

#[test]
fn each_line_is_a_document() {
    let lines = "{\"email\":\"a@b.example\",\"n\":1}\n\n{\"card\":1,\"n\":2}\r\n[{\"email\":null}]";
    let left = "{\"email\":\"***\",\"n\":1}\n\n{\"n\":2}\r\n[{\"email\":null}]";
    for media_type in ["application/x-ndjson", "application/jsonl"] {
        assert_eq!(judged(media_type, lines).unwrap(), left);
    }
    assert_eq!(judged("application/x-ndjson", "{\"n\":1}\n{\"n\":"), Err(502));
}

#[test]
fn each_event_is_a_document() {
    let events = "retry: 10\n: for ann@b.example\n\nevent: order\nid: 1\ndata: {\"email\":\"a@b.example\",\ndata: \"n\":1}\n\ndata: [DONE]\n\n";
    // A comma waits for what follows it, and no line waits for the next: so it goes to that.
    let left = "retry: 10\n: for ***@b.example\n\nevent: order\nid: 1\ndata: {\"email\":\"***\"\ndata: ,\"n\":1}\n\ndata: [DONE]\n\n";
    assert_eq!(judged("text/event-stream", events).unwrap(), left);
    assert_eq!(judged("text/event-stream; charset=UTF-8", "data: hello\n\n"), Err(502));
}

#[test]
fn each_pair_of_a_form_is_judged_by_its_name() {
    let form = |body: &str| {
        let media_type = "application/x-www-form-urlencoded";
        Message { direction: Direction::Request, media_type, ..Message::default() }.judged(&configured(RULES), body)
    };
    assert_eq!(form("n=1&email=ann%40b.example&card=4111&m=2").unwrap(), "n=1&email=***&m=2");
    assert_eq!(form("%65mail=x&e=%C3%A9+a@b.example&flag").unwrap(), "%65mail=***&e=%C3%A9+***%40b.example&flag");
    assert_eq!(form("email").unwrap(), "email=***");
    assert_eq!(form("ann%40b.example=1&ann@b.example").unwrap(), "***%40b.example=1&***%40b.example");
    assert_eq!(form(&format!("n={}", "x".repeat(20_000))), Err(413));
}

#[test]
fn text_is_looked_at_line_by_line() {
    let text = "Dear ann@b.example,\r\nno news.\n\nbob@c.example";
    assert_eq!(judged("text/plain", text).unwrap(), "Dear ***@b.example,\r\nno news.\n\n***@c.example");
    assert_eq!(judged("text/csv", &"x".repeat(20_000)), Err(502));
}

#[test]
fn what_cannot_be_read_does_not_go_on() {
    for body in ["{\"email\":", "{\"a\":1,}", "[1] [2]", "{\"a\":1}x", "nul", "\u{feff}{}", "{\"a\":\"\t\"}", "01"] {
        assert_eq!(judged("application/json", body), Err(502), "{body}");
    }
    assert_eq!(judged("application/json; charset=iso-8859-1", "{}"), Err(502));
    assert_eq!(judged("application/json; charset=\"utf-8\"", "{}").unwrap(), "{}");
    let request = Message { direction: Direction::Request, ..Message::default() };
    assert_eq!(request.judged(&configured(RULES), "{\"a\":"), Err(400));
}

#[test]
fn that_a_request_cannot_be_read_is_the_doing_of_the_client_and_of_a_response_it_is_not() {
    let both = configured(r#"{ "rules": [{ "select": ["email"], "on": "both", "action": "mask" }] }"#);
    let begun = |verdict: Verdict| verdict.edits().unwrap().new_state().unwrap().to_vec();
    let head = Facts::request().field("content-type", "application/json").build();
    let state = begun(both.on_request(&head.head()));
    assert_eq!(both.on_chunk(Direction::Request, b"[1,]", true, &state), Failure::BadInput.into());
    let coded = Facts::request().field("content-type", "application/json; charset=latin1").build();
    assert_eq!(both.on_request(&coded.head()), Failure::BadInput.into());
    let head = Facts::response().status(200).field("content-type", "application/json").build();
    let state = begun(both.on_response(&head.head(), b""));
    let answer = both.on_chunk(Direction::Response, b"[1,]", true, &state);
    assert!(matches!(answer, Verdict::Respond(response) if response.status_code() == 502));
}

#[test]
fn where_no_pseudonym_can_be_made_nothing_passes_and_the_log_says_why() {
    let policy =
        configured(r#"{ "pseudonyms": { "key": "k" }, "rules": [{ "headers": ["x-id"], "action": "pseudonym" }] }"#);
    crypto::sign_with(|_| Err(SignError::WrongAlgorithm));
    let head = Facts::response().status(200).field("x-id", "7").build();
    assert_eq!(policy.on_response(&head.head(), b""), Failure::Dependency.into());
    let [(Level::Warn, line)] = &lines()[..] else { panic!("{:?}", lines()) };
    assert!(line.contains("HS256"), "{line}");
}

#[test]
fn what_may_not_pass_stops_the_message() {
    let policy = configured(
        r#"{ "rules": [{ "select": ["$.diagnosis"], "on": "both", "action": "block", "unless": { "auth.purpose": ["care"] } }],
             "detect": [{ "kinds": ["private-key"], "action": "block" }] }"#,
    );
    let response = Message::default();
    assert_eq!(response.judged(&policy, r#"{"id":1,"diagnosis":null}"#), Err(403));
    assert_eq!(response.judged(&policy, r#"{"id":"-----BEGIN PRIVATE KEY-----"}"#), Err(403));
    assert!(response.judged(&policy, r#"{"id":1}"#).is_ok());
    let care = Message { who: &[("auth.purpose", "care")], ..Message::default() };
    assert!(care.judged(&policy, r#"{"diagnosis":"J45"}"#).is_ok());
    let request = Message { direction: Direction::Request, ..Message::default() };
    assert_eq!(request.judged(&policy, r#"{"diagnosis":"J45"}"#), Err(403));
}

#[test]
fn nobody_reads_for_whom_no_rule_applies() {
    let policy =
        configured(r#"{ "rules": [{ "select": ["$.a"], "action": "mask", "unless": { "auth.role": ["*"] } }] }"#);
    let message = Message { who: &[("auth.role", "clerk")], ..Message::default() };
    assert_eq!(message.judged(&policy, "no JSON").unwrap(), "no JSON");
}

#[test]
fn what_is_too_long_to_be_looked_at_is_masked_as_a_whole() {
    let long = "x".repeat(100_000);
    let body = format!(r#"{{"email":"{long}","n":"{long}"}}"#);
    assert_eq!(judged("application/json", &body).unwrap(), r#"{"email":"***","n":"***"}"#);
}

#[test]
fn a_body_of_no_bytes_is_no_document_that_is_not_whole() {
    let policy = configured(RULES);
    assert_eq!(Message::default().ended(&policy), Ok(()));
}
