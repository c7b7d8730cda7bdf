//! Messages with content, and responses: what is signed on one side is verified on the other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_plugin_signature::Signature;
use lockgate_sdk::prelude::*;
use lockgate_sdk::{BodyAccess, Policy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{Key, Lines, edited, facts, hold, kind, lines, outcome, policy};

const BODY: &[u8] = b"{\"pet\":\"dog\"}";
/// Of no bytes at all, by SHA-256.
const EMPTY: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

/// A use with one table, which signs or verifies with an HMAC.
fn use_of(table: &str, components: Value) -> Signature {
    hold(BTreeMap::from([("shared", Key::hmac(b"a secret of 32 bytes that is one"))]));
    let table_of = |table: &str| match table.starts_with("sign") {
        true => json!({"key": "shared", "keyid": "shared", "algorithm": "hmac-sha256", "components": components}),
        false => json!({"keys": "shared", "algorithms": ["hmac-sha256"], "components": components}),
    };
    policy(&json!({ table: table_of(table) }))
}

fn request(length: Option<&str>) -> Lines {
    let mut head =
        lines(&[(":method", "PUT"), (":path", "/pets/7"), (":scheme", "https"), (":authority", "a.example")]);
    head.extend(length.map(|length| ("content-length".to_owned(), length.to_owned())));
    head
}

fn response(length: Option<&str>) -> Lines {
    let mut head = lines(&[(":method", "PUT"), (":status", "200"), ("content-type", "text/plain")]);
    head.extend(length.map(|length| ("content-length".to_owned(), length.to_owned())));
    head
}

/// A message after the hooks on its head and, where it has one, its body; and what is carried on.
fn through(
    policy: &Signature,
    direction: Direction,
    head: &Lines,
    body: Option<&[u8]>,
    carried: &[u8],
) -> Result<(Lines, Vec<u8>), (u16, String)> {
    let owned = facts(head).build();
    let verdict = match direction {
        Direction::Request => policy.on_request(&owned.head()),
        Direction::Response => policy.on_response(&owned.head(), carried),
    };
    let mut state = carried.to_vec();
    let mut head = match &verdict {
        Verdict::Pass => head.clone(),
        Verdict::Edit(edits) => {
            state = edits.new_state().map_or(state, <[u8]>::to_vec);
            edited(head, edits)
        }
        _ => return Err(outcome(&verdict)),
    };
    let Some(body) = body else { return Ok((head, state)) };
    let verdict = policy.on_body(direction, body, &state);
    match &verdict {
        Verdict::Pass => {}
        Verdict::Edit(edits) => {
            assert_eq!(*edits.bytes(), Change::Keep);
            let edits = edits.head_edits().unwrap();
            state = edits.new_state().map_or(state, <[u8]>::to_vec);
            head = edited(&head, edits);
        }
        _ => return Err(outcome(&verdict)),
    }
    Ok((head, state))
}

fn value<'a>(head: &'a Lines, name: &str) -> &'a str {
    let mut found = head.iter().filter(|(found, _)| found == name);
    let (_, value) = found.next().unwrap();
    assert!(found.next().is_none(), "{name} is there once");
    value
}

#[test]
fn requests_are_signed_with_the_digest_of_their_body_whatever_their_head_says_of_it() {
    let sign = use_of("sign", json!(["@method", "content-digest", "@path"]));
    let verify = use_of("verify", json!(["@method", "content-digest", "@path"]));
    for (length, body) in
        [(Some("13"), Some(BODY)), (None, Some(BODY)), (None, Some(&b""[..])), (None, None), (Some("0"), None)]
    {
        let mut forged = request(length);
        forged.push(("content-digest".to_owned(), "sha-256=:AAAA:".to_owned()));
        forged.push(("signature".to_owned(), "sig1=:AAAA:".to_owned()));
        let (mut head, _) = through(&sign, Direction::Request, &forged, body, b"").unwrap();
        assert_eq!(value(&head, "content-digest") == EMPTY, body.is_none_or(<[u8]>::is_empty), "{length:?}");
        // Whoever takes it up knows how long it is.
        if length.is_none() {
            head.push(("content-length".to_owned(), body.map_or(0, <[u8]>::len).to_string()));
        }
        let (head, _) = through(&verify, Direction::Request, &head, body, b"").unwrap();
        assert!(!head.iter().any(|(name, _)| name == "signature"));
    }
}

#[test]
fn nothing_is_signed_before_a_body_that_is_bound_to_come() {
    let sign = use_of("sign", json!(["content-digest"]));
    let (head, _) = through(&sign, Direction::Request, &request(Some("13")), None, b"").unwrap();
    assert!(!head.iter().any(|(name, _)| name == "signature"));
}

