//! Rewriting: what upstreams are asked for in place of what clients ask for.

use std::io::Write;

use http::Method;
use lockgate_tests::http2::{Http2Client, Http2Upstream};
use lockgate_tests::{Gateway, Request, Upstream, read_head};

const API: &str = "name = \"shop\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n";

fn route(name: &str, path: &str, rewrite: &str) -> String {
    format!("[[route]]\nname = \"{name}\"\nmatch.path = \"{path}\"\nupstream = \"main\"\nrewrite = {{ {rewrite} }}\n")
}

#[test]
fn an_upstream_is_asked_for_what_the_template_says() {
    let upstream = Upstream::echo();
    let routes = [
        route("pet", "/pets/{id}", "path = \"/v2/{id}\""),
        route("old", "/old/{*rest}", "path = \"/new/{*rest}\""),
        route("strip", "/strip/{*rest}", "path = \"/{*rest}\""),
        route("find", "/find/{kind}", "path = \"/search?kind={kind}\", query = \"keep\""),
        route("quiet", "/quiet/{*rest}", "query = \"drop\""),
    ];
    let gateway = Gateway::folder().upstream(&upstream).api("shop", &format!("{API}{}", routes.concat())).start();
    let cases = [
        ("/pets/7", "/v2/7"),
        ("/pets/7?a=%zz&b", "/v2/7?a=%zz&b"),
        ("/pets/caf%C3%A9%20%25%3B", "/v2/caf%C3%A9%20%25%3B"),
        ("/pets/%61%2e", "/v2/a."),
        ("/old/a/b/", "/new/a/b/"),
        ("/old/", "/new/"),
        ("/old", "/new"),
        ("/old/a/../b", "/new/b"),
        ("/strip/a?b", "/a?b"),
        ("/strip//a", "/a"),
        ("/strip", "/"),
        ("/find/cats&dogs?page=2", "/search?kind=cats%26dogs&page=2"),
        ("/quiet/a?secret=1", "/quiet/a"),
    ];
    for (asked, expected) in cases {
        let response = gateway.get(asked);
        response.assert_status(200);
        assert_eq!(response.json()["target"], expected, "{asked}");
    }
    // The log tells what the client asked for.
    assert_eq!(gateway.access_log("/strip/a")["path"], "/strip/a");
    for asked in ["/strip/%2Fa", "/strip/..%2Fadmin", "/strip/../../a", "/strip/a%5Cb"] {
        let before = upstream.requests();
        gateway.get(asked).assert_problem(400);
        assert_eq!(upstream.requests(), before, "{asked}");
    }
}

#[test]
fn an_upstream_is_told_the_host_the_operator_wants() {
    let upstream = Upstream::echo();
    let routes = [
        route("keep", "/keep", "path = \"/\""),
        route("target", "/target", "host = \"target\""),
        route("named", "/named", "host = \"api.example:8443\""),
    ];
    let gateway = Gateway::folder().upstream(&upstream).api("shop", &format!("{API}{}", routes.concat())).start();
    let address = upstream.address().to_string();
    for (path, host) in [("/keep", "shop.example:81"), ("/target", &address), ("/named", "api.example:8443")] {
        let response = gateway.send(&Request::get(path).field("host", "shop.example:81"));
        assert_eq!(response.echoed("host"), [host], "{path}");
        assert_eq!(response.echoed("x-forwarded-host"), ["shop.example:81"], "{path}");
    }
}

#[test]
fn over_http2_the_host_is_the_authority() {
    let upstream = Http2Upstream::echo();
    let routes = [
        route("keep", "/keep", "path = \"/kept\""),
        route("target", "/target", "host = \"target\""),
        route("named", "/named/{*rest}", "path = \"/{*rest}\", host = \"api.example\""),
    ];
    let api = format!("{API}protocol = \"h2\"\n{}", routes.concat());
    let gateway = Gateway::folder().word("upstream", upstream.address()).api("shop", &api).start();
    let (client_host, target) = (gateway.public().to_string(), upstream.address().to_string());
    let mut client = Http2Client::connect(gateway.public());
    let cases = [
        ("/keep", format!("http://{client_host}/kept")),
        ("/target", format!("http://{target}/target")),
        ("/named/a?b", "http://api.example/a?b".to_owned()),
    ];
    for (path, uri) in cases {
        let request = client.request(Method::GET, path);
        let response = client.send(request, "", None);
        assert_eq!(response.headers["x-test-uri"], uri, "{path}");
        assert_eq!(response.headers["x-test-x-forwarded-host"], client_host, "{path}");
        assert!(!response.headers.contains_key("x-test-host"), "{path}: the authority says it");
    }
}

#[test]
fn each_target_is_told_its_own_host_when_a_request_is_sent_once_more() {
    let failing = Upstream::answering(503, &[], "");
    let good = Upstream::echo();
    let api = "name = \"shop\"\nversion = \"1\"\n[upstream.main]\n\
         targets = [{ url = \"http://$failing\", weight = 1000 }, \"http://$good\"]\nretry = { status = [503] }\n";
    let gateway = Gateway::folder()
        .word("failing", failing.address())
        .word("good", good.address())
        .api("shop", &format!("{api}{}", route("all", "/{*rest}", "host = \"target\"")))
        .start();
    let response = gateway.get("/a");
    response.assert_status(200);
    assert_eq!(failing.requests(), 1);
    assert_eq!(response.echoed("host"), [good.address().to_string()]);
}

#[test]
fn what_a_policy_set_is_rewritten_as_long_as_it_fits_the_route() {
    let policy = |target: &str| {
        format!("[[route.chain]]\npolicy = \"rewrite\"\nconfig = {{ target = \"{target}\", status = 200 }}\n")
    };
    let routes = [
        route("inside", "/inside/{name}", "path = \"/new/{name}\""),
        policy("/inside/other?by=policy"),
        route("outside", "/outside/{name}", "path = \"/new/{name}\""),
        policy("/elsewhere/x?by=policy"),
    ];
    let grants = r#"
        [policy.rewrite]
        source = "file:components/rewrite.wasm"
        grant = [
            "read::path", "read::param.*", "read::client", "read::status", "write:x-test-*", "target", "status",
            "attribute-read:seen.path", "attribute-write:seen.*",
        ]
    "#;
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("rewrite")
        .gateway_toml(grants)
        .api("shop", &format!("{API}{}", routes.concat()))
        .start();
    assert_eq!(gateway.get("/inside/a?by=client").json()["target"], "/new/other?by=policy");
    assert_eq!(gateway.get("/outside/a?by=client").json()["target"], "/elsewhere/x?by=policy");
}

#[test]
fn a_websocket_is_asked_for_by_the_rewritten_path_too() {
    let upstream = Upstream::with(|exchange| {
        let head = format!(
            "HTTP/1.1 101 -\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-test-target: {}\r\n\r\n",
            exchange.target
        );
        exchange.stream().write_all(head.as_bytes())?;
        exchange.until_closed()
    });
    let routes = route("chat", "/chat/{*rest}", "path = \"/{*rest}\"") + "upgrades = [\"websocket\"]\n";
    let gateway = Gateway::folder().upstream(&upstream).api("shop", &format!("{API}{routes}")).start();
    let request = Request::get("/chat/room?a").field("connection", "upgrade").field("upgrade", "websocket");
    let mut client = gateway.connect();
    client.send_only(&request).unwrap();
    let (start, fields) = read_head(client.reader()).unwrap();
    assert!(start.starts_with("HTTP/1.1 101"), "{start}");
    assert!(fields.iter().any(|(name, value)| name == "x-test-target" && value == "/room?a"), "{fields:?}");
}
