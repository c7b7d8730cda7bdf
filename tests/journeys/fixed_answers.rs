//! Answers that are always the same: from the configuration, as text or as a file of the API's folder.

use http::Method;
use lockgate_tests::http2::Http2Client;
use lockgate_tests::{Gateway, Request};

const ROUTES: &str = r#"
name = "site"
version = "1"
[[route]]
name = "closed"
match.path = "/closed"
respond = { status = 503, headers = { retry-after = "120", link = ["</a>", "</b>"] }, body = "Back soon.\n" }
[[route]]
name = "page"
match.path = "/page"
respond = { file = "pages/page.html", content_type = "text/html; charset=utf-8" }
[[route]]
name = "nothing"
match.path = "/nothing"
respond = { status = 204 }
[[route]]
name = "empty"
match.path = "/empty"
respond = {}
"#;

#[test]
fn an_answer_is_given_as_it_is_configured() {
    let gateway = Gateway::folder().file("site/pages/page.html", "<p>hello").api("site", ROUTES).start();
    let mut client = gateway.connect();
    let closed = client.send(&Request::post("/closed", "text/plain", "nobody reads this"));
    closed.assert_status(503);
    assert_eq!(closed.text(), "Back soon.\n");
    assert_eq!(closed.field("retry-after"), Some("120"));
    assert_eq!(closed.values("link"), ["</a>", "</b>"]);
    assert_eq!(closed.field("content-type"), Some("text/plain; charset=utf-8"));
    let page = client.send(&Request::get("/page"));
    page.assert_status(200);
    assert_eq!((page.text().as_str(), page.field("content-type")), ("<p>hello", Some("text/html; charset=utf-8")));
    let nothing = client.send(&Request::get("/nothing"));
    nothing.assert_status(204);
    assert_eq!((nothing.field("content-length"), nothing.field("content-type")), (None, None));
    let empty = client.send(&Request::get("/empty"));
    empty.assert_status(200);
    assert_eq!((empty.field("content-length"), empty.field("content-type")), (Some("0"), None));
}

#[test]
fn head_is_told_the_length_and_gets_no_body() {
    let gateway = Gateway::folder().file("site/pages/page.html", "<p>hello").api("site", ROUTES).start();
    let mut client = gateway.connect();
    let mut http2 = Http2Client::connect(gateway.public());
    for (path, length) in [("/page", "8"), ("/closed", "11"), ("/page", "8")] {
        // Were there a body, it would be taken for the head of the next response.
        let response = client.send(&Request::new("HEAD", path));
        assert_eq!(response.field("content-length"), Some(length), "{path}");
        let request = http2.request(Method::HEAD, path);
        let response = http2.send(request, "", None);
        assert_eq!(response.headers["content-length"], length, "{path} over HTTP/2");
        assert!(response.body.is_empty(), "{path} over HTTP/2");
    }
    client.send(&Request::get("/page")).assert_status(200);
    // The gateway's own problems are answers to HEAD too.
    let request = http2.request(Method::HEAD, "/nowhere");
    let missing = http2.send(request, "", None);
    assert_eq!((missing.status.as_u16(), missing.body.len()), (404, 0));
    assert_ne!(missing.headers["content-length"], "0");
}

#[test]
fn a_changed_file_is_a_new_answer() {
    let gateway = Gateway::folder().file("site/pages/page.html", "one").api("site", ROUTES).start();
    assert_eq!(gateway.get("/page").text(), "one");
    gateway.replace("site/pages/page.html", b"another");
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get("/page").text(), "another");
    gateway.remove("site/pages/page.html");
    let refused = gateway.wait_for_refusal();
    assert_eq!(refused["faults"][0]["key"], "route[1].respond.file", "{refused}");
    assert_eq!(gateway.get("/page").text(), "another", "the last good one keeps serving");
}

#[test]
fn the_hooks_of_the_chain_see_a_fixed_answer_like_every_other() {
    let chain = "chain = [{ policy = \"trail\", config = { name = \"g\" } }]\n[policy.trail]\n\
         source = \"file:components/trail.wasm\"\ngrant = [\"write:x-test-trail\"]\n";
    let gateway = Gateway::folder()
        .guest("trail")
        .gateway_toml(chain)
        .file("site/pages/page.html", "p")
        .api("site", ROUTES)
        .start();
    let response = gateway.get("/closed");
    response.assert_status(503);
    assert_eq!(response.field("x-test-trail"), Some("g"));
    assert_eq!(gateway.access_log("/closed")["class"], "ok", "it is what the operator wanted");
}
