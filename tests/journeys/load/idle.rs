//! Connections that do nothing cost little, take nothing from others, and leave nothing behind.

use lockgate_tests::frames::{self, Peer};
use lockgate_tests::{Authority, Client, Gateway, Handshake, Request, Upstream, allow_open_files, eventually};

const KIB: u64 = 1024;
const MANY: usize = 10_000;
const SOME: usize = 1000;
/// For one connection, all included.
const MOST: u64 = 16 * KIB;
/// What rustls keeps of a session comes on top.
const MOST_OF_TLS: u64 = 40 * KIB;
/// The buffers of the h2 crate, which it keeps, are 16 KiB to write and 8 KiB to read.
const MOST_OF_HTTP2: u64 = 40 * KIB;
const LIMITS: &str = "max_connections = 20000\nmax_connections_per_address = 20000\nidle_timeout = '20s'";
const OPEN: &str = "lockgate_connections{listener=\"public\"}";

#[test]
fn ten_thousand_idle_connections_cost_little_and_end_in_time() {
    allow_open_files(2 * MANY as u64);
    let gateway = Gateway::folder().listener(LIMITS).proxy(&Upstream::echo()).start();
    let before = warm(&gateway, || served(&gateway));
    let mut idle: Vec<_> = (0..MANY).map(|_| served(&gateway)).collect();
    assert_eq!(gateway.metric(OPEN), Some(MANY as f64));
    assert_cheap("HTTP/1.1", &gateway, before, MANY, MOST, || served(&gateway));
    gateway.get("/another").assert_status(200);
    // None of them does anything, so all end.
    for client in &mut idle {
        assert_eq!(client.until_closed(), b"");
    }
    eventually("no connection to be left", || (gateway.metric(OPEN) == Some(0.0)).then_some(()));
    let most = before + MANY as u64 * KIB;
    eventually("the memory to come back", || {
        gateway.get("/another").assert_status(200);
        (gateway.memory().0 < most).then_some(())
    });
}

#[test]
fn idle_connections_inside_tls_cost_little() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let gateway = crate::tls::showing(&[("site", &authority.issue(&["site.example"]))], &upstream).start();
    let open = || {
        let mut client = authority.connect(gateway.public(), "site.example", &Handshake::new()).unwrap();
        client.send(&Request::get("/").field("host", "site.example")).assert_status(200);
        client
    };
    let before = warm(&gateway, open);
    let _idle: Vec<_> = (0..SOME).map(|_| open()).collect();
    assert_cheap("TLS", &gateway, before, SOME, MOST_OF_TLS, open);
}

#[test]
fn idle_connections_of_http2_cost_little() {
    let gateway = Gateway::folder().proxy(&Upstream::echo()).start();
    let open = || {
        let mut peer = Peer::client(gateway.public(), &[]);
        let head = frames::block(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]);
        peer.send(&frames::frame(frames::HEADERS, frames::END_STREAM | frames::END_HEADERS, 1, &head));
        peer.until(|frame| frame.stream == 1 && frame.ends_stream());
        peer
    };
    let before = warm(&gateway, open);
    let _idle: Vec<_> = (0..SOME).map(|_| open()).collect();
    assert_cheap("HTTP/2", &gateway, before, SOME, MOST_OF_HTTP2, open);
}

/// A connection on which one request was answered.
fn served(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    client.send(&Request::get("/")).assert_status(200);
    client
}

/// The memory of a gateway after it has had some connections.
fn warm<C>(gateway: &Gateway, open: impl Fn() -> C) -> u64 {
    let first: Vec<_> = (0..50).map(|_| open()).collect();
    drop(first);
    eventually("no connection to be left", || (gateway.metric(OPEN) == Some(0.0)).then_some(()));
    gateway.memory().0
}

/// Connections that rest give their buffers back after a moment, and the allocator gives them to the system when it is
/// asked for something else.
#[track_caller]
fn assert_cheap<C>(what: &str, gateway: &Gateway, before: u64, count: usize, most: u64, open: impl Fn() -> C) {
    let each = eventually("idle connections to cost little", || {
        drop(open());
        let each = gateway.memory().0.saturating_sub(before) / count as u64;
        (each <= most).then_some(each)
    });
    eprintln!("{count} idle connections of {what}: {each} bytes each");
    eventually("the others to end", || {
        let open = gateway.metric(OPEN);
        assert!(open >= Some(count as f64), "some have ended: {open:?}");
        (open == Some(count as f64)).then_some(())
    });
}
