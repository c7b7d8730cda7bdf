//! The PROXY protocol: clients are who the proxy in front says.

use lockgate_tests::{Authority, Client, Gateway, Handshake, Request, Upstream, eventually};

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder().listener("proxy_protocol = true").proxy(upstream).start()
}

/// A connection that a proxy has announced.
fn announced(gateway: &Gateway, header: &[u8]) -> Client {
    let mut client = gateway.connect();
    client.write(header);
    client
}

#[test]
fn a_client_is_who_the_proxy_in_front_says() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    v2.extend([198, 51, 100, 7, 192, 0, 2, 2, 1, 2, 1, 187]);
    for (header, client) in [
        (&b"PROXY TCP4 192.0.2.77 192.0.2.2 56324 443\r\n"[..], "192.0.2.77"),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (&v2, "198.51.100.7"),
    ] {
        let mut connection = announced(&gateway, header);
        for _ in 0..2 {
            let response = connection.send(&Request::get("/"));
            assert_eq!(response.echoed("x-forwarded-for"), [client]);
        }
    }
}

#[test]
fn a_connection_that_nobody_announced_is_closed() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    for header in ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "PROXY TCP4 a b c d\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        assert_eq!(announced(&gateway, header.as_bytes()).until_closed(), b"", "{header}");
    }
    assert_eq!(upstream.requests(), 0);
    let failed = || gateway.metric("lockgate_refused_total{listener=\"public\",reason=\"proxy_header\"}");
    eventually("both to be counted", || (failed() == Some(2.0)).then_some(()));
}

#[test]
fn only_proxies_that_are_trusted_may_announce_clients_where_any_are_named() {
    let upstream = Upstream::echo();
    let listening = |trusted: &str| {
        let folder = Gateway::folder().listener("proxy_protocol = true");
        folder.gateway_toml(&format!("[forwarding]\ntrusted = ['{trusted}']\n")).proxy(&upstream).start()
    };
    let header = b"PROXY TCP4 192.0.2.77 192.0.2.2 56324 443\r\n";
    let gateway = listening("127.0.0.1");
    let request = Request::get("/").field("x-forwarded-for", "203.0.113.7");
    let response = announced(&gateway, header).send(&request);
    assert_eq!(
        response.echoed("x-forwarded-for"),
        ["192.0.2.77"],
        "the client that was announced is not trusted itself"
    );
    let gateway = listening("192.0.2.0/24");
    assert_eq!(announced(&gateway, header).until_closed(), b"");
    let refused = || gateway.metric("lockgate_refused_total{listener=\"public\",reason=\"proxy_header\"}");
    eventually("it to be counted", || (refused() == Some(1.0)).then_some(()));
}

#[test]
fn the_header_comes_before_the_handshake() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let site = authority.issue(&["site.example"]);
    let folder =
        Gateway::folder().listener("proxy_protocol = true\ntls = [{ certificate = 'site.pem', key = 'secret:site' }]");
    std::fs::write(folder.root().join("site.key"), &site.key).unwrap();
    let folder = folder.gateway_toml("[secret.site]\nfile = 'site.key'\n").proxy(&upstream);
    folder.write("site.pem", &site.certificate);
    let gateway = folder.start();
    let stream = std::net::TcpStream::connect(gateway.public()).unwrap();
    std::io::Write::write_all(&mut &stream, b"PROXY TCP4 192.0.2.77 192.0.2.2 56324 443\r\n").unwrap();
    let mut client = authority.over(stream, "site.example", &Handshake::new()).unwrap();
    let response = client.send(&Request::get("/"));
    assert_eq!(response.echoed("x-forwarded-for"), ["192.0.2.77"]);
    assert!(authority.connect(gateway.public(), "site.example", &Handshake::new()).is_err());
}
