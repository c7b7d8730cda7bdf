//! The cases of the recommendation, valid and not.

use proptest::prelude::*;

use super::*;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(parents: &[&str], states: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let parents = parents.iter().map(|value| (TRACEPARENT, value));
    for (name, value) in parents.chain(states.iter().map(|value| (TRACESTATE, value))) {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Join the trace of a request and pass it on; its id.
fn propagate(headers: &mut HeaderMap, sampled: bool) -> Option<u128> {
    let here = join(headers, |_| sampled);
    pass_on(headers, here);
    here.map(|here| here.trace)
}

/// What tracestate becomes beside a valid parent.
fn passed_on(states: &[&str]) -> Option<String> {
    let mut headers = headers(&[PARENT], states);
    assert_eq!(propagate(&mut headers, false), Some(TRACE));
    assert!(headers.get_all(TRACESTATE).iter().count() < 2);
    headers.get(TRACESTATE).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn a_valid_parent_is_read() {
    let cases = [
        (PARENT, 1),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", 0),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02", 2),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", 3),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", 1),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", 1),
        ("fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", 1),
    ];
    for (text, flags) in cases {
        assert_eq!(
            parse(text.as_bytes()),
            Some(SpanContext { trace: TRACE, span: SPAN, parent: None, flags }),
            "{text}"
        );
    }
}

#[test]
fn an_invalid_parent_is_none() {
    let cases = [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        // Version ff, of letters, too short or too long.
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0--4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001",
        "000-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        // Version 00 has nothing behind its flags.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-010",
        // Later versions have a dash there, or nothing.
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        // No trace, no parent.
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        // Capital or other letters, wrong lengths.
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b.-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.1",
        "00-4bf92f3577b34da6a3ce929d0e0e47-3600f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47361-00f067aa0ba902b-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-701",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ];
    for text in cases {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_trace_goes_on_under_a_new_parent() {
    let mut found = headers(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"], &["a=1"]);
    assert_eq!(propagate(&mut found, false), Some(TRACE));
    let parent = parse(found[TRACEPARENT].as_bytes()).unwrap();
    assert_eq!((parent.trace, parent.flags), (TRACE, SpanContext::SAMPLED));
    assert_ne!(parent.span, SPAN);
    assert_eq!(next(Some(parent), [1; 24], |_| false).parent, Some(parent.span));
    assert!(found[TRACEPARENT].as_bytes().starts_with(b"00-"), "what is sent is of the version that is known");
    assert_eq!(found[TRACESTATE], "a=1");
}

#[test]
fn a_trace_begins_where_there_is_none_to_go_on_with() {
    for (parents, sampled) in [(&[][..], false), (&["00-0-0-00"], true), (&[PARENT, PARENT], true)] {
        let mut found = headers(parents, &["a=1"]);
        let trace = propagate(&mut found, sampled).unwrap();
        let parent = given(&found).unwrap();
        assert_eq!((parent.trace, parent.flags), (trace, u8::from(sampled)), "{parents:?}");
        assert_ne!(trace, TRACE);
        assert!(!found.contains_key(TRACESTATE), "state belongs to a trace");
    }
    let parent = next(None, [0; 24], |_| false);
    assert_eq!(parse(parent.to_string().as_bytes()), Some(parent), "no chance makes an id that is invalid");
}

#[test]
fn state_is_passed_on_where_it_is_valid() {
    let cases: [(&[&str], &str); 7] = [
        (&["a=1"], "a=1"),
        (&["rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (&["a=1", "b=2,c=3"], "a=1,b=2,c=3"),
        (&["a=1,,\t b=2 ,"], "a=1,b=2"),
        (&["a= v v"], "a= v v"),
        (&["fw529a3039@dt=FfSgJ, 0t@a=1"], "fw529a3039@dt=FfSgJ,0t@a=1"),
        (&["a_-*/0=!~"], "a_-*/0=!~"),
    ];
    for (states, expected) in cases {
        assert_eq!(passed_on(states).as_deref(), Some(expected), "{states:?}");
    }
    let many: Vec<_> = (0..32).map(|n| format!("k{n}=v")).collect();
    assert_eq!(passed_on(&[&many.join(",")]), Some(many.join(",")));
}

#[test]
fn state_that_is_invalid_is_not_passed_on() {
    let (key, value) = ("k".repeat(257), "v".repeat(257));
    let many = (0..33).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let long =
        [format!("{key}=1"), format!("a={value}"), format!("{}@a=1", &key[..242]), format!("a@{}=1", &key[..15])];
    let cases = [
        "",
        ",",
        "a",
        "=1",
        "a=",
        "A=1",
        "1=1",
        "a b=1",
        "a =1",
        "a=1=2",
        "@a=1",
        "a@=1",
        "a@1=1",
        "a@b@c=1",
        "a=1,a=2",
        "a=1;b=2,c",
        "a=\u{e4}",
        &many,
    ];
    for state in cases.into_iter().chain(long.iter().map(String::as_str)) {
        assert_eq!(passed_on(&[state]), None, "{state}");
    }
    assert_eq!(passed_on(&["a=1", "b"]), None, "one member that is invalid spoils all");
}

#[test]
fn state_that_is_too_long_loses_long_members_first_and_then_the_oldest() {
    let (short, long) = ("v".repeat(100), "w".repeat(200));
    let list =
        [format!("a={short}"), format!("b={long}"), format!("c={short}"), format!("d={long}"), format!("e={short}")];
    assert_eq!(passed_on(&[&list.join(",")]), Some([&*list[0], &*list[2], &*list[4]].join(",")));
    let list: Vec<_> = (0..6).map(|n| format!("k{n}={short}")).collect();
    assert_eq!(passed_on(&[&list.join(",")]), Some(list[..4].join(",")));
    let exact = format!("a={},b={}", "v".repeat(253), "w".repeat(254));
    assert_eq!(exact.len(), MAX_STATE);
    assert_eq!(passed_on(&[&exact]), Some(exact));
}

proptest! {
    #[test]
    fn what_is_sent_is_always_valid(parent in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", state in "[a-c@=, 1]{0,40}") {
        if let Ok(parent) = HeaderValue::from_bytes(parent.as_bytes()) {
            let mut found = headers(&[], &[&state]);
            found.insert(TRACEPARENT, parent);
            let trace = propagate(&mut found, true).unwrap();
            prop_assert_eq!(given(&found).unwrap().trace, trace);
            let passed = found.get(TRACESTATE).cloned();
            propagate(&mut found, true).unwrap();
            prop_assert_eq!(found.get(TRACESTATE).cloned(), passed);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(parent in prop::collection::vec(any::<u8>(), 0..80), state in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut found = HeaderMap::new();
        if let (Ok(parent), Ok(state)) = (HeaderValue::from_bytes(&parent), HeaderValue::from_bytes(&state)) {
            found.insert(TRACEPARENT, parent);
            found.insert(TRACESTATE, state);
            prop_assert!(propagate(&mut found, false).is_some());
        }
    }
}
