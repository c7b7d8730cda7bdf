//! Flow control (RFC 9113 sections 5.2, 6.9): no byte more than the client has room for.

use lockgate_tests::frames::*;
use lockgate_tests::{Gateway, Upstream};

use super::*;

const INITIAL_WINDOW: u16 = 4;

/// A gateway before an upstream whose answers have ten bytes.
fn ten_bytes() -> (Upstream, Gateway) {
    let upstream = Upstream::answering(200, &[], "0123456789");
    let gateway = Gateway::folder().proxy(&upstream).start();
    (upstream, gateway)
}

/// The next DATA of the stream; not its empty end.
fn data(peer: &mut Peer) -> Vec<u8> {
    peer.until(|frame| frame.kind == DATA && frame.stream == 1).payload
}

#[test]
fn a_window_cannot_be_opened_by_nothing_or_too_far() {
    let wide = (1 << 31) - 1;
    check_unanswered(vec![
        connection("6.9 by nothing", PROTOCOL, number(WINDOW_UPDATE, 0, 0)),
        stream("6.9 by nothing, of a stream", PROTOCOL, join(&[get(1), number(WINDOW_UPDATE, 1, 0)])),
        connection(
            "6.9.1 too far",
            FLOW_CONTROL,
            join(&[number(WINDOW_UPDATE, 0, wide), number(WINDOW_UPDATE, 0, wide)]),
        ),
        stream("6.9.1 too far, of a stream", FLOW_CONTROL, join(&[get(1), number(WINDOW_UPDATE, 1, wide)])),
        connection("6.9.2 too far, by a setting", FLOW_CONTROL, {
            join(&[get(1), number(WINDOW_UPDATE, 1, 1), settings(&[(INITIAL_WINDOW, wide)])])
        }),
    ]);
}

#[test]
fn a_body_waits_for_the_window_of_its_stream() {
    let (_upstream, gateway) = ten_bytes();
    let mut peer = Peer::client(gateway.public(), &[(INITIAL_WINDOW, 1)]);
    peer.send(&get(1));
    assert_eq!(data(&mut peer), b"0");
    peer.send(&number(WINDOW_UPDATE, 1, 3));
    assert_eq!(data(&mut peer), b"123");
    peer.send(&number(WINDOW_UPDATE, 1, 100));
    assert_eq!(data(&mut peer), b"456789");
}

#[test]
fn the_last_of_several_values_holds() {
    let (_upstream, gateway) = ten_bytes();
    let mut peer = Peer::client(gateway.public(), &[(INITIAL_WINDOW, 100), (INITIAL_WINDOW, 1)]);
    peer.send(&get(1));
    assert_eq!(data(&mut peer), b"0");
}

#[test]
fn a_setting_changes_the_windows_of_streams_that_are_open() {
    let (_upstream, gateway) = ten_bytes();
    let mut peer = Peer::client(gateway.public(), &[(INITIAL_WINDOW, 0)]);
    peer.send(&get(1));
    peer.until(|frame| frame.kind == HEADERS);
    peer.send(&settings(&[(INITIAL_WINDOW, 1)]));
    assert_eq!(data(&mut peer), b"0");
}

#[test]
fn a_window_may_become_negative_and_is_paid_back() {
    let (_upstream, gateway) = ten_bytes();
    let mut peer = Peer::client(gateway.public(), &[(INITIAL_WINDOW, 3)]);
    peer.send(&get(1));
    assert_eq!(data(&mut peer), b"012");
    // From 0 to -3; two bytes more than that are one short of the next, three more are two.
    peer.send(&join(&[settings(&[(INITIAL_WINDOW, 0)]), number(WINDOW_UPDATE, 1, 2), number(WINDOW_UPDATE, 1, 3)]));
    assert_eq!(data(&mut peer), b"34");
}
