//! What upstreams answer: a client sees a 502, or a message in one way only, and nobody sees what was not meant for them.

use std::io::Write;
use std::sync::{Arc, Barrier};

use lockgate_tests::{Gateway, Upstream};

use super::answering::Then::{Closes, Stays};
use super::answering::{Answering, Outcome, Then};

/// What the client sees.
#[derive(Clone, Copy, Debug)]
enum Expect {
    BadGateway,
    /// This status and body.
    Is(u16, &'static str),
    /// A message that does not come to its end.
    Cut,
}

use Expect::{BadGateway, Cut, Is};

const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

fn check<R: AsRef<[u8]>>(method: &'static str, rows: impl IntoIterator<Item = (R, Then, Expect)>) {
    let answering = Answering::start();
    for (row, then, expect) in rows {
        let row = row.as_ref();
        let shown = String::from_utf8_lossy(row.get(..300).unwrap_or(row));
        match (answering.outcome(method, row, then), expect) {
            (Outcome::BadGateway, BadGateway) | (Outcome::Cut, Cut) => {}
            (Outcome::Message(response), Is(status, body)) => {
                assert_eq!((response.status(), &*response.text()), (status, body), "{shown:?}");
            }
            other => panic!("{shown:?}: {other:?}"),
        }
    }
}

#[test]
fn a_status_line_is_a_version_and_a_status() {
    let rest = "Content-Length: 2\r\n\r\nok";
    let refused = [
        "HTTP/2.0 200 OK\r\n",
        "HTTP/1.2 200 OK\r\n",
        "HTTP/0.9 200 OK\r\n",
        "HTTP/1.10 200 OK\r\n",
        "HTTP/01.1 200 OK\r\n",
        "http/1.1 200 OK\r\n",
        "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1\t200 OK\r\n",
        " HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 +20 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 200,OK\r\n",
        "HTTP/1.1 200 O\0K\r\n",
        "HTTP/1.1 200 O\rK\r\n",
        "HTTP/1.1 200 OK\rContent-Length: 2\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "200 OK\r\n",
        "ICY 200 OK\r\n",
        "ok",
    ];
    check("GET", refused.map(|line| (format!("{line}{rest}"), Closes, BadGateway)));
    let passed = [
        ("HTTP/1.1 200\r\n", 200),
        ("HTTP/1.1 200 \r\n", 200),
        ("HTTP/1.1 200  O\tK \u{e4}\r\n", 200),
        ("\r\nHTTP/1.1 200 OK\r\n", 200),
        ("HTTP/1.0 200 OK\r\n", 200),
        ("HTTP/1.1 299 Fine\r\n", 299),
        ("HTTP/1.1 999 Odd\r\n", 999),
    ];
    check("GET", passed.map(|(line, status)| (format!("{line}{rest}"), Stays, Is(status, "ok"))));
}

#[test]
fn field_lines_of_upstreams_are_field_lines() {
    let field = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}Content-Length: 2\r\n\r\nok");
    let refused = [
        "X-A : y\r\n",
        "X-A\r\n",
        ": y\r\n",
        " X-A: y\r\n",
        "X-A: y\r\n z\r\n",
        "X-A:\r\n\tz\r\n",
        "X-A: y\0\r\n",
        "X-A: y\rX-B: z\r\n",
        "X-A: y\x01\r\n",
        "X\u{e4}: y\r\n",
        "Connection: content-length\r\n",
    ];
    check("GET", refused.map(|line| (field(line), Closes, BadGateway)));
    let passed = ["X-A: y\n", "X-A:\n", "X-A: \u{e4}\r\n", "X-A: y\r\nX-A: z\r\n"];
    check("GET", passed.map(|line| (field(line), Stays, Is(200, "ok"))));
    let whole = "HTTP/1.1 200 OK\nX-A: y\nContent-Length: 2\n\nok";
    check("GET", [(whole, Stays, Is(200, "ok"))]);
    let long = [field(&format!("X-A: {}\r\n", "y".repeat(300_000))), field(&"X-A: y\r\n".repeat(200))];
    check("GET", long.map(|row| (row, Closes, BadGateway)));
}

