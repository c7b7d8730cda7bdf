//! HTTP/2 clients that send frames without end: the connection ends, the memory stays, and others are served.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use http::Method;
use lockgate_tests::frames::*;
use lockgate_tests::http2::Http2Client;
use lockgate_tests::{Gateway, PATIENCE, Upstream, eventually};

/// GET http://a/ and POST likewise (RFC 7541 appendix A).
const GET: [u8; 6] = [0x82, 0x84, 0x86, 0x01, 1, b'a'];
const POST: [u8; 6] = [0x83, 0x84, 0x86, 0x01, 1, b'a'];

/// Bytes after which a flood is as good as endless.
const ENDLESS: usize = 64 << 20;
/// What the gateway may grow by meanwhile.
const ALLOWANCE: u64 = 24 << 20;

/// Send `begin` and then `more` again and again; how many bytes it took until the connection ended.
fn flood(gateway: &Gateway, begin: &[u8], more: &[u8]) -> usize {
    let mut stream = TcpStream::connect(gateway.public()).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut answers = stream.try_clone().unwrap();
    // What is answered is taken, or the flood would hold itself up.
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while answers.read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = answers.shutdown(Shutdown::Both);
    });
    let mut sent = 0;
    let piece = more.repeat((4096 / more.len()).max(1));
    let mut next = [PREFACE, &settings(&[]), begin].concat();
    while stream.write_all(&next).is_ok() {
        sent += next.len();
        if sent >= ENDLESS {
            break;
        }
        next.clone_from(&piece);
    }
    let _ = stream.shutdown(Shutdown::Both);
    reader.join().unwrap();
    sent
}

/// Check that this flood ends its connection, before it has cost memory, and that somebody is told why.
fn assert_contained(name: &str, begin: &[u8], more: &[u8]) {
    let upstream = Upstream::silent();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    assert_eq!(Http2Client::connect(gateway.public()).get("/bad%").status, 400);
    let (before, _) = gateway.memory();
    let sent = flood(&gateway, begin, more);
    assert!(sent < ENDLESS, "{name}: it may go on for ever");
    let (_, most) = gateway.memory();
    assert!(most.saturating_sub(before) < ALLOWANCE, "{name}: it grew by {} KiB", most.saturating_sub(before) >> 10);
    wait_for_refusal(&gateway);
    assert_eq!(gateway.access_log_of("class", &"http2".into())["blame"], "client", "{name}");
    assert_eq!(Http2Client::connect(gateway.public()).get("/bad%").status, 400, "{name}: others are not served");
}

fn wait_for_refusal(gateway: &Gateway) {
    let refused = || gateway.metric("lockgate_refused_total{listener=\"public\",reason=\"http2\"}");
    eventually("it to be counted", || (refused() == Some(1.0)).then_some(()));
}

#[test]
fn frames_that_bring_nothing() {
    let open = frame(HEADERS, END_HEADERS, 1, &POST);
    for (name, begin, more) in [
        ("PING", vec![], frame(PING, 0, 0, &[0; 8])),
        ("acknowledged PINGs nobody sent", vec![], frame(PING, ACK, 0, &[0; 8])),
        ("SETTINGS", vec![], settings(&[(3, 100)])),
        ("empty SETTINGS", vec![], settings(&[])),
        ("PRIORITY", vec![], frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15])),
        ("frames of an unknown type", vec![], frame(0x16, 0, 0, &[0; 8])),
        ("WINDOW_UPDATE", vec![], number(WINDOW_UPDATE, 0, 1)),
        ("WINDOW_UPDATE of a stream", open.clone(), number(WINDOW_UPDATE, 1, 1)),
        ("empty DATA", open, frame(DATA, 0, 1, &[])),
    ] {
        assert_contained(name, &begin, &more);
    }
}

#[test]
fn heads_without_end() {
    let open = frame(HEADERS, END_STREAM, 1, &GET);
    for (name, more) in [
        ("CONTINUATION", frame(CONTINUATION, 0, 1, &block(&[("x-more", &"x".repeat(1000))]))),
        ("CONTINUATION of a byte each", frame(CONTINUATION, 0, 1, &[0])),
        ("empty CONTINUATION", frame(CONTINUATION, 0, 1, &[])),
    ] {
        assert_contained(name, &open, &more);
    }
}

#[test]
fn a_few_bytes_that_stand_for_megabytes_of_fields() {
    // A field of 4000 bytes, added to the table (RFC 7541 section 6.2.1), and then a byte for each time it is meant
    // again.
    let value = [&[0x7f, 0xa1, 0x1e][..], &[b'x'; 4000]].concat();
    let field = [&[0x40, 1, b'n'][..], &value].concat();
    let first = frame(HEADERS, END_STREAM | END_HEADERS, 1, &[&GET[..], &field].concat());
    let begin = [first, frame(HEADERS, END_STREAM, 3, &[&GET[..], &[0xbe; 16_000]].concat())].concat();
    assert_contained("references", &begin, &frame(CONTINUATION, 0, 3, &[0xbe; 16_000]));
}

#[test]
fn a_window_that_is_opened_by_one_byte_at_a_time_ends_the_connection() {
    const INITIAL_WINDOW: u16 = 4;
    let upstream = Upstream::answering(200, &[], vec![b'x'; 1_000_000]);
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    let begin = [settings(&[(INITIAL_WINDOW, 0)]), frame(HEADERS, END_STREAM | END_HEADERS, 1, &GET)].concat();
    assert!(flood(&gateway, &begin, &number(WINDOW_UPDATE, 1, 1)) < ENDLESS, "it may go on for ever");
    wait_for_refusal(&gateway);
}

#[test]
fn clients_that_open_windows_as_they_take_what_is_sent_are_no_flood() {
    let upstream = Upstream::answering(200, &[], vec![b'x'; 20_000_000]);
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut peer = Peer::client(gateway.public(), &[]);
    peer.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &GET));
    let mut came = 0;
    loop {
        let next = peer.until(|frame| matches!(frame.kind, DATA | RST_STREAM));
        assert_eq!(next.kind, DATA, "{next:?}");
        came += next.payload.len();
        if next.ends_stream() {
            break;
        }
        // Both windows for each frame, and a PING to measure how long that takes, as some do.
        let length = u32::try_from(next.payload.len()).unwrap().max(1);
        let windows = [number(WINDOW_UPDATE, 0, length), number(WINDOW_UPDATE, 1, length)].concat();
        peer.send(&[windows, frame(PING, 0, 0, &[0; 8])].concat());
    }
    assert_eq!(came, 20_000_000);
}

#[test]
fn clients_that_ask_for_much_with_a_few_frames_each_are_no_flood() {
    let upstream = Upstream::answering(200, &[], "small");
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    for _ in 0..5000 {
        let request = client.request(Method::POST, "/");
        assert_eq!(client.send(request, "message", None).status, 200);
    }
}
