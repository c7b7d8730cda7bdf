//! A document in the data of each event.

use crate::support::document::made;
use crate::support::dom::{self, Dom};
use crate::support::drive::{cut, everywhere, whole};
use crate::support::guide::{ByName, Chance};
use crate::written::{WHITE, Writer};
use lockgate_json::rewrite::{Framing, Limits, Position, Rewriter, Stop, Treatment};
use lockgate_json::select::State;
use proptest::prelude::*;

fn by(mut guide: ByName, body: &str) -> Result<String, Stop> {
    let came = whole(&mut guide, Limits::default(), Framing::Events, body.as_bytes());
    let cuts = everywhere(body.as_bytes());
    assert_eq!(cut(&mut guide, Limits::default(), Framing::Events, body.as_bytes(), &cuts), came, "{body:?}");
    came.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn out(body: &str) -> Result<String, Stop> {
    by(ByName::of([("x", Treatment::Remove)]), body)
}

#[test]
fn the_data_of_each_event_is_a_document() {
    for (body, expected) in [
        ("", ""),
        ("data: {\"x\":1}\n\n", "data: {}\n\n"),
        ("data:{\"x\":1}\r\n\r\ndata:  {\"a\":1,\"x\":2}\r\n\r\n", "data:{}\r\n\r\ndata:  {\"a\":1}\r\n\r\n"),
        ("data: {\"x\":1}\r\rdata: 2\r\r", "data: {}\r\rdata: 2\r\r"),
        ("\u{feff}data: {\"x\":1}\n\n", "\u{feff}data: {}\n\n"),
        (": note\nevent: x\nid: 7\ndata: {\"x\":1}\nretry: 5\n\n", ": note\nevent: x\nid: 7\ndata: {}\nretry: 5\n\n"),
        (
            "data: {\"a\":\ndata: [1,2],\ndata: \"x\":2,\nid: 7\ndata: \"b\":3}\n\n",
            "data: {\"a\":\ndata: [1,2]\ndata: \nid: 7\ndata: ,\"b\":3}\n\n",
        ),
        ("data: {\"x\":[1,\nid: 7\ndata: 2],\"a\":3}\n\n", "data: {\nid: 7\ndata: \"a\":3}\n\n"),
        ("data: [DONE]\n\n", "data: [DONE]\n\n"),
        ("data:[DONE]\ndata\n: x\n", ""),
        ("data\n\ndata:\n\ndata: \ndata\n\n\n", "data\n\ndata:\n\ndata: \ndata\n\n\n"),
        ("database: 1\ndat: {\ndatafile\nxdata: {\n\n", "database: 1\ndat: {\ndatafile\nxdata: {\n\n"),
        ("data: 1\n\ndata: 22", "data: 1\n\ndata: 22"),
    ] {
        match expected {
            "" if !body.is_empty() => assert!(out(body).is_err(), "{body:?}"),
            _ => assert_eq!(out(body).as_deref(), Ok(expected), "{body:?}"),
        }
    }
}

#[test]
fn data_that_is_no_document_is_refused() {
    for (body, at) in [
        ("data: text\n\n", 7),
        ("data: {\"a\":\"\ndata: \"}\n\n", 12),
        ("data: 1\ndata: 2\n\n", 14),
        ("data: tr\ndata: ue\n\n", 8),
        ("data: {\n\n", 8),
        ("data: [DONE]\ndata: 1\n\n", 19),
        ("data: [DONE] \n\n", 7),
        ("data: [DONEX]\n\n", 7),
    ] {
        assert_eq!(out(body), Err(Stop::Malformed { offset: at }), "{body:?}");
    }
    for body in ["data: [1\n", "data: {", "data: \"a"] {
        assert_eq!(out(body), Err(Stop::Incomplete), "{body:?}");
    }
    let bad = whole(&mut ByName::of([]), Limits::default(), Framing::Events, b": \xff\n\n");
    assert_eq!(bad, Err(Stop::Malformed { offset: 2 }));
}

#[test]
fn other_fields_and_comments_are_looked_at_if_the_guide_wants_to() {
    let inspecting = || ByName { inspects: true, ..ByName::of([("x", Treatment::Remove)]) };
    let body = ": my 4111\nevent: 4111\nid:4\nid:4111\nfield4111: x\n4111\ndata: \"4111\"\n\n";
    let expected = ":<card>\nevent:<card>\nid:4\nid:<card>\n:<card>\n:<card>\ndata: \"<card>\"\n\n";
    assert_eq!(by(inspecting(), body).as_deref(), Ok(expected));
    assert_eq!(by(inspecting(), "lines\nid:lines\n\n").as_deref(), Ok(":two  lines\nid:two  lines\n\n"));
    let long = format!(": {}\n\n", "a".repeat(20_000));
    assert_eq!(by(inspecting(), &long).as_deref(), Ok(":\"<long>\"\n\n".replace('"', "").as_str()));
}

#[test]
fn events_that_are_whole_go_out_at_once() {
    let mut rewriter = Rewriter::new(Limits::default(), Framing::Events, Position::start(State::from_bits(1)));
    let mut guide = ByName::of([("x", Treatment::Rewrite)]);
    for whole in ["data: {\"x\":\"a\"}\n\n", "data: [DONE]\r\n\r\n", "data: 5\r\r", ": beat\n"] {
        assert_eq!(rewriter.piece(&mut guide, whole.as_bytes(), false).unwrap().hold, 0, "{whole:?}");
    }
    assert_eq!(rewriter.piece(&mut guide, b"data: {\"x\":\"a", false).unwrap().hold, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_over_several_lines_comes_out_as_it_would_from_one(
        made in made(),
        seed in any::<u64>(),
        line_end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let document = Writer::new(seed, 2, WHITE).document(&made).replace('\r', " ");
        let body = format!("data: {}{line_end}{line_end}", document.replace('\n', &format!("{line_end}id: 7{line_end}data: ")));
        let guide = Chance { seed, inspects: false, blocks: false };
        let limits = Limits::new(100, 100, 40).unwrap();
        let came = whole(&mut guide.clone(), limits, Framing::Events, body.as_bytes()).unwrap();
        let byte_by_byte = cut(&mut guide.clone(), limits, Framing::Events, body.as_bytes(), &everywhere(body.as_bytes()));
        prop_assert_eq!(byte_by_byte.as_ref(), Ok(&came));
        let came = String::from_utf8(came).unwrap();
        let lines: Vec<_> = came.split(line_end).collect();
        prop_assert_eq!(lines.iter().filter(|line| **line == "id: 7").count(), document.matches('\n').count());
        let data: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("data: ")).collect();
        let tree = dom::parse(&data.join("\n"));
        let mut dom = Dom { guide: &mut guide.clone(), longest: 40, gone: Vec::new() };
        let expected = dom.document(dom::parse(&document).unwrap(), State::from_bits(1), 0).unwrap();
        prop_assert!(tree.is_some_and(|tree| dom::is_same(&tree, &expected)), "{}", came);
    }
}
