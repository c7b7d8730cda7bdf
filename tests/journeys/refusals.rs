//! Clients turned away before there was a request: counted with a reason, and in the access log with whose fault it was.

use lockgate_tests::http2::Http2Client;
use lockgate_tests::{Gateway, Request, Upstream, eventually};

/// Wait until one client was counted as refused for a reason.
fn wait_for_one(gateway: &Gateway, reason: &str) {
    let sample = format!("lockgate_refused_total{{listener=\"public\",reason=\"{reason}\"}}");
    eventually("it to be counted", || (gateway.metric(&sample) == Some(1.0)).then_some(()));
}

/// What is logged about clients that a listener refuses for these bytes.
fn refused(listener: &str, bytes: &[u8], reason: &str) {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let mut client = gateway.connect();
    client.write(bytes);
    client.until_closed();
    wait_for_one(&gateway, reason);
    let line = gateway.access_log_of("class", &reason.into());
    assert_eq!(line["blame"], "client", "{line}");
    assert_eq!(line["client"], "127.0.0.0/24", "{line}");
    assert!(line["method"].is_null() && line["path"].is_null() && line["status"].is_null(), "{line}");
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn a_head_that_can_be_framed_in_two_ways_is_seen_as_malformed() {
    let both = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    refused("", both, "malformed");
}

#[test]
fn a_head_that_is_too_long_is_seen() {
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(10_000));
    refused("max_header_bytes = \"8KiB\"", long.as_bytes(), "head_too_large");
}

#[test]
fn a_target_has_a_limit_of_its_own() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_target_bytes = \"1KiB\"").proxy(&upstream).start();
    let target = |length: usize| format!("/long?{}", "x".repeat(length - "/long?".len()));
    let mut client = gateway.connect();
    client.send(&Request::get(&target(1025))).assert_problem(414);
    let line = gateway.access_log("/long");
    assert_eq!((&line["class"], &line["blame"]), (&"target_too_long".into(), &"client".into()));
    client.send(&Request::get(&target(1024)).field("x-long", &"x".repeat(5000))).assert_status(200);
    let mut client = Http2Client::connect(gateway.public());
    assert_eq!(client.get(&target(1025)).status, 414);
    assert_eq!(client.get(&target(1024)).status, 200);
    assert_eq!(upstream.requests(), 2);
}

#[test]
fn a_head_that_takes_too_long_is_seen_as_slow() {
    refused("header_timeout = \"200ms\"", b"GET / HTTP/1.1\r\n", "slow");
}

#[test]
fn frames_that_are_not_http2_are_seen() {
    // DATA on the stream of the connection itself.
    let bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0";
    refused("", bytes, "http2");
}

#[test]
fn one_that_just_looks_whether_the_port_is_open_is_counted_and_not_logged() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().listener("proxy_protocol = true").proxy(&upstream).start();
    drop(gateway.connect());
    wait_for_one(&gateway, "left");
    let written = gateway.all_written();
    assert!(!written.contains("\"class\":\"left\""), "{written}");
}

#[test]
fn a_request_that_was_answered_is_nobodys_refusal() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    gateway.send(&Request::new("CONNECT", "a:1")).assert_problem(501);
    let line = gateway.access_log_of("class", &"connect".into());
    assert_eq!((&line["status"], &line["method"]), (&501.into(), &"CONNECT".into()));
    assert!(!gateway.ask("/metrics").text().contains("lockgate_refused_total{"));
}
