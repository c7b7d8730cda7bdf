//! The states and the numbers of streams (RFC 9113 section 5.1).

use lockgate_tests::Gateway;
use lockgate_tests::frames::*;

use super::*;

fn data(stream: u32) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, b"x")
}

#[test]
fn nothing_but_a_request_begins_a_stream() {
    check(vec![
        connection("5.1 DATA on idle", PROTOCOL, data(1)),
        connection("5.1 RST_STREAM on idle", PROTOCOL, number(RST_STREAM, 1, 8)),
        connection("5.1 WINDOW_UPDATE on idle", PROTOCOL, number(WINDOW_UPDATE, 1, 100)),
        connection("5.1 CONTINUATION on idle", PROTOCOL, frame(CONTINUATION, END_HEADERS, 1, &GET)),
        ignored("5.1 PRIORITY on idle", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15])),
        connection("5.1.1 an even stream", PROTOCOL, get(2)),
        connection("5.1.1 a smaller number than before", PROTOCOL, join(&[get(5), get(3)])).or(Connection(CLOSED)),
    ]);
}

#[test]
fn whoever_has_ended_a_stream_sends_nothing_more_on_it() {
    check_unanswered(vec![
        stream("5.1 DATA", CLOSED, join(&[get(1), data(1)])).but(Connection(PROTOCOL)),
        stream("5.1 HEADERS", CLOSED, join(&[get(1), get(1)])).but(Connection(PROTOCOL)),
        connection("5.1 CONTINUATION", PROTOCOL, join(&[get(1), frame(CONTINUATION, END_HEADERS, 1, &[])]))
            .or(Connection(CLOSED)),
        ignored("5.1 WINDOW_UPDATE", join(&[get(1), number(WINDOW_UPDATE, 1, 1)])),
        ignored("5.1 PRIORITY", join(&[get(1), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15])])),
        ignored("5.1 RST_STREAM", join(&[get(1), number(RST_STREAM, 1, 8)])),
    ]);
}

#[test]
fn a_stream_that_was_reset_is_closed() {
    let reset = |then: Vec<u8>| join(&[post(1), number(RST_STREAM, 1, 8), then]);
    check_unanswered(vec![
        stream("5.1 DATA", CLOSED, reset(data(1))),
        stream("5.1 HEADERS", CLOSED, reset(get(1))).but(Connection(PROTOCOL)),
        connection("5.1 CONTINUATION", PROTOCOL, reset(frame(CONTINUATION, 4, 1, &[]))).or(Connection(CLOSED)),
        ignored("5.1 PRIORITY", reset(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15]))),
    ]);
}

#[test]
fn a_stream_that_came_to_its_end_is_closed() {
    check(vec![
        stream("5.1 DATA", CLOSED, data(1)).after(get(1)),
        connection("5.1 HEADERS", CLOSED, get(1)).after(get(1)).but(Connection(PROTOCOL)),
        connection("5.1 CONTINUATION", PROTOCOL, frame(CONTINUATION, 4, 1, &[])).or(Connection(CLOSED)).after(get(1)),
        ignored("5.1 WINDOW_UPDATE", number(WINDOW_UPDATE, 1, 1)).after(get(1)),
        ignored("5.1 PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15])).after(get(1)),
        ignored("5.1 RST_STREAM", number(RST_STREAM, 1, 8)).after(get(1)),
    ]);
}

#[test]
fn a_stream_does_not_depend_on_itself() {
    let itself = [&[0, 0, 0, 1, 15][..], &GET].concat();
    check(vec![
        stream("RFC 7540 5.3.1 HEADERS", PROTOCOL, frame(HEADERS, WITH_PRIORITY | 5, 1, &itself)),
        stream("RFC 7540 5.3.1 PRIORITY", PROTOCOL, frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 15])),
    ]);
}

#[test]
fn streams_beyond_the_most_are_refused_one_by_one() {
    let upstream = Upstream::silent();
    let folder = Gateway::folder().listener("max_streams = 3").gateway_toml("[runtime]\nworkers = 1");
    let gateway = folder.proxy(&upstream).start();
    let mut peer = Peer::client(gateway.public(), &[]);
    for stream in [1, 3, 5, 7] {
        peer.send(&get(stream));
    }
    let refused = peer.until(|frame| matches!(frame.kind, RST_STREAM | GOAWAY));
    assert_eq!((refused.kind, refused.stream, refused.error()), (RST_STREAM, 7, REFUSED));
    upstream.wait_for_requests(3);
    peer.send(&number(RST_STREAM, 1, 8));
    peer.send(&get(9));
    upstream.wait_for_requests(4);
}

#[test]
fn a_client_that_goes_away_is_answered_what_it_asked_for() {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().proxy_to(upstream.address()).start();
    let mut peer = Peer::client(gateway.public(), &[]);
    peer.send(&join(&[get(1), frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xff])]));
    let head = peer.until(|frame| frame.kind == HEADERS && frame.stream == 1);
    assert_eq!(head.status(), 200);
    peer.until(Frame::ends_stream);
}
