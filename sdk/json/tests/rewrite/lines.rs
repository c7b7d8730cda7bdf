//! A document on each line.

use crate::support::drive::{cut, everywhere, whole};
use crate::support::guide::ByName;
use lockgate_json::rewrite::{Framing, Limits, Stop, Treatment};

fn out(body: &str) -> Result<String, Stop> {
    let mut guide = ByName::of([("x", Treatment::Remove)]);
    let came = whole(&mut guide, Limits::default(), Framing::Lines, body.as_bytes());
    let cuts = everywhere(body.as_bytes());
    assert_eq!(cut(&mut guide, Limits::default(), Framing::Lines, body.as_bytes(), &cuts), came, "{body:?}");
    came.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn each_line_is_a_document_and_empty_ones_pass() {
    for (body, expected) in [
        ("", ""),
        ("\n\r\n \n", "\n\r\n \n"),
        ("{\"x\":1}\n{\"a\":1,\"x\":2}\r\n7\n", "{}\n{\"a\":1}\r\n7\n"),
        ("{\"x\":1}\n\n[2]", "{}\n\n[2]"),
        ("1\n-2", "1\n-2"),
    ] {
        assert_eq!(out(body).as_deref(), Ok(expected), "{body:?}");
    }
}

#[test]
fn a_document_does_not_go_over_a_line_end() {
    assert_eq!(out("{\"a\":\n1}"), Err(Stop::Malformed { offset: 5 }));
    assert_eq!(out("[1,\r2]\n"), Err(Stop::Malformed { offset: 3 }));
    assert_eq!(out("1 2\n"), Err(Stop::Malformed { offset: 2 }));
    assert_eq!(out("1\n[2"), Err(Stop::Incomplete));
}

#[test]
fn lines_that_are_whole_go_out_at_once() {
    use lockgate_json::rewrite::{Position, Rewriter};
    use lockgate_json::select::State;
    let mut guide = ByName::of([("x", Treatment::Rewrite)]);
    let mut rewriter = Rewriter::new(Limits::default(), Framing::Lines, Position::start(State::from_bits(1)));
    let piece = rewriter.piece(&mut guide, b"{\"x\":1}\n{\"x\":\"te", false).unwrap();
    assert_eq!(piece.hold, "\"te".len());
}