#[test]
fn a_body_that_was_changed_or_taken_away_is_refused() {
    let sign = use_of("sign", json!(["content-digest"]));
    let verify = use_of("verify", json!(["content-digest"]));
    let (head, _) = through(&sign, Direction::Request, &request(Some("13")), Some(BODY), b"").unwrap();
    let with_length = |length: Option<&str>| {
        let mut head: Lines = head.iter().filter(|(name, _)| name != "content-length").cloned().collect();
        head.extend(length.map(|length| ("content-length".to_owned(), length.to_owned())));
        head
    };
    for (length, body, expected) in [
        (Some("13"), Some(&b"{\"pet\":\"cat\"}"[..]), (400, "digest_mismatch")),
        (Some("1"), Some(b"{"), (400, "digest_mismatch")),
        (Some("0"), None, (400, "digest_mismatch")),
        (None, None, (411, "length_missing")),
        (None, Some(BODY), (411, "length_missing")),
    ] {
        let (status, kind) = through(&verify, Direction::Request, &with_length(length), body, b"").unwrap_err();
        assert_eq!((status, kind.as_str()), expected, "{length:?}");
    }
}

#[test]
fn a_body_where_none_was_signed_is_refused() {
    let sign = use_of("sign", json!(["content-digest"]));
    let verify = use_of("verify", json!(["content-digest"]));
    let (head, _) = through(&sign, Direction::Request, &request(None), None, b"").unwrap();
    assert!(through(&verify, Direction::Request, &head, None, b"").is_ok());
    let refused = through(&verify, Direction::Request, &head, Some(BODY), b"").unwrap_err();
    assert_eq!(refused, (400, "digest_mismatch".to_owned()));
}

#[test]
fn a_digest_that_may_be_covered_is_compared_where_it_is() {
    let sign = use_of("sign", json!(["@path", "content-digest"]));
    let verify = policy(&json!({"verify": {
        "keys": "shared", "algorithms": ["hmac-sha256"], "components": ["@path"], "may_cover": ["content-digest"],
    }}));
    let (head, _) = through(&sign, Direction::Request, &request(Some("13")), Some(BODY), b"").unwrap();
    assert!(through(&verify, Direction::Request, &head, Some(BODY), b"").is_ok());
    let refused = through(&verify, Direction::Request, &head, Some(b"x"), b"").unwrap_err();
    assert_eq!(refused.1, "digest_mismatch");
    let without = use_of("sign", json!(["@path"]));
    let (head, _) = through(&without, Direction::Request, &request(Some("13")), None, b"").unwrap();
    assert!(through(&verify, Direction::Request, &head, Some(b"x"), b"").is_ok());
}

#[test]
fn responses_are_signed_over_their_requests_and_verified_so() {
    let components = json!(["@status", "content-digest", "content-type", "@method;req", "@target-uri;req"]);
    let (sign, verify) = (use_of("sign_responses", components.clone()), use_of("verify_responses", components));
    let (_, carried) = through(&sign, Direction::Request, &request(None), None, b"").unwrap();
    let (mut head, _) = through(&sign, Direction::Response, &response(None), Some(BODY), &carried).unwrap();
    head.push(("content-length".to_owned(), "13".to_owned()));
    let (_, carried) = through(&verify, Direction::Request, &request(None), None, b"").unwrap();
    let passed = through(&verify, Direction::Response, &head, Some(BODY), &carried).unwrap();
    assert!(!passed.0.iter().any(|(name, _)| name == "signature"));

    let refused = through(&verify, Direction::Response, &head, Some(b"x"), &carried).unwrap_err();
    assert_eq!(refused, (502, "digest_mismatch".to_owned()));
    let refused = through(&verify, Direction::Response, &response(Some("13")), Some(BODY), &carried).unwrap_err();
    assert_eq!(refused, (502, "signature_missing".to_owned()));
    let mut other = request(None);
    other.retain(|(name, _)| name != ":path");
    other.push((":path".to_owned(), "/other".to_owned()));
    let (_, carried) = through(&verify, Direction::Request, &other, None, b"").unwrap();
    let refused = through(&verify, Direction::Response, &head, Some(BODY), &carried).unwrap_err();
    assert_eq!(refused, (502, "signature_invalid".to_owned()));
    let refused = through(&verify, Direction::Response, &head, Some(BODY), b"").unwrap_err();
    assert_eq!(refused, (502, "component_not_available".to_owned()));
}

