//! Where the body of a request ends: lengths, codings, both, and what hides behind them.

use super::{DECLINED, Expect, REFUSED, check, forwarded};

/// A request with these field lines and what follows them.
fn post(fields: &str, rest: &str) -> String {
    format!("POST /p HTTP/1.1\r\nHost: a\r\n{fields}\r\n{rest}")
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

fn seen(body: &'static str) -> Expect {
    forwarded("POST /p").body(body)
}

#[test]
fn a_length_is_one_number() {
    let fine =
        |value: &'static [&'static str]| seen("abc").field("content-length", value).field("transfer-encoding", &[]);
    check([
        (post("Content-Length: 3\r\n", "abc"), fine(&["3"])),
        (post("content-length:3\r\n", "abc"), fine(&["3"])),
        (post("CONTENT-LENGTH: \t3\t \r\n", "abc"), fine(&["3"])),
        (post("Content-Length: 003\r\n", "abc"), fine(&["003"])),
        (post("Content-Length: 0\r\n", ""), seen("")),
        (post("", ""), seen("")),
    ]);
    let refused = [
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: 3,4\r\n",
        "Content-Length: 3;\r\n",
        "Content-Length:\r\n",
        "Content-Length: \r\n",
        "Content-Length: +3\r\n",
        "Content-Length: -3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length: 3.0\r\n",
        "Content-Length: 3e0\r\n",
        "Content-Length: 1 1\r\n",
        "Content-Length: \"3\"\r\n",
        "Content-Length: \u{663}\r\n",
        "Content-Length: 3\0\r\n",
        "Content-Length: 3\x0b\r\n",
        "Content-Length: 3\n",
        "Content-Length: 3\r",
        "Content-Length: \r\n 3\r\n",
        "Content-Length: 3\r\n 3\r\n",
        "Content-Length : 3\r\n",
        "Content-Length\t: 3\r\n",
        " Content-Length: 3\r\n",
        "X: y\nContent-Length: 3\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 100000000000000000000003\r\n",
    ];
    check(refused.map(|fields| (post(fields, "abc"), length_refused(fields))));
}

/// The greatest number is a length that hyper keeps for itself.
fn length_refused(fields: &str) -> Expect {
    if fields.contains("51615") { Expect::Refused(431) } else { REFUSED }
}

#[test]
fn a_coding_is_chunked() {
    let fine = seen("abc").field("content-length", &[]).field("transfer-encoding", &["chunked"]);
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    check([
        (post("Transfer-Encoding: chunked\r\n", chunks), fine.clone()),
        (post("transfer-encoding:chunked\r\n", chunks), fine.clone()),
        (post("TRANSFER-ENCODING: \tChunked \r\n", chunks), fine.clone()),
        (post("TE: trailers\r\nTransfer-Encoding: chunked\r\n", chunks), fine),
    ]);
    let refused = [
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked\x0b\r\n",
        "Transfer-Encoding: chunked\0\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chunked\r\n ,identity\r\n",
        "Transfer-Encoding: chunked\n",
        "Transfer-Encoding: chunked\r",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "X: y\r\n\rTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: , chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: 'chunked'\r\n",
        "Transfer-Encoding: chun\u{212a}ed\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
    ];
    check(refused.map(|fields| (post(fields, chunks), REFUSED)));
    check([("POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", REFUSED)]);
}

#[test]
fn a_length_beside_a_coding_is_refused() {
    let spellings = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nX: y\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "transfer-encoding:chunked\r\ncontent-length:5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\x0bchunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding\r\n : chunked\r\n",
        "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked, identity\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    ];
    let bodies = ["0\r\n\r\n".to_owned(), format!("0\r\n\r\n{SMUGGLED}"), format!("5\r\nabcde\r\n0\r\n\r\n{SMUGGLED}")];
    check(spellings.iter().flat_map(|fields| bodies.iter().map(move |body| (post(fields, body), REFUSED))));
    check([(
        "POST /p HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        REFUSED,
    )]);
}

#[test]
fn fields_that_servers_take_for_framing_do_not_pass() {
    let gone = |name| seen("abc").field(name, &[]).field("content-length", &["3"]);
    check([
        (post("Content-Length: 3\r\nTransfer_Encoding: chunked\r\n", "abc"), gone("transfer_encoding")),
        (post("Content_Length: 9\r\nContent-Length: 3\r\n", "abc"), gone("content_length")),
        (post("Connection: close, x\r\nX: y\r\nContent-Length: 3\r\n", "abc"), gone("x").last()),
        (post("Connection: Content-Length\r\nContent-Length: 3\r\n", "abc"), DECLINED),
        (post("Connection: Transfer-Encoding\r\nContent-Length: 3\r\n", "abc"), gone("transfer-encoding")),
        (post("Content_Length: 3\r\n", ""), seen("").field("content_length", &[])),
        (post("X-Content-Length: 9\r\nContent-Length: 3\r\n", "abc"), seen("abc")),
        (post("Content-Lengths: 9\r\nContent-Length: 3\r\n", "abc"), seen("abc")),
        (post("Transfer-Encodings: x\r\nContent-Length: 3\r\n", "abc"), seen("abc")),
    ]);
}

#[test]
fn what_looks_like_a_request_inside_of_a_body_stays_there() {
    let chunked = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    let named = format!("Content-Length: {}\r\n", SMUGGLED.len());
    check([
        (post(&named, SMUGGLED), seen(SMUGGLED)),
        (post("Transfer-Encoding: chunked\r\n", &chunked), seen(SMUGGLED)),
        (format!("GET /p HTTP/1.1\r\nHost: a\r\n{named}\r\n{SMUGGLED}"), forwarded("GET /p").body(SMUGGLED)),
        (
            format!("GET /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
            forwarded("GET /p").body(SMUGGLED).field("transfer-encoding", &["chunked"]),
        ),
        (format!("DELETE /p HTTP/1.1\r\nHost: a\r\n{named}\r\n{SMUGGLED}"), forwarded("DELETE /p").body(SMUGGLED)),
        (format!("OPTIONS /p HTTP/1.1\r\nHost: a\r\n{named}\r\n{SMUGGLED}"), forwarded("OPTIONS /p").body(SMUGGLED)),
        (format!("POST /p HTTP/1.0\r\nHost: a\r\n{named}\r\n{SMUGGLED}"), seen(SMUGGLED).last()),
        (post("Connection: close\r\n", SMUGGLED), seen("").last()),
        (post(&format!("Expect: 100-continue\r\nConnection: close\r\n{named}"), SMUGGLED), seen(SMUGGLED).last()),
        (post(&format!("Upgrade: x\r\nConnection: Upgrade\r\n{named}"), SMUGGLED), seen(SMUGGLED)),
    ]);
}
