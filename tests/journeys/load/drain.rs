//! The end of the process under load: whatever a client may count on is answered, whichever HTTP it speaks.

use std::collections::BTreeSet;

use lockgate_tests::frames::{self, Peer};
use lockgate_tests::{Gateway, Load, Request, Upstream};

const CLIENTS: usize = 8;

fn gateway() -> Gateway {
    Gateway::folder().proxy(&Upstream::answering(200, &[], "here")).start()
}

/// Nobody may send a POST again that was not answered (RFC 9110 section 9.2.2), so on a connection that the gateway did
/// not say it would close each must be answered. Only one that its client left idle may be closed without a word (RFC
/// 9112 section 9.3).
#[test]
fn clients_that_keep_asking_over_http1_are_told_before_their_connection_is_closed() {
    let mut gateway = gateway();
    let load = Load::start(CLIENTS, |number| {
        let mut client = gateway.connect();
        move |pace| {
            loop {
                let request = match number % 2 {
                    0 => Request::get("/"),
                    _ => Request::post("/", "text/plain", "something"),
                };
                let response = client.send(&request);
                response.assert_status(200);
                pace.did();
                if response.field("connection") == Some("close") {
                    return client.until_closed();
                }
            }
        }
    });
    load.wait_for_more(CLIENTS * 50);
    gateway.terminate();
    for rest in load.join() {
        assert_eq!(rest, b"");
    }
    assert!(gateway.wait_for_end().success());
}

/// What is sent after the number that GOAWAY names may be sent again, since nobody looked at it (RFC 9113 section 6.8).
/// Each stream up to it must be answered.
#[test]
fn clients_that_keep_asking_over_http2_are_answered_up_to_the_stream_that_the_gateway_names() {
    let mut gateway = gateway();
    let load = Load::start(CLIENTS, |_| {
        let mut peer = Peer::client(gateway.public(), &[]);
        move |pace| {
            let mut open = BTreeSet::new();
            let mut next = 1;
            let mut last = None;
            let mut ask = |peer: &mut Peer, open: &mut BTreeSet<u32>| {
                let method = if next % 4 == 1 { "GET" } else { "POST" };
                let head =
                    frames::block(&[(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "a")]);
                peer.send(&frames::frame(frames::HEADERS, frames::END_STREAM | frames::END_HEADERS, next, &head));
                open.insert(next);
                next += 2;
            };
            (0..5).for_each(|_| ask(&mut peer, &mut open));
            while let Some(frame) = peer.receive() {
                match frame.kind {
                    frames::GOAWAY => {
                        assert_eq!(frame.error(), 0);
                        last = Some(u32::from_be_bytes(frame.payload[..4].try_into().unwrap()));
                    }
                    frames::PING if frame.flags & frames::ACK == 0 => {
                        peer.send(&frames::frame(frames::PING, frames::ACK, 0, &frame.payload));
                    }
                    frames::HEADERS => assert_eq!(frame.status(), 200),
                    frames::RST_STREAM => panic!("stream {} was reset", frame.stream),
                    _ => {}
                }
                if frame.ends_stream() {
                    open.remove(&frame.stream);
                    pace.did();
                    // The first GOAWAY forbids further requests, the last one says which of those under way have been
                    // seen.
                    if last.is_none() {
                        ask(&mut peer, &mut open);
                    }
                }
            }
            let last = last.expect("closed without GOAWAY");
            open.retain(|stream| *stream <= last);
            open
        }
    });
    load.wait_for_more(CLIENTS * 100);
    gateway.terminate();
    for lost in load.join() {
        assert!(lost.is_empty(), "streams without an answer: {lost:?}");
    }
    assert!(gateway.wait_for_end().success());
}
