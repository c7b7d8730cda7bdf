//! What comes out, byte for byte.

use crate::support::drive::{cut, everywhere, whole};
use crate::support::guide::{ByName, NOBODY};
use lockgate_json::rewrite::{Framing, Limit, Limits, Position, Rewriter, Stop, Treatment};
use lockgate_json::select::State;

/// What comes out of a document, in one piece and in as many as there are bytes.
fn out(mut guide: ByName, limits: Limits, document: &str) -> Result<String, Stop> {
    let came = whole(&mut guide, limits, Framing::Single, document.as_bytes());
    let cuts = everywhere(document.as_bytes());
    assert_eq!(cut(&mut guide, limits, Framing::Single, document.as_bytes(), &cuts), came, "{document}");
    came.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn with(treatment: Treatment, document: &str) -> String {
    out(ByName::of([("x", treatment)]), Limits::default(), document).unwrap()
}

#[test]
fn a_member_goes_with_its_comma_wherever_it_stands() {
    for (document, expected) in [
        (r#"{"x":1}"#, "{}"),
        (r#"{"x":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1,"x":2}"#, r#"{"a":1}"#),
        (r#"{"a":1,"x":2,"b":3}"#, r#"{"a":1,"b":3}"#),
        (r#"{"x":1,"x":2,"a":3,"x":4,"x":5,"b":6,"x":7}"#, r#"{"a":3,"b":6}"#),
        (r#"{"x":{"a":[1,{"b":2}],"x":"}"},"a":{"x":[],"b":{"x":0}}}"#, r#"{"a":{"b":{}}}"#),
        ("{ \"a\" : 1 , \"x\" : 2 , \"b\" : 3 }", "{ \"a\" : 1  , \"b\" : 3 }"),
        ("{\n  \"x\": 1,\n  \"a\": 2,\n  \"x\": 3\n}", "{\n  \"a\": 2\n}"),
        (r#"[{"x":1},{"x":2}]"#, "[{},{}]"),
    ] {
        assert_eq!(with(Treatment::Remove, document), expected, "{document}");
    }
}

#[test]
fn an_item_goes_with_its_comma_and_those_behind_it_keep_their_index() {
    for (document, expected) in [
        ("[0]", "[]"),
        ("[0,1]", "[1]"),
        ("[0,1,2,3,4]", "[1,3,4]"),
        ("[0, 1, 2]", "[1]"),
        ("[[0,1],[0,1],[0,1],[0,1,2,3]]", "[[1],[1,3]]"),
        (r#"[{"a":1}, "\"]", null]"#, r#"["\"]"]"#),
    ] {
        let guide = ByName { removed_items: vec![0, 2], ..NOBODY };
        assert_eq!(out(guide, Limits::default(), document).unwrap(), expected, "{document}");
    }
}

#[test]
fn a_document_that_is_removed_is_null() {
    let mut guide = ByName::of([("x", Treatment::Remove)]);
    for document in ["1", " [1, 2] ", "\"text\"", "true"] {
        let mut rewriter = Rewriter::new(Limits::default(), Framing::Single, Position::start(State::from_bits(3)));
        let piece = rewriter.piece(&mut guide, document.as_bytes(), true).unwrap();
        assert_eq!(piece.splices.apply(document.as_bytes()), document.replace(document.trim(), "null").as_bytes());
    }
}

#[test]
fn null_takes_the_place_of_a_value_of_any_kind() {
    for value in ["1", "-1.5e9", "true", "null", "\"text\"", "[1,[2]]", r#"{"x":{"x":1}}"#] {
        let document = format!(r#"{{"a":0,"x":{value},"b":1}}"#);
        assert_eq!(with(Treatment::Null, &document), r#"{"a":0,"x":null,"b":1}"#);
    }
}

#[test]
fn scalars_are_rewritten_and_null_is_not() {
    assert_eq!(
        with(Treatment::Rewrite, r#"[{"x":"é\n"},{"x":-1.50},{"x":true},{"x":null},{"x":["text"]}]"#),
        r#"[{"x":"<2>"},{"x":"<number of 5>"},{"x":"<bool>"},{"x":null},{"x":["text"]}]"#
    );
}

#[test]
fn a_name_is_compared_with_its_escapes_undone_and_stays_as_it_came() {
    assert_eq!(
        with(Treatment::Remove, r#"{"\u0078":1,"x\u0000":2,"X":3,"\\u0078":4}"#),
        r#"{"x\u0000":2,"X":3,"\\u0078":4}"#
    );
    let lone = ByName::of([("\u{fffd}", Treatment::Null)]);
    let document = r#"{"\ud800":1,"\udfff":2,"\ud83d\ude00":3}"#;
    assert_eq!(out(lone, Limits::default(), document).unwrap(), r#"{"\ud800":null,"\udfff":null,"\ud83d\ude00":3}"#);
}

#[test]
fn a_value_is_too_long_beyond_the_limit_and_not_before() {
    let limits = Limits::new(10, 10, 8).unwrap();
    for (value, expected) in [
        ("\"12345678\"", "\"<8>\""),
        ("\"123456789\"", "\"<long>\""),
        (r#""\u0061bcd""#, "\"<long>\""),
        (r#""\u0061b""#, "\"<2>\""),
        ("\"ééé\\n\"", "\"<4>\""),
        ("\"éééé\\n\"", "\"<long>\""),
        ("12345678", "\"<number of 8>\""),
        ("123456789", "\"<long>\""),
        ("1.2345e+67", "\"<long>\""),
    ] {
        let document = format!(r#"{{"x":{value},"a":{value}}}"#);
        let came = out(ByName::of([("x", Treatment::Rewrite)]), limits, &document).unwrap();
        assert_eq!(came, format!(r#"{{"x":{expected},"a":{value}}}"#));
    }
}

#[test]
fn a_comma_moves_behind_white_space_that_is_too_much_to_hold() {
    let most = " ".repeat(1024);
    let document = |white: &str| format!("{{\"a\":1,{white}\"x\":2,{white}\"b\":[3,{white}4]}}");
    assert_eq!(with(Treatment::Remove, &document(&most)), format!("{{\"a\":1,{most}\"b\":[3,{most}4]}}"));
    let more = most + " ";
    assert_eq!(with(Treatment::Remove, &document(&more)), format!("{{\"a\":1{more}{more},\"b\":[3{more},4]}}"));
}

#[test]
fn json_in_a_text_is_rewritten_as_json() {
    let guide = || ByName::of([("x", Treatment::Embedded), ("y", Treatment::Remove)]);
    let rewritten = |text: &str| {
        let document = serde_json::json!({"x": text, "y": 0}).to_string();
        let came = out(guide(), Limits::default(), &document).unwrap();
        let came: serde_json::Value = serde_json::from_str(&came).unwrap();
        came["x"].as_str().unwrap().to_owned()
    };
    assert_eq!(rewritten(r#" {"a": "é\n\"", "y": 1}"#), r#" {"a": "é\n\""}"#);
    let twice = |inner: &str| serde_json::to_string(inner).unwrap();
    assert_eq!(rewritten(&twice(r#"{"y":1}"#)), twice("{}"));
    let within = |inner: &str| serde_json::json!({"x": inner}).to_string();
    assert_eq!(rewritten(&within(&within(r#"{"y":1}"#))), within(&within("{}")));
    for none in ["", "4111111111111111", "true", "{", "[1] 2", "{'y':1}", "a text", "[\"\u{1}\"]"] {
        assert_eq!(rewritten(none), format!("<{}>", none.chars().count()), "{none}");
    }
}

#[test]
fn json_in_a_text_that_stays_is_not_escaped_anew() {
    let document = r#"{"x":"\u007b\"a\"\u003a\u00e9\u007d","a":1}"#.replace("\\u00e9", "1");
    assert_eq!(with(Treatment::Embedded, &document), document);
}

#[test]
fn text_in_text_is_json_only_so_deep() {
    let mut text = r#"{"y":1}"#.to_owned();
    for _ in 0..6 {
        text = serde_json::to_string(&text).unwrap();
    }
    let came = out(
        ByName::of([("x", Treatment::Embedded), ("y", Treatment::Remove)]),
        Limits::default(),
        &format!("{{\"x\":{text}}}"),
    );
    let came = came.unwrap();
    assert!(came.contains("<11>") && !came.contains('y'), "{came}");
}

#[test]
fn what_is_blocked_ends_the_document() {
    for document in [r#"{"a":1,"x":null}"#, r#"[{"x":{}}]"#] {
        assert_eq!(out(ByName::of([("x", Treatment::Block)]), Limits::default(), document), Err(Stop::Blocked));
    }
    // Not even its name goes out.
    let mut rewriter = Rewriter::new(Limits::default(), Framing::Single, Position::start(State::from_bits(1)));
    let mut guide = ByName::of([("x", Treatment::Block)]);
    assert_eq!(rewriter.piece(&mut guide, br#"{"a":1,"x""#, false), Err(Stop::Blocked));
}

#[test]
fn texts_numbers_and_names_are_looked_at_if_the_guide_wants_to() {
    let guide = ByName { inspects: true, ..ByName::of([("x", Treatment::Remove)]) };
    let document = r#"{"a":["no 4\u0031\u003111",4111],"4111":{"x":"4111"},"b":"411"}"#;
    let expected = r#"{"a":["<card>","<card>"],"<card>":{},"b":"411"}"#;
    assert_eq!(out(guide, Limits::default(), document).unwrap(), expected);
    let guide = ByName { inspects: true, ..NOBODY };
    let long = format!("[\"{}\"]", "a".repeat(9));
    assert_eq!(out(guide, Limits::new(9, 9, 8).unwrap(), &long).unwrap(), "[\"<long>\"]");
}

#[test]
fn a_document_beyond_a_limit_is_refused() {
    let limits = Limits::new(3, 4, 4).unwrap();
    for guide in [|| NOBODY, || ByName::of([("x", Treatment::Remove)])] {
        let of = |document: &str| out(guide(), limits, document);
        assert!(of(r#"[[{"a":1}]]"#).is_ok());
        assert_eq!(of(r#"[[{"a":[]}]]"#), Err(Stop::Beyond(Limit::Depth)));
    }
    let of = |document: &str| out(ByName::of([("x", Treatment::Remove)]), limits, document);
    assert!(of(r#"{"abcd":1}"#).is_ok());
    assert_eq!(of(r#"{"abcde":1}"#), Err(Stop::Beyond(Limit::Name)));
    // In what nobody asks about, a name is a text.
    assert!(of(r#"{"x":{"abcde":1}}"#).is_ok());
}

#[test]
fn a_fault_is_told_with_its_place() {
    for (document, at) in [
        ("[1,]", 3),
        ("{\"a\":1,}", 7),
        ("{\"a\" 1}", 5),
        ("[1}", 2),
        ("{\"a\"]", 4),
        ("\u{feff}[]", 0),
        ("[] x", 3),
        ("[\"\\x\"]", 3),
        ("[\"\\u12g4\"]", 6),
        ("[\"\u{1}\"]", 2),
        ("[tru]", 4),
        ("[01]", 2),
        ("[1.]", 3),
    ] {
        for guide in [NOBODY, ByName::of([("x", Treatment::Remove)])] {
            assert_eq!(out(guide, Limits::default(), document), Err(Stop::Malformed { offset: at }), "{document}");
        }
    }
    for document in ["", " ", "[", "[1", "[1,", "{\"a\"", "{\"a\":", "\"", "\"\\", "\"\\u12", "tr", "-", "1e"] {
        for guide in [NOBODY, ByName::of([("x", Treatment::Rewrite)])] {
            assert_eq!(out(guide, Limits::default(), document), Err(Stop::Incomplete), "{document}");
        }
    }
}

#[test]
fn what_nobody_looks_at_is_not_held() {
    let document = format!("{{\"{0}\":[\"{0}\",{1},\"\\u00e9é\"]}}", "a".repeat(50_000), "7".repeat(50_000));
    let mut rewriter = Rewriter::new(Limits::default(), Framing::Single, Position::start(State::from_bits(1)));
    let (mut nobody, mut held) = (NOBODY, Vec::new());
    for (index, byte) in document.bytes().enumerate() {
        held.push(byte);
        let piece = rewriter.piece(&mut nobody, &held, index + 1 == document.len()).unwrap();
        held.drain(..held.len() - piece.hold);
        assert!(held.len() <= 5, "{} held at {index}", held.len());
    }
}

#[test]
fn a_byte_is_given_only_so_often_however_small_the_pieces_are() {
    // What is held costs the same work again; a value that is looked at, up to the limit, costs the most.
    let limits = Limits::new(9, 9, 99).unwrap();
    let given = |document: &str| {
        let mut guide = ByName::of([("x", Treatment::Rewrite)]);
        let mut rewriter = Rewriter::new(limits, Framing::Single, Position::start(State::from_bits(1)));
        let (mut held, mut given) = (Vec::new(), 0);
        for (index, byte) in document.bytes().enumerate() {
            held.push(byte);
            given += held.len();
            let piece = rewriter.piece(&mut guide, &held, index + 1 == document.len()).unwrap();
            held.drain(..held.len() - piece.hold);
        }
        given
    };
    let long = "a".repeat(100_000);
    assert!(given(&format!("{{\"a\":\"{long}\",\"b\":[{}1]}}", "1,".repeat(10_000))) < 3 * 120_000);
    assert!(given(&format!("{{\"x\":\"{long}\"}}")) < 2 * 100_000);
    let record = format!("{{\"x\":\"{}\"}},", "a".repeat(99));
    assert!(given(&format!("[{}1]", record.repeat(1_000))) < 100 * record.len() * 1_000);
}

#[test]
fn the_deepest_position_fits_and_is_read_back() {
    let limits = Limits::new(500, 9, 9).unwrap();
    for unit in ["[", "{\"a\":", "[0,{\"a\":"] {
        for mut guide in [NOBODY, ByName::of([("x", Treatment::Remove)])] {
            let body = unit.repeat(500 / unit.matches(['[', '{']).count());
            let mut rewriter = Rewriter::new(limits, Framing::Single, Position::start(State::from_bits(1)));
            rewriter.piece(&mut guide, body.as_bytes(), false).unwrap();
            let carried = rewriter.position().encode();
            assert!(carried.len() <= 3584, "{}", carried.len());
            assert_eq!(Position::decode(&carried).as_ref(), Some(rewriter.position()));
            for short in 0..carried.len() {
                assert_eq!(Position::decode(&carried[..short]), None);
            }
            assert_eq!(Position::decode(&[&carried[..], &[0]].concat()), None);
        }
    }
}
