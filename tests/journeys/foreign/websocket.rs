//! WebSocket between client and server of the `websockets` library.

use super::Between;

const CLIENT: &str = "websocket_client";

fn both() -> [Between; 2] {
    let settings = "protocol = \"http/1.1\"";
    [Between::plain("websocket_server", "", settings), Between::inside_tls("websocket_server", "", settings)]
}

#[test]
fn messages_of_every_kind_pass_both_ways() {
    for between in both() {
        for scene in ["messages", "pings", "large"] {
            between.play(CLIENT, scene);
        }
    }
}

#[test]
fn extensions_and_subprotocols_are_agreed_between_the_ends() {
    for between in both() {
        for scene in ["extension", "subprotocol"] {
            between.play(CLIENT, scene);
        }
    }
}

#[test]
fn close_codes_pass_both_ways() {
    for between in both() {
        between.play(CLIENT, "client_closes");
        between.server.wait_for("closed 4002 done here");
        between.play(CLIENT, "server_closes");
        between.server.wait_for("closed 4001 enough");
    }
}

#[test]
fn an_end_that_dies_takes_the_other_along() {
    for between in both() {
        between.play(CLIENT, "client_vanishes");
        // 1006: the connection ended without a close frame.
        between.server.wait_for("closed 1006 ");
        between.play(CLIENT, "server_vanishes");
    }
}

#[test]
fn many_talk_at_once() {
    for between in both() {
        between.play(CLIENT, "many");
    }
}
