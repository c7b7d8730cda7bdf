//! Redirects: where clients are sent, and that nobody but the operator says to which host.

use http::{HeaderValue, Method};
use lockgate_tests::http2::Http2Client;
use lockgate_tests::{Authority, Client, Gateway, Handshake, Request, Upstream};

const ROUTES: &str = r#"
name = "old"
version = "1"
[[route]]
name = "moved"
match.path = "/old/{*rest}"
redirect = { to = "/new/{*rest}" }
[[route]]
name = "pet"
match.path = "/pets/{id}"
redirect = { to = "https://pets.example:8443/v2/{id}?from=old#top", status = 302 }
[[route]]
name = "search"
match.path = "/search/{words}"
redirect = { to = "/find?q={words}", status = 303, query = "drop" }
[[route]]
name = "bare"
match.path = "/bare/{*rest}"
redirect = { to = "/{*rest}", status = 308 }
[[route]]
name = "twice"
match.path = "/twice/{*rest}"
redirect = { to = "/{*rest}/{*rest}", status = 301 }
"#;

#[test]
fn a_client_is_sent_where_the_template_says() {
    let gateway = Gateway::folder().api("old", ROUTES).start();
    // All on one connection: an answer that leaves a body unread must not end up in the next.
    let mut client = gateway.connect();
    let cases = [
        ("GET", "/old/a/b?x=1&y=%zz", 307, "/new/a/b?x=1&y=%zz"),
        ("GET", "/old/", 307, "/new/"),
        ("GET", "/old", 307, "/new"),
        ("POST", "/old/caf%c3%a9%20x/%3B", 307, "/new/caf%C3%A9%20x/%3B"),
        ("HEAD", "/pets/7", 302, "https://pets.example:8443/v2/7?from=old#top"),
        ("GET", "/pets/a@b:c?x", 302, "https://pets.example:8443/v2/a@b:c?from=old&x#top"),
        ("GET", "/search/a+b&c=d?lang=de", 303, "/find?q=a%2Bb%26c%3Dd"),
        ("DELETE", "/twice/a", 301, "/a/a"),
    ];
    for (method, target, status, location) in cases {
        let response = client.send(&Request::new(method, target));
        response.assert_status(status);
        assert_eq!(response.field("location"), Some(location), "{method} {target}");
        assert!(response.body.is_empty() && response.field("transfer-encoding").is_none(), "{method} {target}");
    }
}

#[test]
fn nothing_a_client_asks_for_leads_to_another_host() {
    let gateway = Gateway::folder().api("old", ROUTES).start();
    let cases = [
        ("/bare//evil.example/x", Some("/evil.example/x")),
        ("/bare/.//evil.example", Some("/evil.example")),
        ("/bare/a/..//evil.example", Some("/evil.example")),
        ("/bare//", Some("/")),
        ("/bare", Some("/")),
        ("/bare/@evil.example", Some("/@evil.example")),
        ("/bare/https://evil.example", Some("/https:/evil.example")),
        ("/bare/?//evil.example", Some("/?//evil.example")),
        ("/bare/%2F%2Fevil.example", None),
        ("/bare/%2f/evil.example", None),
        ("/bare/\\evil.example", None),
        ("/bare/%5Cevil.example", None),
        ("/bare/a%0d%0aset-cookie:a=b", None),
        ("/bare/%00", None),
    ];
    for (target, location) in cases {
        let response = gateway.get(target);
        assert_eq!(response.field("location"), location, "{target}");
        match location {
            Some(_) => response.assert_status(308),
            None => response.assert_problem(400),
        }
    }
}

const ENCRYPTED: &str = r#"
name = "shop"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "all"
match.path = "/{*rest}"
upstream = "main"
[[route]]
name = "encrypt"
match = { path = "/{*rest}", scheme = "http" }
redirect = { to = "https://shop.example/{*rest}" }
"#;

