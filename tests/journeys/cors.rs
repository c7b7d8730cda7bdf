//! The built-in policy `cors` through the gateway.

use lockgate_tests::{Gateway, Request, Upstream};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .gateway_toml(
            r#"
            [policy.cors]
            source = "builtin:cors"
            grant = [
                "read::method", "read:origin", "read:access-control-request-*", "write:access-control-*", "write:vary", "respond",
            ]
            "#,
        )
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [[chain]]
            policy = "cors"
            [chain.config]
            origins = ["https://app.example", "https://*.partner.example"]
            methods = ["GET", "DELETE"]
            headers = ["authorization"]
            expose = ["etag"]
            credentials = true
            [upstream.main]
            targets = ["http://$upstream"]
            [upstream.gone]
            targets = ["http://127.0.0.1:1"]
            [[route]]
            name = "things"
            match = { path = "/things", methods = ["GET", "DELETE"] }
            upstream = "main"
            [[route]]
            name = "gone"
            match = { path = "/gone" }
            upstream = "gone"
            "#,
        )
        .start()
}

fn preflight(origin: &str, method: &str) -> Request {
    Request::new("OPTIONS", "/things").field("origin", origin).field("access-control-request-method", method)
}

#[test]
fn a_preflight_is_answered_without_asking_the_upstream() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let request = preflight("https://app.example", "DELETE").field("access-control-request-headers", "authorization");
    let response = gateway.send(&request);
    response.assert_status(204);
    assert_eq!(response.field(ALLOW_ORIGIN), Some("https://app.example"));
    assert_eq!(response.field("access-control-allow-credentials"), Some("true"));
    assert!(response.field("access-control-allow-methods").is_some_and(|methods| methods.contains("DELETE")));
    assert!(response.field("access-control-allow-headers").is_some_and(|names| names.contains("authorization")));
    assert!(response.values("vary").join(",").to_lowercase().contains("origin"));
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn a_preflight_of_a_foreign_page_is_answered_without_permission() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let foreign = [
        "https://evil.example",
        "http://app.example",
        "https://app.example.evil.example",
        "https://partner.example",
        "null",
    ];
    for origin in foreign {
        let response = gateway.send(&preflight(origin, "GET"));
        response.assert_status(204);
        assert_eq!(response.field(ALLOW_ORIGIN), None, "{origin}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn responses_say_which_page_may_read_them() {
    let upstream = Upstream::answering(200, &[("access-control-allow-origin", "*"), ("etag", "\"1\"")], "x");
    let gateway = gateway(&upstream);
    let get = |origin: &str| gateway.send(&Request::get("/things").field("origin", origin));
    let allowed = get("https://a.partner.example");
    assert_eq!(allowed.field(ALLOW_ORIGIN), Some("https://a.partner.example"), "the upstream's own is dropped");
    assert_eq!(allowed.field("access-control-expose-headers"), Some("etag"));
    let foreign = get("https://evil.example");
    assert_eq!((foreign.status, foreign.field(ALLOW_ORIGIN)), (200, None));
    let none = gateway.get("/things");
    assert_eq!((none.status, none.field(ALLOW_ORIGIN)), (200, None));
    assert!(none.values("vary").join(",").to_lowercase().contains("origin"), "a cache would mix them up");
}

#[test]
fn pages_can_read_the_gateways_own_errors() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let response = gateway.send(&Request::get("/gone").field("origin", "https://app.example"));
    response.assert_problem(502);
    assert_eq!(response.field(ALLOW_ORIGIN), Some("https://app.example"));
}
