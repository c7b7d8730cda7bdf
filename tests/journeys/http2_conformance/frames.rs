//! The beginning of a connection, and frames by themselves (RFC 9113 sections 3.4, 4, 5.5, 6).

use lockgate_tests::frames::*;
use lockgate_tests::{Gateway, Recorder};

use super::*;

#[test]
fn a_connection_begins_with_the_preface_and_settings() {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().proxy_to(upstream.address()).start();
    for preface in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "PRI * HTTP/2.0\r\n\r\nINVALID\r\n\r\n"] {
        let mut client = gateway.connect();
        client.write(preface.as_bytes());
        client.until_closed();
    }
    assert!(upstream.take().is_empty());
    let first = [("another frame", frame(PING, 0, 0, &[0; 8])), ("an ack", frame(SETTINGS, ACK, 0, &[]))];
    for (case, first) in first {
        let mut peer = Peer::connect(gateway.public());
        peer.send(&[PREFACE, &first, &get(1)].concat());
        let end = peer.until(|frame| frame.kind == GOAWAY || frame.ends_stream());
        // Known: h2 does not ask for SETTINGS first.
        assert!(end.ends_stream(), "{case}: {end:?}");
    }
}

#[test]
fn settings_are_announced_and_acknowledged() {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().proxy_to(upstream.address()).start();
    let mut peer = Peer::connect(gateway.public());
    peer.send(&[PREFACE, &settings(&[])].concat());
    assert!(peer.receive().unwrap().is(SETTINGS, 0), "first of all");
    peer.until(|frame| frame.is(SETTINGS, ACK) && frame.payload.is_empty());
}

#[test]
fn pings_are_returned_with_what_they_brought_and_acks_are_not() {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().proxy_to(upstream.address()).start();
    let mut peer = Peer::client(gateway.public(), &[]);
    peer.send(&frame(PING, ACK, 0, b"unasked!"));
    peer.send(&frame(PING, 0, 0, b"lockgate"));
    let returned = peer.until(|frame| frame.kind == PING);
    assert_eq!((returned.flags, returned.payload.as_slice()), (ACK, &b"lockgate"[..]));
}

#[test]
fn what_extends_the_protocol_is_ignored() {
    check(vec![
        ignored("4.1 an unknown type", frame(0x16, 0, 0, &[0; 8])),
        ignored("5.5 an unknown type on a stream", frame(0xff, 0xff, 1, &[0; 8])),
        ignored("4.1 undefined flags", frame(PING, 0x16, 0, &[0; 8])),
        ignored("4.1 the reserved bit", frame(PING, 0, 1 << 31, &[0; 8])),
        ignored("6.5.2 an unknown setting", settings(&[(0xff, 1)])),
        ignored("7 RST_STREAM with an unknown code", join(&[post(1), number(RST_STREAM, 1, 0xff)])),
        served("4.1 the reserved bit of a stream", frame(HEADERS, 5, 1 | 1 << 31, &GET)),
    ]);
}

#[test]
fn frames_of_a_wrong_size_are_errors() {
    check(vec![
        served("4.2 DATA of 2^14", join(&[post(1), frame(DATA, END_STREAM, 1, &[0; 1 << 14])])),
        stream("4.2 DATA over 2^14", FRAME_SIZE, join(&[post(1), frame(DATA, END_STREAM, 1, &[0; (1 << 14) + 1])])),
        connection("4.2 HEADERS over 2^14", FRAME_SIZE, frame(HEADERS, 5, 1, &[0; (1 << 14) + 1])),
        connection("4.2 SETTINGS over 2^14", FRAME_SIZE, frame(SETTINGS, 0, 0, &[0; 6 * 2731])),
        stream("6.3 PRIORITY of 4", FRAME_SIZE, frame(PRIORITY, 0, 1, &[0; 4])).but(Connection(PROTOCOL)),
        connection("6.4 RST_STREAM of 3", FRAME_SIZE, join(&[post(1), frame(RST_STREAM, 0, 1, &[0; 3])]))
            .but(Connection(PROTOCOL)),
        connection("6.5 SETTINGS of 3", FRAME_SIZE, frame(SETTINGS, 0, 0, &[0; 3])).but(Connection(PROTOCOL)),
        connection("6.5 an ack of SETTINGS with settings", FRAME_SIZE, frame(SETTINGS, ACK, 0, &[0; 6]))
            .but(Connection(PROTOCOL)),
        connection("6.7 PING of 6", FRAME_SIZE, frame(PING, 0, 0, &[0; 6])).but(Connection(PROTOCOL)),
        connection("6.8 GOAWAY of 4", FRAME_SIZE, frame(GOAWAY, 0, 0, &[0; 4])).but(Connection(PROTOCOL)),
        connection("6.9 WINDOW_UPDATE of 3", FRAME_SIZE, frame(WINDOW_UPDATE, 0, 0, &[0; 3])).but(Connection(PROTOCOL)),
        connection("6.9 WINDOW_UPDATE of 3, of a stream", FRAME_SIZE, join(&[post(1), frame(8, 0, 1, &[0; 3])]))
            .but(Connection(PROTOCOL)),
    ]);
}