#[test]
fn clients_without_tls_are_sent_to_where_it_is_spoken() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let site = authority.issue(&["shop.example"]);
    let folder = Gateway::folder()
        .word("listen", "tls = [{ certificate = \"site.pem\", key = \"secret:site\" }]")
        .gateway_toml("[listen.bare]\naddress = \"127.0.0.1:0\"\n[secret.site]\nfile = \"site.key\"\n")
        .upstream(&upstream)
        .file("site.pem", &site.certificate)
        .api("shop", ENCRYPTED);
    std::fs::write(folder.root().join("site.key"), &site.key).unwrap();
    let gateway = folder.start();
    let greeting = gateway.greeting();
    let bare = greeting.lines().find_map(|line| line.trim().strip_prefix("bare")?.trim().strip_prefix("http://"));
    let response = Client::connect(bare.unwrap().parse().unwrap()).send(&Request::get("/a/b?c=d"));
    response.assert_status(307);
    assert_eq!(response.field("location"), Some("https://shop.example/a/b?c=d"));
    let mut client = authority.connect(gateway.public(), "shop.example", &Handshake::new()).unwrap();
    let response = client.send(&Request::get("/a/b?c=d").field("host", "shop.example"));
    response.assert_status(200);
    assert_eq!(response.json()["target"], "/a/b?c=d");
    gateway.run(&["routes", "policies"]).assert(0, &["/{*rest} [http:]"]);
    let schemes =
        gateway.status()["routes"].as_array().unwrap().iter().map(|route| route["scheme"].clone()).collect::<Vec<_>>();
    assert_eq!(schemes, ["http".into(), serde_json::Value::Null]);
}

#[test]
fn a_proxy_whose_word_is_taken_says_whether_its_client_speaks_tls() {
    let upstream = Upstream::echo();
    let start = |trusted: &str| {
        let folder = Gateway::folder().upstream(&upstream).gateway_toml(trusted);
        folder.api("shop", ENCRYPTED).start()
    };
    let status =
        |gateway: &Gateway, scheme: &str| gateway.send(&Request::get("/a").field("x-forwarded-proto", scheme)).status;
    let trusting = start("[forwarding]\ntrusted = [\"127.0.0.1\"]\n");
    assert_eq!((status(&trusting, "https"), status(&trusting, "http")), (200, 307));
    assert_eq!(status(&start(""), "https"), 307, "anybody can say so");
}

#[test]
fn what_grows_too_long_is_a_414() {
    let gateway = Gateway::folder().api("old", ROUTES).start();
    gateway.get(&format!("/twice/{}", "a".repeat(8_000))).assert_status(301);
    gateway.get(&format!("/twice/{}", "a".repeat(9_000))).assert_problem(414);
}

#[test]
fn the_hooks_of_the_chain_see_a_redirect_like_every_answer() {
    let chain = "chain = [{ policy = \"trail\", config = { name = \"g\" } }]\n[policy.trail]\n\
         source = \"file:components/trail.wasm\"\ngrant = [\"write:x-test-trail\"]\n";
    let gateway = Gateway::folder().guest("trail").gateway_toml(chain).api("old", ROUTES).start();
    let response = gateway.get("/old/a");
    response.assert_status(307);
    // The response hook writes what the request hook handed it.
    assert_eq!(response.field("x-test-trail"), Some("g"));
    let line = gateway.access_log("/old/a");
    assert_eq!((&line["class"], &line["status"], &line["route"]), (&"ok".into(), &307.into(), &"moved".into()));
    assert!(line["upstream_us"].is_null(), "{line}");
}

#[test]
fn a_redirect_is_the_same_over_http2() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().api("old", ROUTES).proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let request = client.request(Method::POST, "/old/a?b");
    let response = client.send(request, "a body nobody reads", None);
    assert_eq!(response.status, 307);
    assert_eq!(response.headers["location"], HeaderValue::from_static("/new/a?b"));
    assert!(response.body.is_empty());
    assert_eq!(client.get("/new/a?b").status, 200);
}
