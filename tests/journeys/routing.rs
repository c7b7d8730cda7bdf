//! Where requests go: by host, path, method, header field and query, and what is answered when they go nowhere.

use lockgate_tests::{Gateway, Request, Upstream};

/// Two routes for each way to match, told apart by the target the upstream sees or by the chain they pass.
const ROUTES: &str = r#"
name = "shop"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "list"
match = { path = "/items", methods = ["GET"] }
upstream = "main"
[[route]]
name = "create"
match = { path = "/items", methods = ["POST"] }
upstream = "main"
[[route]]
name = "item"
match = { path = "/items/{id}", methods = ["GET", "DELETE"] }
upstream = "main"
[[route]]
name = "special"
match = { path = "/items/special", methods = ["GET"] }
upstream = "main"
[[route]]
name = "beta"
match = { path = "/items/{id}", methods = ["GET"], headers = { x-stage = "beta" } }
upstream = "main"
[[route]]
name = "second"
match = { path = "/items", methods = ["GET"], query = { "api version" = "2" } }
upstream = "main"
[[route]]
name = "explained"
match = { path = "/items", methods = ["GET"], query = { explain = true } }
upstream = "main"
[[route]]
name = "files"
match = { path = "/files/{*path}" }
upstream = "main"
[[route]]
name = "partner"
match = { path = "/items", methods = ["GET"], hosts = ["partner.example"] }
upstream = "main"
[[route]]
name = "tenant"
match = { path = "/items", methods = ["GET"], hosts = ["*.tenant.example"] }
upstream = "main"
"#;

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder().upstream(upstream).api("shop", ROUTES).start()
}

#[test]
fn the_best_match_wins() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let local = "localhost";
    let cases = [
        ("GET", "/items", local, "", "list"),
        ("POST", "/items", local, "", "create"),
        ("GET", "/items/7", local, "", "item"),
        ("DELETE", "/items/7", local, "", "item"),
        ("GET", "/items/special", local, "", "special"),
        ("GET", "/items/8", local, "beta", "beta"),
        ("GET", "/items/9", local, "gamma", "item"),
        ("GET", "/items?page=1&api+version=2", local, "", "second"),
        ("GET", "/items?%61pi%20version=%32", local, "", "second"),
        ("GET", "/items?api+version=2&api+version=3", local, "", "list"),
        ("GET", "/items?explain", local, "", "explained"),
        ("GET", "/items?explain=a&explain=b", local, "", "explained"),
        ("GET", "/items?explain=a&api+version=2", local, "", "second"),
        ("PATCH", "/files/a/b/c", local, "", "files"),
        ("GET", "/items", "partner.example", "", "partner"),
        ("GET", "/items", "PARTNER.example:80", "", "partner"),
        ("GET", "/items", "a.tenant.example", "", "tenant"),
        ("GET", "/items", "tenant.example", "", "list"),
    ];
    let count = |route: &str| {
        let labels = format!("api=\"shop\",route=\"{route}\",status_class=\"2xx\",outcome=\"ok\"");
        gateway.metric(&format!("lockgate_requests_total{{{labels}}}")).unwrap_or(0.0)
    };
    for (method, path, host, stage, route) in cases {
        let before = count(route);
        let request = Request::new(method, path).field("host", host).field("x-stage", stage);
        let response = gateway.send(&request);
        response.assert_status(200);
        assert_eq!(response.json()["target"], path);
        assert_eq!(count(route), before + 1.0, "{method} {path} at {host} did not take {route}");
    }
}

#[test]
fn what_matches_no_route_is_a_404_that_the_upstream_never_sees() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    for path in ["/", "/item", "/items/7/8", "/Items"] {
        gateway.get(path).assert_problem(404);
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn a_wrong_method_is_a_405_that_names_the_right_ones() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let response = gateway.send(&Request::new("PUT", "/items"));
    response.assert_problem(405);
    let allow = response.field("allow").expect("no Allow");
    let mut methods: Vec<_> = allow.split(',').map(str::trim).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["GET", "HEAD", "POST"]);
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn head_is_routed_as_get_and_answered_without_a_body() {
    let upstream = Upstream::answering(200, &[("x-test-kind", "page")], "a page");
    let gateway = gateway(&upstream);
    let mut client = gateway.connect();
    let response = client.send(&Request::new("HEAD", "/items"));
    response.assert_status(200);
    assert_eq!(response.field("content-length"), Some("6"));
    assert_eq!(response.field("x-test-kind"), Some("page"));
    // Were there a body, it would be taken for the head of the next response.
    client.send(&Request::get("/items")).assert_status(200);
    let missing = client.send(&Request::new("HEAD", "/nowhere"));
    missing.assert_status(404);
    client.send(&Request::get("/items")).assert_status(200);
}

#[test]
fn a_preflight_is_routed_by_the_method_it_asks_for() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let preflight = |method: &str| {
        Request::new("OPTIONS", "/items")
            .field("origin", "https://app.example")
            .field("access-control-request-method", method)
    };
    // No policy answers it here, so it arrives at the upstream of the route.
    assert_eq!(gateway.send(&preflight("POST")).json()["method"], "OPTIONS");
    gateway.send(&preflight("PUT")).assert_problem(405);
    gateway.send(&Request::new("OPTIONS", "/items")).assert_problem(405);
}

#[test]
fn routes_of_an_api_take_its_hosts() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .api(
            "a",
            r#"
            name = "a"
            version = "1"
            hosts = ["a.example"]
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "all"
            match = { path = "/x" }
            upstream = "main"
            "#,
        )
        .start();
    gateway.send(&Request::get("/x").field("host", "a.example")).assert_status(200);
    gateway.send(&Request::get("/x").field("host", "b.example")).assert_problem(404);
}