#[test]
fn the_length_of_a_response_is_said_once() {
    let framed = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n2\r\nok\r\n0\r\n\r\n");
    let refused = [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: 2, 3\r\n",
        "Content-Length:\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: -2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 12\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
    ];
    check("GET", refused.map(|fields| (framed(fields), Closes, BadGateway)));
    check(
        "GET",
        [
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Closes, BadGateway),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked \r\n\r\n2\r\nok\r\n0\r\n\r\n", Stays, Is(200, "ok")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok", Stays, Is(200, "ok")),
            ("HTTP/1.1 200 OK\r\n\r\nok", Closes, Is(200, "ok")),
            ("HTTP/1.0 200 OK\r\n\r\nok", Closes, Is(200, "ok")),
        ],
    );
}

#[test]
fn a_body_that_breaks_off_is_seen_to_do_so() {
    let chunked = |body: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n{body}");
    let broken = [
        "",
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "0x1\r\n",
        "ffffffffffffffffff\r\n",
        "2\nok\r\n",
        "2\r\nokx\r\n",
        "2\r\nok0\r\n\r\n",
        "2\r\nok\n0\r\n\r\n",
        "2;x\ny\r\nok\r\n0\r\n\r\n",
        "5\r\nok",
        "0\r\n",
        "0\r\nX: y\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\n\n",
    ];
    check("GET", broken.map(|body| (chunked(body), Closes, Cut)));
    check("GET", [("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", Closes, Cut)]);
    check("GET", [(chunked("0;x\r\nX: y\r\n\r\n"), Stays, Is(200, "ok"))]);
}

#[test]
fn what_follows_a_response_reaches_nobody() {
    let after = |response: &str| format!("{response}{EVIL}");
    check(
        "GET",
        [
            (after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Stays, Is(200, "ok")),
            (after("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Stays, Is(200, "")),
            (after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), Stays, Is(200, "ok")),
            (after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n"), Stays, Is(200, "ok")),
            (after("HTTP/1.1 204 No Content\r\n\r\n"), Stays, Is(204, "")),
            (after("HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n"), Stays, Is(204, "")),
            (after("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"), Stays, Is(204, "")),
            (after("HTTP/1.1 304 Not Modified\r\nContent-Length: 44\r\n\r\n"), Stays, Is(304, "")),
            (after("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"), Stays, Is(304, "")),
        ],
    );
    check(
        "HEAD",
        [
            (after("HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"), Stays, Is(200, "")),
            (after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Stays, Is(200, "")),
            (after("HTTP/1.1 200 OK\r\n\r\n"), Stays, Is(200, "")),
        ],
    );
}

#[test]
fn interim_responses_are_not_the_answer() {
    let interim = |lines: &str| format!("{lines}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    check(
        "GET",
        [
            (interim("HTTP/1.1 100 Continue\r\n\r\n"), Stays, Is(200, "ok")),
            (interim("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), Stays, Is(200, "ok")),
            (interim(&"HTTP/1.1 102 Processing\r\n\r\n".repeat(100)), Stays, Is(200, "ok")),
            (interim("HTTP/1.1 199 Odd\r\nContent-Length: 0\r\n\r\n"), Stays, Is(200, "ok")),
            // An interim response has no body; what is meant as one is no response.
            (interim("HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nbody"), Closes, BadGateway),
            (interim("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Closes, BadGateway),
            (
                interim("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
                Closes,
                BadGateway,
            ),
            ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), Closes, BadGateway),
        ],
    );
}

#[test]
fn a_connection_on_which_a_body_may_come_late_is_not_used_again() {
    for (fields, connections) in [
        (&[][..], 1),
        (&[("content-length", "0")], 1),
        (&[("content-length", "4")], 2),
        (&[("transfer-encoding", "chunked")], 2),
    ] {
        let upstream = Upstream::with(|exchange| exchange.reply(204, fields, b""));
        let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
        gateway.get("/").assert_status(204);
        gateway.get("/").assert_status(204);
        assert_eq!(upstream.connections(), connections, "{fields:?}");
    }
}

#[test]
fn what_an_upstream_says_unasked_is_no_answer_to_the_next_request() {
    let turn = Arc::new(Barrier::new(2));
    let theirs = turn.clone();
    let upstream = Upstream::with(move |exchange| {
        exchange.reply(200, &[], exchange.target.clone().as_bytes())?;
        if exchange.target == "/first" {
            theirs.wait();
            exchange.stream().write_all(EVIL.as_bytes())?;
            theirs.wait();
        }
        Ok(())
    });
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    for _ in 0..20 {
        assert_eq!(gateway.get("/first").text(), "/first");
        turn.wait();
        turn.wait();
        assert_eq!(gateway.get("/next").text(), "/next");
    }
}
