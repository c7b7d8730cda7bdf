//! What is settled before anything else looks at a request: one form of path, one host, no fields that are not the client's to send.

use lockgate_tests::{Gateway, Request, Upstream};

#[test]
fn the_upstream_sees_the_path_that_was_routed() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let cases = [
        ("/a/b", "/a/b"),
        ("/a//b", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2e/b", "/b"),
        ("/%61%2D%7e", "/a-~"),
        ("/a%20b%c3%a4", "/a%20b%C3%A4"),
        ("/a?x=%2F..%2f;y", "/a?x=%2F..%2f;y"),
        ("/a?", "/a?"),
    ];
    for (sent, seen) in cases {
        let response = gateway.get(sent);
        response.assert_status(200);
        assert_eq!(response.json()["target"], seen, "{sent}");
    }
}

#[test]
fn paths_that_servers_understand_differently_are_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let paths = ["/a%2Fb", "/a%5cb", "/a;b", "/a%00", "/a%zz", "/..", "/a/../../b", "/%ff", "/a\\b", "/\u{e4}"];
    for path in paths {
        let response = gateway.get(path);
        assert_eq!(response.status, 400, "{path}: {response:?}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn hop_by_hop_fields_end_at_the_gateway_in_both_directions() {
    let upstream = Upstream::with(|exchange| {
        let seen: Vec<_> = exchange.fields.iter().map(|(name, _)| name.clone()).collect();
        let fields = [
            ("connection", "keep-alive, x-internal"),
            ("x-internal", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("x-test-end-to-end", "1"),
        ];
        exchange.reply(200, &fields, seen.join(" ").as_bytes())
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let request = Request::get("/")
        .field("connection", "x-private, keep-alive")
        .field("x-private", "1")
        .field("keep-alive", "timeout=5")
        .field("proxy-authorization", "Basic eA==")
        .field("te", "gzip")
        .field("upgrade", "websocket")
        .field("x-end-to-end", "1");
    // The list of fields a response may have would notice `x-internal` and the others.
    let response = gateway.send(&request);
    response.assert_status(200);
    assert_eq!(response.field("x-test-end-to-end"), Some("1"));
    let seen = response.text();
    let seen: Vec<_> = seen.split(' ').collect();
    assert!(seen.contains(&"x-end-to-end"), "{seen:?}");
    for name in ["connection", "x-private", "keep-alive", "proxy-authorization", "te", "upgrade"] {
        assert!(!seen.contains(&name), "{name} came through: {seen:?}");
    }
}

#[test]
fn a_connection_field_cannot_remove_what_is_not_of_the_connection() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let request = Request::get("/").field("connection", "authorization").bearer("t");
    gateway.send(&request).assert_problem(400);
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn identity_comes_from_the_gateway_alone() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .gateway_toml(
            "[request]\nidentity_headers = [\"x-consumer-*\", \"x-user\"]\nunderscored_headers = [\"x_user\"]",
        )
        .proxy(&upstream)
        .start();
    let forged = [
        "x-consumer-id",
        "X-Consumer_Id",
        "x-user",
        "x_user",
        "forwarded",
        "x-real-ip",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded-proto",
        "x-forwarded-host",
    ];
    let request = forged.iter().fold(Request::get("/"), |request, name| request.field(name, "forged"));
    let response = gateway.send(&request.field("x-users", "kept"));
    response.assert_status(200);
    assert!(!response.text().contains("forged"), "{}", response.text());
    assert_eq!(response.echoed("x-users"), ["kept"]);
    assert_eq!(response.echoed("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(response.echoed("x-forwarded-proto"), ["http"]);
}

#[test]
fn a_request_whose_host_cannot_be_told_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let cases = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nhost: b@c\r\n\r\n",
    ];
    for request in cases {
        let mut client = gateway.connect();
        client.write(request.as_bytes());
        let response = client.receive("GET").expect(request);
        assert_eq!(response.status, 400, "{request:?}: {response:?}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn connect_is_not_for_a_gateway() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.send(&Request::new("CONNECT", "example.com:443")).assert_problem(501);
}
