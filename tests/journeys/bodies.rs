//! Policies that read and change bodies: whole, in pieces, in both directions.

use lockgate_tests::{Gateway, Request, Upstream};

const GATEWAY: &str = r#"
[policy.count]
source = "file:components/count-chunks.wasm"
grant = ["body:request:inspect", "respond"]
[policy.shout]
source = "file:components/shout.wasm"
grant = ["body:request:edit", "body:response:edit"]
[policy.sparing]
source = "file:components/sparing.wasm"
grant = ["body:response:edit", "respond"]
[policy.redact]
source = "file:components/redact.wasm"
grant = ["body:response:edit", "write:x-test-redacted"]
"#;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "count"
match = { path = "/count" }
chain = [{ policy = "count", config = { most = 100000 } }]
upstream = "main"
[[route]]
name = "shout"
match = { path = "/shout" }
chain = ["shout"]
upstream = "main"
[[route]]
name = "sparing"
match = { path = "/sparing" }
chain = [{ policy = "sparing", config = { piece = 2048 } }]
upstream = "main"
[[route]]
name = "redact"
match = { path = "/redact" }
chain = [{ policy = "redact", config = { word = "secret" } }]
upstream = "main"
"#;

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .guest("count-chunks")
        .guest("shout")
        .guest("redact")
        .guest("sparing")
        .gateway_toml(GATEWAY)
        .api("api", API)
        .start()
}

#[test]
fn a_body_that_is_only_looked_at_passes_as_it_was_framed() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let body = "x".repeat(100_000);
    let named = gateway.send(&Request::post("/count", "text/plain", body.as_str()));
    assert_eq!(named.json()["body"], body);
    assert_eq!(named.echoed("content-length"), ["100000"]);
    let chunked = gateway.send(&Request::post("/count", "text/plain", body.as_str()).chunked());
    assert_eq!(chunked.json()["body"], body);
    assert_eq!(chunked.echoed("transfer-encoding"), ["chunked"]);
}

#[test]
fn a_policy_can_refuse_a_body_while_it_arrives() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let request = Request::post("/count", "text/plain", "x".repeat(100_001));
    for request in [request.clone(), request.chunked()] {
        let response = gateway.send(&request);
        response.assert_status(413);
        assert_eq!(response.text(), "100000 is the most");
    }
    // The upstream may have seen a part, never the whole: its echo would have been the answer.
    gateway.send(&Request::post("/count", "text/plain", "short")).assert_status(200);
}

#[test]
fn pieces_can_be_changed_in_both_directions() {
    let upstream = Upstream::with(|exchange| {
        let body = String::from_utf8_lossy(&exchange.body()?).into_owned();
        let framing = exchange.field("content-length").is_some();
        let answer = format!("got {body}; length named: {framing}");
        let fields = [("content-type", "text/plain"), ("etag", "\"1\""), ("accept-ranges", "bytes")];
        exchange.reply(200, &fields, answer.as_bytes())
    });
    let gateway = gateway(&upstream);
    let response = gateway.send(&Request::post("/shout", "text/plain", "hello"));
    response.assert_status(200);
    assert_eq!(response.text(), "GOT HELLO; LENGTH NAMED: FALSE");
    assert_eq!(response.field("content-length"), None, "the length may have changed");
    assert_eq!(response.field("etag"), Some("W/\"1\""));
    assert_eq!(response.field("accept-ranges"), None);
}

#[test]
fn a_policy_says_which_hooks_have_nothing_to_do_and_how_large_a_piece_may_be() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let response = gateway.send(&Request::post("/sparing", "text/plain", "x".repeat(100_000)));
    response.assert_status(200);
    let pieces: Vec<usize> = response.text().split_whitespace().map(|length| length.parse().unwrap()).collect();
    assert!(pieces.iter().sum::<usize>() > 100_000 && pieces.iter().all(|length| *length <= 2048), "{pieces:?}");
    assert!(pieces.iter().filter(|length| **length == 2048).count() > 40, "{pieces:?}");
}

