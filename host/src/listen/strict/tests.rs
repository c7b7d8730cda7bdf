//! Framing of requests: what passes, what does not, and that hyper never sees another message than was followed.

use proptest::prelude::*;

use super::fuzz::{in_pieces, lengths, served};
use super::*;

const HEAD: &str = "POST / HTTP/1.1\r\nhost: a\r\n";

/// A length of two digits, of which one is looked at.
fn long() -> String {
    format!("content-length:{}11\r\n", " ".repeat(SEEN - 16))
}

fn framed(text: &str) -> Result<Place, Offence> {
    in_pieces([text.as_bytes()])
}

#[test]
fn messages_are_followed_to_their_end() {
    for (rest, place) in [
        ("", Place::Fields),
        ("\r\n", Place::Between),
        ("\r\n\r\nGET / HTTP/1.1\r\n", Place::Fields),
        ("content-length: 0\r\n\r\n", Place::Between),
        ("Content-Length:\t 5 \r\n\r\nab", Place::Body(3)),
        ("content-length: 5\r\n\r\n\n\n\n\n\n", Place::Between),
        ("Transfer-Encoding: Chunked\r\n\r\n", Place::ChunkSize),
        ("transfer-encoding: chunked\r\n\r\nfF\r\na", Place::Chunk(254)),
        ("transfer-encoding: chunked\r\n\r\n1 ;x=\"y\"\r\na\r\n", Place::ChunkSize),
        ("transfer-encoding: chunked\r\n\r\n0\r\na: b\r\n", Place::Trailers),
        ("transfer-encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n", Place::Between),
    ] {
        assert_eq!(framed(&format!("{HEAD}{rest}")), Ok(place), "{rest:?}");
    }
}

#[test]
fn what_can_be_framed_in_two_ways_goes_no_further() {
    for head in [
        "x: y\n",
        "content-length: 1\r\ncontent-length: 1\r\n",
        "content-length: 1, 1\r\n",
        "content-length:\r\n",
        "content-length: +1\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 1\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\nContent-Length: 1\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        &long(),
        "\n",
    ] {
        let end = HEAD.len() + head.len() - 1;
        assert_eq!(framed(&format!("{HEAD}{head}")), Err(Offence::InHead(end)), "{head:?}");
    }
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let long = format!("1;{}\r\n", "x".repeat(SEEN));
    for body in [
        "1\n",
        "\r\n",
        "1 \r\n",
        "0x1\r\n",
        "-1\r\n",
        "10000000000000000\r\n",
        "1;\0\r\n",
        "1\r\nab\r\n",
        "0\r\na: b\n",
        &long,
    ] {
        let end = chunked.len() + body.len() - 1;
        assert_eq!(framed(&format!("{chunked}{body}")), Err(Offence::InBody(end)), "{body:?}");
    }
}

/// Requests, most of which are wrong somewhere.
fn requests() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "host: a\r\n",
        "x: y\r\n",
        "x: y\n",
        "x:\r\n",
        "x : y\r\n",
        "x: y\r\n z\r\n",
        "content-length: 3\r\n",
        "Content-Length:03 \r\n",
        "content-length: 5\r\n",
        "content-length: 3\n",
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding:\tCHUNKED\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "\r\n",
    ]);
    let body = prop::sample::select(vec![
        "",
        "abc",
        "abcde",
        "3\r\nabc\r\n0\r\n\r\n",
        "3;x=y\r\nabc\r\n1\r\n\n\r\n0\r\nx: y\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nx: y\n\r\n",
        "0\r\n\r\n",
        "0\n\n",
    ]);
    let start = prop::sample::select(vec!["GET / HTTP/1.1\r\n", "\r\nPOST / HTTP/1.1\r\n", "PUT / HTTP/1.1\n"]);
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n"]);
    let request = (start, prop::collection::vec(field, 0..3), end, body)
        .prop_map(|(start, fields, end, body)| [start, &fields.concat(), end, body].concat());
    prop::collection::vec(request, 1..5).prop_map(|requests| requests.concat())
}

proptest! {
    #[test]
    fn hyper_sees_the_messages_that_are_followed_and_no_others(text in requests(), most in 1_usize..100) {
        let (ours, (theirs, content)) = (lengths(text.as_bytes()), served(text.as_bytes(), most));
        prop_assert!(ours.starts_with(&theirs), "{theirs:?} are not among {ours:?}");
        if content {
            prop_assert_eq!(theirs, ours);
        }
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_arrive(
        lines in prop::collection::vec(prop::sample::select(vec![
            "GET / HTTP/1.1\r\n", "content-length: 3\r\n", "transfer-encoding: chunked\r\n", "x: y\r\n", "x: y\n", "\r\n", "\n",
            "3\r\n", "abc", "0\r\n", "3 ;x\r\n", "\r", "c", "t", "long",
        ]), 0..12),
        cuts in prop::collection::vec(0_usize..400, 0..8),
    ) {
        let text = lines.concat().replace("long", &long());
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]);
        prop_assert_eq!(in_pieces(pieces), framed(&text));
    }
}
