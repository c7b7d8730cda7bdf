//! gRPC between client and server of the reference implementation.

use lockgate_tests::{Gateway, foreign};
use serde_json::json;

use super::Between;

const CLIENT: &str = "grpc_client";

fn plain() -> Between {
    Between::plain("grpc_server", "test.Bytes/", "protocol = \"h2\"")
}

fn inside_tls() -> Between {
    Between::inside_tls("grpc_server", "test.Bytes/", "protocol = \"h2\"")
}

#[test]
fn all_four_kinds_of_call_pass_in_the_clear_and_inside_tls() {
    for between in [plain(), inside_tls()] {
        for scene in ["unary", "client_stream", "server_stream", "lock_step", "side_by_side"] {
            between.play(CLIENT, scene);
        }
    }
}

#[test]
fn statuses_come_through_whether_in_trailers_or_alone() {
    for between in [plain(), inside_tls()] {
        between.play(CLIENT, "statuses");
    }
}

#[test]
fn metadata_and_deadlines_come_through_in_both_directions() {
    for between in [plain(), inside_tls()] {
        between.play(CLIENT, "metadata");
    }
}

#[test]
fn large_messages_pass() {
    for between in [plain(), inside_tls()] {
        between.play(CLIENT, "large");
    }
}

#[test]
fn a_server_hears_that_its_client_gave_up() {
    for between in [plain(), inside_tls()] {
        for scene in ["cancel", "deadline"] {
            between.play(CLIENT, scene);
            between.server.wait_for(&format!("{scene} was given up"));
        }
    }
}

#[test]
fn what_the_gateway_answers_itself_is_a_status_of_grpc_and_its_class_is_in_the_log() {
    for between in [plain(), inside_tls()] {
        between.play(CLIENT, "no_route");
        let line = between.gateway.access_log("/other.Service/Method");
        assert_eq!(
            (&line["class"], &line["blame"], &line["status"]),
            (&json!("no_route"), &json!("client"), &json!(200))
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Gateway::folder().proxy_to(nobody).start();
    foreign::play(CLIENT, "no_upstream", gateway.public(), None).unwrap();
    let line = gateway.access_log("/test.Bytes/Unary");
    assert_eq!((&line["blame"], &line["status"]), (&json!("upstream"), &json!(200)));
}
