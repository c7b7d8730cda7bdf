//! HTTP/2 as strictly as h2spec asks for it, case by case: frames by hand, over real sockets.

mod flow;
mod frames;
mod hpack;
mod messages;
mod states;

use std::collections::VecDeque;
use std::net::SocketAddr;

use lockgate_tests::frames::*;
use lockgate_tests::{Gateway, Recorder, Upstream};

/// Error codes (RFC 9113 section 7).
const NO_ERROR: u32 = 0;
const PROTOCOL: u32 = 1;
const FLOW_CONTROL: u32 = 3;
const CLOSED: u32 = 5;
const FRAME_SIZE: u32 = 6;
const REFUSED: u32 = 7;
const COMPRESSION: u32 = 9;

/// What may become of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// GOAWAY with this code, and the connection closed.
    Connection(u32),
    /// RST_STREAM with this code; the connection goes on.
    Stream(u32),
    /// A whole response with this status on stream 1, and the connection goes on.
    Answered(u16),
    /// Nothing: what comes next is served.
    Ignored,
    /// The connection closed without a word.
    Hung,
}

use Outcome::{Answered, Connection, Hung, Ignored, Stream};

/// Bytes after a good beginning, and what must become of them.
struct Row {
    case: &'static str,
    /// Sent first, and the response to it on stream 1 awaited.
    before: Option<Vec<u8>>,
    bytes: Vec<u8>,
    allowed: Vec<Outcome>,
    /// What becomes of it although that is not allowed: listed in `host/README.md` with the reason.
    known: Option<Outcome>,
}

/// An error that must end the connection.
fn connection(case: &'static str, code: u32, bytes: Vec<u8>) -> Row {
    row(case, vec![Connection(code)], bytes)
}

/// An error of a stream. It may be treated as one of the connection (section 5.4.2).
fn stream(case: &'static str, code: u32, bytes: Vec<u8>) -> Row {
    row(case, vec![Stream(code), Connection(code)], bytes)
}

fn ignored(case: &'static str, bytes: Vec<u8>) -> Row {
    row(case, vec![Ignored], bytes)
}

fn served(case: &'static str, bytes: Vec<u8>) -> Row {
    row(case, vec![Answered(200)], bytes)
}

fn row(case: &'static str, allowed: Vec<Outcome>, bytes: Vec<u8>) -> Row {
    Row { case, before: None, bytes, allowed, known: None }
}

impl Row {
    fn or(mut self, outcome: Outcome) -> Self {
        self.allowed.push(outcome);
        self
    }

    fn but(mut self, outcome: Outcome) -> Self {
        self.known = Some(outcome);
        self
    }

    fn after(mut self, before: Vec<u8>) -> Self {
        self.before = Some(before);
        self
    }
}

/// Follows every row: the gateway itself answers it with 400.
const PROBE: u32 = 99;

/// A good head: GET http://a/ (RFC 7541 appendix A).
const GET: [u8; 6] = [0x82, 0x84, 0x86, 0x01, 1, b'a'];
/// And POST.
const POST: [u8; 6] = [0x83, 0x84, 0x86, 0x01, 1, b'a'];

/// A whole request without a body.
fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &GET)
}

/// The head of a request with a body.
fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &POST)
}

/// The head of a request, with more fields.
fn with(head: [u8; 6], flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, 1, &[&head[..], &block(fields)].concat())
}

fn join(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.concat()
}

/// Check rows in front of an upstream that answers; of rows that are errors it must not see a whole request.
fn check(rows: Vec<Row>) {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy_to(upstream.address()).start();
    let mut wrong = Vec::new();
    for row in rows {
        wrong.extend(judge(gateway.public(), &row));
        let seen = upstream.take().len();
        let expected = usize::from(row.before.is_some()) + usize::from(row.allowed.contains(&Answered(200)));
        // A request that was complete before the error may have been on its way.
        let most = expected.max(usize::from(row.known.is_none() && row.bytes.starts_with(&get(1))));
        if seen > most && !row.known.is_some_and(|known| known == Answered(200)) {
            wrong.push(format!("{}: the upstream saw {seen} requests", row.case));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same in front of an upstream that never answers: streams stay open.
fn check_unanswered(rows: Vec<Row>) {
    let upstream = Upstream::silent();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    let wrong: Vec<_> = rows.iter().filter_map(|row| judge(gateway.public(), row)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong about a row. A row that is known to be wrong has to be so, else the list of them would not be true.
fn judge(gateway: SocketAddr, row: &Row) -> Option<String> {
    let mut peer = Peer::client(gateway, &[]);
    if let Some(before) = &row.before {
        peer.send(before);
        peer.until(Frame::ends_stream);
    }
    let probe = block(&[(":method", "GET"), (":scheme", "http"), (":path", "/%"), (":authority", "a")]);
    peer.send(&row.bytes);
    peer.send(&frame(HEADERS, END_STREAM | END_HEADERS, PROBE, &probe));
    let waits = row.allowed.iter().chain(&row.known).any(|outcome| matches!(outcome, Answered(_)));
    let seen = outcome(&mut peer, waits);
    let right = match row.known {
        None => row.allowed.contains(&seen),
        Some(known) => seen == known,
    };
    (!right).then(|| format!("{}: {seen:?}, not {:?}, known: {:?}", row.case, row.allowed, row.known))
}

fn outcome(peer: &mut Peer, waits_for_answer: bool) -> Outcome {
    let mut statuses = VecDeque::new();
    let (mut answered, mut probed) = (None, false);
    loop {
        let Some(next) = peer.receive() else { return Hung };
        match next.kind {
            GOAWAY => {
                while peer.receive().is_some() {}
                return Connection(next.error());
            }
            RST_STREAM if next.error() != NO_ERROR && next.stream != PROBE => {
                peer.send(&frame(PING, 0, 0, b"go on...."[..8].as_ref()));
                peer.until(|frame| frame.is(PING, ACK));
                return Stream(next.error());
            }
            HEADERS if next.stream == 1 => statuses.push_back(next.status()),
            _ => {}
        }
        if next.ends_stream() {
            match next.stream {
                PROBE => probed = true,
                _ => answered = statuses.pop_front().map(Answered),
            }
        }
        match answered {
            Some(answered) if probed => return answered,
            None if probed && !waits_for_answer => return Ignored,
            _ => {}
        }
    }
}