#[test]
fn padding_is_taken_off_and_must_fit() {
    let padded_get = [&[3][..], &GET, &[0; 3]].concat();
    check(vec![
        served("6.2 HEADERS with padding", frame(HEADERS, PADDED | 5, 1, &padded_get)),
        served("6.2 HEADERS with a priority", frame(HEADERS, 0x25, 1, &[&[0, 0, 0, 0, 15], &GET[..]].concat())),
        served("6.1 DATA with padding", join(&[post(1), frame(DATA, PADDED | 1, 1, &[2, b'x', 0, 0])])),
        connection("6.1 DATA", PROTOCOL, join(&[post(1), frame(DATA, PADDED | 1, 1, &[5, b'x', 0, 0])])),
        connection("6.1 DATA without a length", FRAME_SIZE, join(&[post(1), frame(DATA, PADDED | 1, 1, &[])]))
            .but(Connection(PROTOCOL)),
        connection("6.2 HEADERS", PROTOCOL, frame(HEADERS, PADDED | 5, 1, &[&[7][..], &GET].concat())),
    ]);
}

#[test]
fn frames_belong_to_a_stream_or_to_the_connection() {
    check(vec![
        connection("6.1 DATA", PROTOCOL, frame(DATA, END_STREAM, 0, b"x")),
        connection("6.2 HEADERS", PROTOCOL, get(0)),
        connection("6.3 PRIORITY", PROTOCOL, frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 15])),
        connection("6.4 RST_STREAM", PROTOCOL, number(RST_STREAM, 0, 8)),
        connection("6.5 SETTINGS", PROTOCOL, frame(SETTINGS, 0, 1, &[])),
        connection("6.7 PING", PROTOCOL, frame(PING, 0, 1, &[0; 8])),
        connection("6.8 GOAWAY", PROTOCOL, frame(GOAWAY, 0, 1, &[0; 8])),
        connection("6.10 CONTINUATION", PROTOCOL, join(&[frame(HEADERS, 1, 1, &GET), frame(CONTINUATION, 4, 0, &[])])),
        connection(
            "8.4 PUSH_PROMISE of a client",
            PROTOCOL,
            join(&[post(1), frame(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2])]),
        ),
    ]);
}

#[test]
fn settings_have_values_within_bounds() {
    check(vec![
        connection("6.5.2 ENABLE_PUSH of 2", PROTOCOL, settings(&[(2, 2)])),
        connection("6.5.2 INITIAL_WINDOW_SIZE of 2^31", FLOW_CONTROL, settings(&[(4, 1 << 31)]))
            .but(Connection(PROTOCOL)),
        connection("6.5.2 MAX_FRAME_SIZE under 2^14", PROTOCOL, settings(&[(5, (1 << 14) - 1)])),
        connection("6.5.2 MAX_FRAME_SIZE of 2^24", PROTOCOL, settings(&[(5, 1 << 24)])),
        ignored("6.5.2 the bounds", settings(&[(2, 0), (4, (1 << 31) - 1), (5, 1 << 14), (5, (1 << 24) - 1)])),
    ]);
}

#[test]
fn a_block_of_fields_is_not_interrupted() {
    let open = frame(HEADERS, END_STREAM, 1, &GET);
    let more = |flags| frame(CONTINUATION, flags, 1, &block(&[("x-more", "1")]));
    check(vec![
        served("6.10 CONTINUATIONs", join(&[open.clone(), more(0), more(0), more(END_HEADERS)])),
        served("6.10 an empty one", join(&[open.clone(), frame(CONTINUATION, END_HEADERS, 1, &[])])),
        connection("4.3 PRIORITY", PROTOCOL, join(&[open.clone(), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15])])),
        connection("4.3 HEADERS of another stream", PROTOCOL, join(&[open.clone(), get(3)])),
        connection("4.3 CONTINUATION of another stream", PROTOCOL, join(&[open.clone(), frame(9, 4, 3, &[])])),
        connection("6.10 DATA", PROTOCOL, join(&[open.clone(), more(0), frame(DATA, 1, 1, b"x")])),
        connection("6.10 PING", PROTOCOL, join(&[open.clone(), frame(PING, 0, 0, &[0; 8])])),
        connection("5.5 an unknown type", PROTOCOL, join(&[open.clone(), frame(0x16, 0, 0, &[0; 8])])),
        connection("6.10 CONTINUATION of nothing", PROTOCOL, more(END_HEADERS)),
        connection("6.10 after END_HEADERS", PROTOCOL, join(&[post(1), more(END_HEADERS)])),
        connection("6.10 after the last", PROTOCOL, join(&[open, more(4), more(4)])),
        connection("6.10 after DATA", PROTOCOL, join(&[post(1), frame(DATA, 0, 1, b"x"), more(4)])),
    ]);
}
