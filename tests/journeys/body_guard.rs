//! The built-in policy `body-guard` through the gateway: JSON bodies checked while they stream.

use lockgate_tests::{Gateway, Request, Upstream};

fn gateway(upstream: &Upstream, config: &str) -> Gateway {
    let config = format!(
        "chain = [{{ policy = \"body-guard\", config = {{ {config} }} }}]\n[policy.body-guard]\n\
         source = \"builtin:body-guard\"\ngrant = [\"body:request:inspect\", \"respond\", \"read:content-length\"]\n"
    );
    Gateway::folder().gateway_toml(&config).proxy(upstream).start()
}

fn post(body: impl Into<Vec<u8>>) -> Request {
    Request::post("/", "application/json", body)
}

#[test]
fn a_right_body_passes_unchanged() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "max_depth = 4");
    let body = r#"{"a": [1, {"b": "c"}], "d": null}"#;
    for request in [post(body), post(body).chunked()] {
        let response = gateway.send(&request);
        response.assert_status(200);
        assert_eq!(response.json()["body"], body);
    }
}

#[test]
fn bodies_beyond_a_limit_are_refused() {
    let upstream = Upstream::echo();
    let gateway = gateway(
        &upstream,
        "max_bytes = \"1KiB\", max_depth = 3, max_members = 2, max_items = 3, max_string_length = 10",
    );
    let long = format!("[\"{}\"]", "x".repeat(11));
    let big = format!("[{}1]", " ".repeat(2000));
    for body in ["[[[[1]]]]", r#"{"a":1,"b":2,"c":3}"#, "[1,2,3,4]", &long, &big] {
        for request in [post(body), post(body).chunked()] {
            gateway.send(&request).assert_status(413);
        }
    }
}

#[test]
fn a_body_that_announces_too_much_is_refused_before_it_is_read() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "max_bytes = \"1KiB\"");
    let mut client = gateway.connect();
    let announced =
        Request::new("POST", "/").field("content-type", "application/json").field("content-length", "100000");
    client.send_only(&announced).unwrap();
    client.receive("POST").unwrap().assert_status(413);
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn what_is_not_json_is_refused() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "");
    for body in ["{", "[1,]", "{\"a\" 1}", "01", "nul", "[1] [2]", "\u{feff}[]", "\"\t\""] {
        gateway.send(&post(body)).assert_status(400);
    }
    gateway.send(&post(b"\"\xff\"")).assert_status(400);
    // The connection, the policy and the upstream are as good as before.
    gateway.send(&post("[]")).assert_status(200);
}

#[test]
fn other_types_are_refused_unless_the_operator_lets_them_pass() {
    let upstream = Upstream::echo();
    let xml = Request::post("/", "application/xml", "<a/>");
    let strict = gateway(&upstream, "");
    strict.send(&xml).assert_problem(415);
    strict.send(&post("[]").field("content-encoding", "compress")).assert_problem(415);
    strict.send(&post("[]").field("content-encoding", "gzip")).assert_problem(400);
    strict.send(&Request::post("/", "application/problem+json; charset=utf-8", "{}")).assert_status(200);
    gateway(&upstream, "other = \"pass\"").send(&xml).assert_status(200);
}
