//! Messages that could be read in two ways, or in none, sent byte by byte: refused, or passed on in one way only.

pub(crate) mod answering;
mod chunks;
mod framing;
mod heads;
mod responses;

use std::io::Write;

use lockgate_tests::{Flaw, Gateway, Message, Recorder, Upstream};

/// What a row of a table expects.
#[derive(Clone, Debug)]
enum Expect {
    /// This status, the connection closed, and no request upstream: neither this one nor what follows it on the wire.
    Refused(u16),
    /// This status, and what follows is served: where the request ends is beyond doubt.
    Declined(u16),
    Forwarded(Box<Seen>),
}

/// What the upstream must see.
#[derive(Clone, Debug)]
struct Seen {
    /// Method and target.
    start: &'static str,
    body: &'static str,
    /// All values of some fields.
    fields: Vec<(&'static str, &'static [&'static str])>,
    /// The connection is closed after it.
    last: bool,
}

const REFUSED: Expect = Expect::Refused(400);
const DECLINED: Expect = Expect::Declined(400);

/// The request arrives, with no body so far, and what follows it on the wire is the next.
fn forwarded(start: &'static str) -> Expect {
    Expect::Forwarded(Box::new(Seen { start, body: "", fields: Vec::new(), last: false }))
}

impl Expect {
    fn seen(mut self, change: impl FnOnce(&mut Seen)) -> Self {
        if let Self::Forwarded(seen) = &mut self {
            change(seen);
        }
        self
    }

    fn body(self, body: &'static str) -> Self {
        self.seen(|seen| seen.body = body)
    }

    fn field(self, name: &'static str, values: &'static [&'static str]) -> Self {
        self.seen(|seen| seen.fields.push((name, values)))
    }

    fn last(self) -> Self {
        self.seen(|seen| seen.last = true)
    }
}

/// Follows each row on the same connection. Where the row is refused it must never arrive; else it must, as the next
/// request and whole.
pub(crate) const MARKER: &str = "GET /marker HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Send each row and see what becomes of it. One worker, so that what one row leaves behind would meet the next.
fn check<R: AsRef<[u8]>>(rows: impl IntoIterator<Item = (R, Expect)>) {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy_to(upstream.address()).start();
    for (row, expect) in rows {
        let row = row.as_ref();
        let shown = String::from_utf8_lossy(row.get(..300).unwrap_or(row));
        let responses = exchange(&gateway, &[row, MARKER.as_bytes()].concat());
        let statuses: Vec<_> = responses.iter().map(Message::status).filter(|status| *status >= 200).collect();
        let requests = upstream.take();
        let starts: Vec<_> = requests.iter().filter_map(|request| request.start.strip_suffix(" HTTP/1.1")).collect();
        match expect {
            Expect::Refused(status) => {
                assert_eq!(statuses, [status], "{shown:?}");
                assert!(starts.is_empty(), "{shown:?} sent {starts:?} to the upstream");
            }
            Expect::Declined(status) => {
                assert_eq!((&statuses[..], &starts[..]), (&[status, 200][..], &["GET /marker"][..]), "{shown:?}");
            }
            Expect::Forwarded(seen) => {
                let expected = if seen.last { &[seen.start][..] } else { &[seen.start, "GET /marker"] };
                assert_eq!(starts, expected, "{shown:?}: {responses:?}");
                assert_eq!(statuses, vec![200; expected.len()], "{shown:?}");
                assert_eq!(requests[0].text(), seen.body, "{shown:?}");
                for (name, values) in &seen.fields {
                    assert_eq!(requests[0].values(name), *values, "{name} of {shown:?}");
                }
            }
        }
        let after = exchange(&gateway, MARKER.as_bytes());
        assert_eq!((after.len(), after[0].status(), after[0].text()), (1, 200, "ok".into()), "after {shown:?}");
        assert_eq!(upstream.take().len(), 1, "after {shown:?}");
    }
}

/// Send bytes on a connection of their own, and read until it is closed: responses, read strictly.
pub(crate) fn exchange(gateway: &Gateway, bytes: &[u8]) -> Vec<Message> {
    let mut client = gateway.connect();
    // Whoever refuses a request may close before all of it was sent.
    drop(client.stream().write_all(bytes));
    let received = client.until_closed();
    let mut method = if bytes.trim_ascii_start().starts_with(b"HEAD ") { "HEAD" } else { "GET" };
    let mut rest = &received[..];
    let mut responses = Vec::new();
    while !rest.is_empty() {
        let response = match Message::response(rest, method) {
            Ok(response) => response,
            Err(Flaw::Incomplete) => panic!("cut off: {:?}", String::from_utf8_lossy(rest)),
            Err(Flaw::Malformed(why)) => panic!("{why} in {:?}", String::from_utf8_lossy(&received)),
        };
        rest = &rest[response.size..];
        method = "GET";
        responses.push(response);
    }
    responses
}

#[test]
fn a_head_that_comes_in_pieces_is_refused_with_an_answer_too() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let whole = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for cut in 1..whole.len() {
        let mut client = gateway.connect();
        client.write(&whole.as_bytes()[..cut]);
        // Another connection's exchange, so that the first piece was read before the second comes.
        gateway.get("/meanwhile").assert_status(200);
        let _ = client.stream().write_all(&whole.as_bytes()[cut..]);
        let answer = client.until_closed();
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "cut at {cut}: {:?}", String::from_utf8_lossy(&answer));
    }
}
