//! Proxies in front: whose word about clients is taken, and what upstreams and clients are told about the way.

use lockgate_tests::{Folder, Gateway, Request, Response, Upstream, eventually};

fn gateway(forwarding: &str, upstream: &Upstream) -> Folder {
    Gateway::folder().gateway_toml(&format!("[forwarding]\n{forwarding}\n")).proxy(upstream)
}

fn told(response: &Response, name: &str) -> Vec<String> {
    response.assert_status(200);
    response.echoed(name)
}

#[test]
fn the_client_is_whom_a_trusted_proxy_names() {
    let upstream = Upstream::echo();
    let gateway = gateway("trusted = ['127.0.0.0/8', '10.0.0.0/8']", &upstream).start();
    let request = Request::get("/named")
        .field("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.0.0.2")
        .field("x-forwarded-proto", "https")
        .field("x-forwarded-host", "elsewhere")
        .field("x-real-ip", "198.51.100.1")
        .field("forwarded", "for=192.0.2.1")
        .field("host", "pets.example");
    let response = gateway.send(&request);
    assert_eq!(told(&response, "x-forwarded-for"), ["203.0.113.7, 10.0.0.2, 127.0.0.1"]);
    assert_eq!(told(&response, "x-forwarded-proto"), ["https"]);
    assert_eq!(told(&response, "x-forwarded-host"), ["pets.example"], "routing stays by Host, and so does this");
    for name in ["forwarded", "x-real-ip", "via"] {
        assert!(told(&response, name).is_empty(), "{name}: {response:?}");
    }
    assert_eq!(gateway.access_log("/named")["client"], "203.0.113.0/24");
}

#[test]
fn nobody_else_is_believed() {
    let upstream = Upstream::echo();
    let gateway = gateway("trusted = ['10.0.0.0/8', 'unix']", &upstream).start();
    let request = Request::get("/forged").field("x-forwarded-for", "10.0.0.1").field("x-forwarded-proto", "https");
    let response = gateway.send(&request);
    assert_eq!(told(&response, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(told(&response, "x-forwarded-proto"), ["http"]);
    assert_eq!(gateway.access_log("/forged")["client"], "127.0.0.0/24");
}

#[test]
fn forwarded_is_continued_where_it_is_what_proxies_send() {
    let upstream = Upstream::echo();
    let gateway = gateway(
        "trusted = ['127.0.0.1']\nread = 'forwarded'\nsend = ['forwarded', 'x-forwarded']\nby = '_edge'",
        &upstream,
    )
    .start();
    let request = Request::get("/")
        .field("forwarded", "for=192.0.2.1, for=\"[2001:db8::1]:4711\";proto=https;host=a")
        .field("x-forwarded-for", "198.51.100.1")
        .field("host", "pets.example:8080");
    let response = gateway.send(&request);
    let element = "by=_edge;for=127.0.0.1;host=\"pets.example:8080\";proto=http";
    let way = format!("for=\"[2001:db8::1]:4711\";proto=https;host=a, {element}");
    assert_eq!(told(&response, "forwarded"), [way]);
    assert_eq!(told(&response, "x-forwarded-for"), ["2001:db8::1, 127.0.0.1"]);
    assert_eq!(told(&response, "x-forwarded-proto"), ["https"]);
    let hidden = Request::get("/hidden").field("forwarded", "for=203.0.113.7, for=unknown").field("host", "a");
    let response = gateway.send(&hidden);
    assert_eq!(told(&response, "forwarded"), ["for=unknown, by=_edge;for=127.0.0.1;host=a;proto=http"]);
    assert_eq!(gateway.access_log("/hidden")["client"], "127.0.0.0/24");
}

#[test]
fn policies_see_the_client_and_its_scheme() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .gateway_toml(
            r#"
            chain = [{ policy = "rewrite", config = { target = "/", status = 200 } }, "certificate"]
            [forwarding]
            trusted = ["127.0.0.1"]
            [policy.rewrite]
            source = "file:components/rewrite.wasm"
            grant = [
                "read::path", "read::param.*", "read::client", "read::status", "write:x-test-*", "target", "status",
                "attribute-read:seen.path", "attribute-write:seen.*",
            ]
            [policy.certificate]
            source = "file:components/certificate.wasm"
            grant = [
                "read::scheme", "read::client-certificate", "read::client-certificate-subject",
                "read::client-certificate-name", "write:x-test-certificate",
            ]
            "#,
        )
        .guest("rewrite")
        .guest("certificate")
        .proxy(&upstream)
        .start();
    let request = Request::get("/a").field("x-forwarded-for", "203.0.113.7").field("x-forwarded-proto", "https");
    let response = gateway.send(&request);
    assert_eq!(told(&response, "x-test-facts"), ["/a  203.0.113.7"]);
    assert_eq!(told(&response, "x-test-certificate"), ["https none  0"]);
}

#[test]
fn the_way_is_signed_in_both_directions_where_the_operator_wants_that() {
    let upstream = Upstream::with(|exchange| {
        let via = exchange.field("via").unwrap_or_default().to_owned();
        let forwarded_for = exchange.field("x-forwarded-for").is_some();
        exchange.reply(200, &[("via", "1.0 inner"), ("x-test-told", &forwarded_for.to_string())], via.as_bytes())
    });
    let gateway = gateway("send = ['via']\nname = 'edge'", &upstream).start();
    let response = gateway.send(&Request::get("/").field("via", "1.1 outer"));
    assert_eq!(response.field("x-test-told"), Some("false"));
    assert_eq!(response.values("via"), ["1.0 inner", "1.1 edge"]);
    assert_eq!(response.text(), "1.1 outer", "the first line is the outer proxy's");
    let gone = gateway.send(&Request::new("PATCH", "http://[/"));
    assert_eq!(gone.field("via"), None, "what the gateway says itself came no way");
}

#[test]
fn whose_word_is_taken_can_change_while_the_gateway_runs() {
    let upstream = Upstream::echo();
    let gateway = gateway("", &upstream).start();
    let request = Request::get("/").field("x-forwarded-for", "203.0.113.7");
    let mut client = gateway.connect();
    assert_eq!(told(&client.send(&request), "x-forwarded-for"), ["127.0.0.1"]);
    gateway.write("gateway.toml", "[forwarding]\ntrusted = ['127.0.0.1']\n[listen.public]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n");
    // The connection stays; what is said on it is heard anew.
    eventually("the peer to be trusted", || {
        (told(&client.send(&request), "x-forwarded-for") == ["203.0.113.7, 127.0.0.1"]).then_some(())
    });
}