#[test]
fn a_response_to_head_has_the_digest_of_nothing() {
    let sign = use_of("sign_responses", json!(["content-digest"]));
    let verify = use_of("verify_responses", json!(["content-digest"]));
    for change in [(":method", "HEAD"), (":status", "304")] {
        let mut head = response(Some("13"));
        head.retain(|(name, _)| name != change.0);
        head.extend(lines(&[change]));
        let (head, _) = through(&sign, Direction::Response, &head, None, b"").unwrap();
        assert_eq!(value(&head, "content-digest"), EMPTY);
        assert!(through(&verify, Direction::Response, &head, None, b"").is_ok());
    }
}

#[test]
fn the_response_may_cover_the_digest_that_its_request_was_given() {
    let own = policy(&json!({
        "sign": {"key": "shared", "algorithm": "hmac-sha256", "components": ["content-digest"]},
        "verify_responses": {"keys": "shared", "algorithms": ["hmac-sha256"], "components": ["content-digest;req"]},
    }));
    let upstream = use_of("sign_responses", json!(["content-digest;req"]));
    for (length, body) in [(Some("13"), Some(BODY)), (None, None), (None, Some(BODY))] {
        let (sent, carried) = through(&own, Direction::Request, &request(length), body, b"").unwrap();
        let (_, at_upstream) = through(&upstream, Direction::Request, &sent, None, b"").unwrap();
        let (head, _) = through(&upstream, Direction::Response, &response(None), None, &at_upstream).unwrap();
        assert!(through(&own, Direction::Response, &head, None, &carried).is_ok(), "{length:?}");
    }
}

#[test]
fn a_use_that_verifies_and_signs_makes_the_signature_its_own() {
    let client = use_of("sign", json!(["@path", "content-digest"]));
    let gateway = policy(&json!({
        "verify": {"keys": "shared", "algorithms": ["hmac-sha256"], "components": ["@path", "content-digest"]},
        "sign": {
            "key": "shared", "algorithm": "hmac-sha256", "components": ["@target-uri", "content-digest"], "label": "gw",
            "origin": "https://up.example:8443", "digest": "sha-512", "tag": "t", "expires_in": "9s",
        },
    }));
    let (head, _) = through(&client, Direction::Request, &request(Some("13")), Some(BODY), b"").unwrap();
    let (sent, _) = through(&gateway, Direction::Request, &head, Some(BODY), b"").unwrap();
    let input = r#"gw=("@target-uri" "content-digest");created=1800000000;expires=1800000009;tag="t""#;
    assert_eq!(value(&sent, "signature-input"), input);
    assert!(value(&sent, "content-digest").starts_with("sha-512="));
    let upstream = policy(&json!({"verify": {
        "keys": "shared", "algorithms": ["hmac-sha256"], "components": ["@target-uri", "content-digest"],
        "origin": "https://up.example:8443",
    }}));
    assert!(through(&upstream, Direction::Request, &sent, Some(BODY), b"").is_ok());
    let refused = through(&gateway, Direction::Request, &head, Some(b"x"), b"").unwrap_err();
    assert_eq!(refused.1, "digest_mismatch");
}

#[test]
fn what_a_request_stated_of_its_body_is_not_held_against_the_response() {
    let components = json!(["@path", "content-digest"]);
    let client = use_of("sign", components.clone());
    let upstream = use_of("sign_responses", json!(["@status"]));
    let gateway = policy(&json!({
        "verify": {"keys": "shared", "algorithms": ["hmac-sha256"], "components": components},
        "verify_responses": {
            "keys": "shared", "algorithms": ["hmac-sha256"], "components": ["@status"], "may_cover": ["content-digest"],
        },
    }));
    let (sent, _) = through(&client, Direction::Request, &request(None), None, b"").unwrap();
    let (_, carried) = through(&gateway, Direction::Request, &sent, None, b"").unwrap();
    let (answer, _) = through(&upstream, Direction::Response, &response(None), None, b"").unwrap();
    assert!(through(&gateway, Direction::Response, &answer, Some(BODY), &carried).is_ok());
}

