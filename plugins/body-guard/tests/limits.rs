//! Each limit: what just fits passes, one more is refused with 413 and the limit's name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic")]

mod support;

use lockgate_plugin_body_guard::BodyGuard;
use lockgate_sdk::testing::{self, Facts};
use lockgate_sdk::{BodyPhase, Direction, Failure, Policy, RequestPhase, Verdict};
use proptest::prelude::*;
use support::{Outcome, in_pieces, whole};

fn guard(config: &str) -> BodyGuard {
    testing::configure(config).unwrap()
}

#[test]
fn each_limit_is_kept_to_the_last_one() {
    let cases = [
        ("max_depth", 2, "[[1]]", "[[[]]]"),
        ("max_depth", 2, r#"{"a":[]}"#, r#"{"a":[{}]}"#),
        ("max_members", 2, r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2,"c":3}"#),
        ("max_members", 1, r#"[{"a":{"b":1}},{"c":1}]"#, r#"{"a":{"b":1},"c":2}"#),
        ("max_items", 2, "[1,[2,3]]", "[1,[2],3]"),
        ("max_key_length", 3, r#"{"abc":"long enough"}"#, r#"{"abcd":1}"#),
        ("max_key_length", 2, r#"{"\n":1}"#, r#"{"\n\n":1}"#),
        ("max_string_length", 4, r#"{"a longer key":"abcd"}"#, r#"["abcde"]"#),
        ("max_string_length", 4, r#""äö""#, r#""äöx""#),
        ("max_number_length", 5, "[-1e10]", "[-1.5e10]"),
        ("max_number_length", 1, "[7]", "[77]"),
        ("max_tokens", 4, r#"{"a":[1]}"#, r#"{"a":[1,2]}"#),
        ("max_tokens", 2, "[1]", "[1,2]"),
    ];
    for (key, most, fits, beyond) in cases {
        let guard = guard(&format!(r#"{{"{key}":{most}}}"#));
        assert_eq!(whole(&guard, fits.as_bytes()), Outcome::Accepted, "{key} {fits}");
        let Outcome::Refused(413, problem) = whole(&guard, beyond.as_bytes()) else {
            panic!("{key} let {beyond} pass");
        };
        let named = format!("{key} = {most}.");
        assert!(problem.contains(&named), "{problem}");
    }
}

#[test]
fn a_depth_bomb_is_refused_at_the_limit_and_not_later() {
    let guard = guard(r#"{"max_depth":1024}"#);
    let bomb = vec![b'['; 1 << 20];
    assert!(matches!(whole(&guard, &bomb[..1025]), Outcome::Refused(413, _)));
    assert!(matches!(in_pieces(&guard, bomb.chunks(100)), Outcome::Refused(413, _)));
    let closed = [&bomb[..1024], &vec![b']'; 1024]].concat();
    assert_eq!(in_pieces(&guard, closed.chunks(7)), Outcome::Accepted);
}

#[test]
fn malformed_bodies_get_400_and_the_offset_but_none_of_their_content() {
    let guard = guard("{}");
    let cases: [(&[u8], &str); 8] = [
        (b"[secret]", "offset 1 "),
        (b"[1] 2", "offset 4 "),
        (b"\xef\xbb\xbf[]", "offset 0 "),
        (b"[\"a\xc3(\"]", "offset 4 "),
        (b"[01]", "offset 2 "),
        (b"[1", "ends before"),
        (b"", "ends before"),
        (b" \n ", "ends before"),
    ];
    for (text, detail) in cases {
        let Outcome::Refused(400, problem) = whole(&guard, text) else {
            panic!("{text:?} passed");
        };
        assert!(problem.contains(detail), "{problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }
    assert_eq!(testing::metrics::total_where("refused", "why", "malformed"), 8);
}

#[test]
fn a_number_may_end_with_the_body_and_a_single_value_is_enough() {
    let guard = guard("{}");
    for text in ["0", "-1.5E+3", " 17 ", "true", "null", r#""a""#] {
        assert_eq!(whole(&guard, text.as_bytes()), Outcome::Accepted, "{text}");
    }
}

#[test]
fn an_announced_length_beyond_the_limit_is_answered_at_once() {
    let guard = guard(r#"{"max_bytes":"1KiB"}"#);
    let verdict = |length: &str| {
        let facts = Facts::request().field("content-length", length).build();
        guard.on_request(&facts.head())
    };
    assert_eq!(verdict("1024"), Verdict::Pass);
    assert_eq!(guard.on_request(&Facts::request().build().head()), Verdict::Pass);
    let refused = verdict("1025");
    let response = refused.response().unwrap();
    assert_eq!(response.status_code(), 413);
    assert!(response.text().contains("max_bytes = 1024."), "{}", response.text());
}

#[test]
fn without_validation_only_the_host_counts_bytes() {
    let guard = guard(r#"{"validate":false,"max_bytes":9}"#);
    assert_eq!(whole(&guard, b"{[no json"), Outcome::Accepted);
    assert_eq!(guard.interest().request_body.unwrap().max_bytes, 9);
}

#[test]
fn a_state_that_was_not_written_here_is_a_failure() {
    let verdict = guard("{}").on_chunk(Direction::Request, b"1", true, b"?");
    assert_eq!(verdict, Verdict::Fail(Failure::Internal));
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        "\"([ -!#-\\[\\]-~é漢😀]|\\\\u[0-9a-fA-F]{4}|\\\\[nrt/])*\"",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(("[a-zä]{0,4}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn generated_json_passes_in_any_pieces(text in json(), size in 1_usize..9) {
        let guard = guard("{}");
        prop_assert_eq!(in_pieces(&guard, text.as_bytes().chunks(size)), Outcome::Accepted);
    }

    #[test]
    fn damage_is_judged_the_same_in_any_pieces(
        text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), size in 1_usize..9,
    ) {
        let guard = guard(r#"{"max_depth":3,"max_items":3,"max_string_length":5,"max_tokens":12}"#);
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert_eq!(in_pieces(&guard, bytes.chunks(size)), whole(&guard, &bytes));
    }
}