#[test]
fn bodies_of_types_a_policy_did_not_name_pass_unseen_if_it_says_so() {
    let upstream = Upstream::with(|exchange| {
        let body = exchange.body()?;
        exchange.reply(200, &[("content-type", "application/octet-stream"), ("etag", "\"1\"")], &body)
    });
    let gateway = gateway(&upstream);
    let response = gateway.send(&Request::post("/shout", "application/octet-stream", "quiet"));
    assert_eq!(response.text(), "quiet");
    assert_eq!(response.field("content-length"), Some("5"));
    assert_eq!(response.field("etag"), Some("\"1\""));
}

#[test]
fn a_whole_body_can_be_spliced_and_its_head_edited() {
    let json = r#"{"a":"secret","b":"no secret secrets"}"#;
    let upstream = Upstream::answering(200, &[("content-type", "application/json")], json);
    let gateway = gateway(&upstream);
    let response = gateway.get("/redact");
    response.assert_status(200);
    assert_eq!(response.text(), r#"{"a":"***","b":"no *** ***s"}"#);
    assert_eq!(response.field("x-test-redacted"), Some("3"));
}

#[test]
fn a_response_that_cannot_be_read_by_its_policy_is_a_502() {
    let too_long = Upstream::answering(200, &[("content-type", "application/json")], "1".repeat(70_000));
    gateway(&too_long).get("/redact").assert_problem(502);
    let other_type = Upstream::answering(200, &[("content-type", "text/html")], "<p>secret");
    gateway(&other_type).get("/redact").assert_problem(502);
    let coded = [("content-type", "application/json"), ("content-encoding", "br")];
    let coded = Upstream::with(move |exchange| exchange.reply(200, &coded, b"secret"));
    gateway(&coded).get("/redact").assert_problem(502);
}

#[test]
fn an_upstream_is_not_asked_for_codings_a_policy_cannot_read() {
    let upstream = Upstream::with(|exchange| {
        let answer = format!("{:?}", exchange.field("accept-encoding"));
        exchange.reply(200, &[("content-type", "application/json")], answer.as_bytes())
    });
    let gateway = gateway(&upstream);
    let response = gateway.send(&Request::get("/redact").field("accept-encoding", "br, gzip"));
    assert_eq!(response.text(), "Some(\"identity\")");
}

#[test]
fn a_request_without_a_body_does_not_trouble_its_body_policy() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.get("/count").assert_status(200);
    gateway.get("/shout").assert_status(200);
    let calls = |metrics: String| metrics.contains("lockgate_policy_calls_total{policy=\"count\"");
    assert!(!calls(gateway.ask("/metrics").text()));
    gateway.send(&Request::post("/count", "text/plain", "x")).assert_status(200);
    assert!(calls(gateway.ask("/metrics").text()), "this test looks at the wrong name");
}

#[test]
fn a_body_longer_than_the_listener_allows_is_a_413() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_body_bytes = \"1KiB\"").proxy(&upstream).start();
    gateway.send(&Request::post("/", "text/plain", "x".repeat(1024))).assert_status(200);
    gateway.send(&Request::post("/", "text/plain", "x".repeat(1025))).assert_problem(413);
    gateway.send(&Request::post("/", "text/plain", "x".repeat(1025)).chunked()).assert_problem(413);
}

#[test]
fn a_body_where_there_usually_is_none_reaches_the_upstream() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    for method in ["GET", "DELETE", "OPTIONS"] {
        let request = Request::new(method, "/").body("a body");
        let chunked = client.send(&request.clone().chunked());
        assert_eq!(chunked.json()["body"], "a body", "{method}");
        assert_eq!(chunked.echoed("transfer-encoding"), ["chunked"], "{method}");
        let named = client.send(&request);
        assert_eq!(named.json()["body"], "a body", "{method}");
        assert_eq!(named.echoed("content-length"), ["6"], "{method}");
    }
    let without = client.send(&Request::get("/"));
    assert!(without.echoed("transfer-encoding").is_empty() && without.echoed("content-length").is_empty());
}