#[test]
fn what_has_to_be_signed_has_to_be_there_and_what_may_be_is_left_out() {
    let sign = |may_cover: Value| {
        policy(&json!({"sign": {
            "key": "shared", "algorithm": "hmac-sha256", "components": ["x-a"], "may_cover": may_cover,
        }}))
    };
    let _ = use_of("sign", json!(["date"]));
    let head = lines(&[("x-a", "1")]);
    let (signed, _) = through(&sign(json!(["date", "x-b"])), Direction::Request, &head, None, b"").unwrap();
    assert_eq!(value(&signed, "signature-input"), r#"sig1=("x-a");created=1800000000"#);
    let verify = use_of("verify", json!(["x-a"]));
    assert!(through(&verify, Direction::Request, &signed, None, b"").is_ok());
    let verdict = sign(json!([])).on_request(&facts(&lines(&[])).build().head());
    assert_eq!(outcome(&verdict), (400, "component_not_available".to_owned()));
}

#[test]
fn a_key_that_cannot_sign_is_a_failure() {
    let wrong = json!({"key": "shared", "algorithm": "ed25519", "components": ["x-a"]});
    let _ = use_of("sign", json!(["date"]));
    let head = lines(&[("x-a", "1")]);
    let ask = |table: &Value| policy(&json!({ "sign": table })).on_request(&facts(&head).build().head());
    assert_eq!(ask(&wrong).failure(), Some(Failure::Internal));
    lockgate_sdk::testing::crypto::sign_with(|_| Err(crypto::SignError::Unavailable));
    assert_eq!(ask(&wrong).failure(), Some(Failure::Dependency));
}

#[test]
fn what_cannot_be_kept_is_too_long() {
    let sign = use_of("sign", json!(["x-a", "content-digest"]));
    let mut head = request(Some("13"));
    head.push(("x-a".to_owned(), "a".repeat(4096)));
    let refused = through(&sign, Direction::Request, &head, None, b"").unwrap_err();
    assert_eq!(refused, (431, "components_too_long".to_owned()));
}

#[test]
fn digests_that_do_not_count_are_refused_though_they_are_signed() {
    let verify = use_of("verify", json!(["content-digest"]));
    for (digest, expected) in [("md5=:AA==:", (401, "digest_missing")), ("sha-256=x", (400, "digest_malformed"))] {
        let mut head = request(Some("13"));
        let base = format!(
            "\"content-digest\": {digest}\n\"@signature-params\": (\"content-digest\");created=1800000000;keyid=\"shared\""
        );
        let signature = Key::hmac(b"a secret of 32 bytes that is one").sign(base.as_bytes());
        let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
        head.extend(lines(&[
            ("content-digest", digest),
            ("signature-input", "sig1=(\"content-digest\");created=1800000000;keyid=\"shared\""),
            ("signature", &format!("sig1=:{signature}:")),
        ]));
        let (status, kind) = through(&verify, Direction::Request, &head, Some(BODY), b"").unwrap_err();
        assert_eq!((status, kind.as_str()), expected, "{digest}");
    }
}

#[test]
fn powers_are_those_that_the_tables_need() {
    let interest = use_of("verify", json!(["@method"])).interest();
    assert_eq!(interest.request_read, ["signature", "signature-input", ":method"]);
    assert_eq!(interest.request_write, ["signature", "signature-input"]);
    assert!(interest.request_body.is_none() && interest.response_read.is_empty() && interest.may_respond);
    assert!(interest.idle_on_response && !interest.idle_on_request);

    let interest = use_of("sign", json!(["@target-uri", "content-digest", "host"])).interest();
    assert_eq!(interest.request_read, [":scheme", ":authority", ":path", ":query", "host", "content-length"]);
    assert_eq!(interest.request_write, ["signature", "signature-input", "content-digest"]);
    assert_eq!(interest.signs, ["shared"]);
    let body = interest.request_body.unwrap();
    assert_eq!((body.access, body.max_bytes), (BodyAccess::Inspect, 1 << 20));
    assert_eq!(body.content_types, ["*/*"]);

    let interest = use_of("sign_responses", json!(["content-digest", "@path;req", "date;req"])).interest();
    assert_eq!(interest.request_read, [":path", "date"]);
    assert_eq!(interest.response_read, ["content-length", ":method", ":status"]);
    assert_eq!(interest.response_write, ["signature", "signature-input", "content-digest"]);
    assert!(interest.request_body.is_none() && interest.response_body.is_some());
    assert!(!interest.idle_on_response && !interest.idle_on_request, "what is signed of the request is carried");
}

#[test]
fn a_state_that_is_none_of_its_own_is_a_failure() {
    let sign = use_of("sign", json!(["content-digest"]));
    assert_eq!(sign.on_body(Direction::Request, BODY, b"x").failure(), Some(Failure::Internal));
    assert_eq!(sign.on_body(Direction::Request, BODY, b"").failure(), Some(Failure::Internal));
    let none = lines(&[]);
    assert_eq!(kind(&use_of("verify", json!(["@path"])).on_response(&facts(&none).build().head(), b"")), "");
}
