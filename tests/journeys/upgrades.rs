//! Upgrades to other protocols: WebSocket and whatever a route allows.

use std::io::{Read, Write};

use lockgate_tests::{Client, Folder, Gateway, Request, Upstream, eventually};

/// A route whose clients may upgrade.
const API: &str = r#"
    name = "sockets"
    version = "1"
    [upstream.main]
    targets = ["http://$upstream"]
    timeouts = { idle = "$idle" }
    [[route]]
    name = "all"
    match = { path = "/{*rest}" }
    upstream = "main"
    upgrades = ["websocket", "chat"]
"#;

/// What the upstream says first: a frame of WebSocket, for those who read it so.
const GREETING: &[u8; 5] = b"\x81\x03abc";

/// Agrees to every upgrade, greets at once, and then sends back what it gets.
fn agreeing() -> Upstream {
    Upstream::with(|exchange| {
        let protocol = exchange.field("upgrade").unwrap_or_default().to_owned();
        let head = format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n\r\n");
        exchange.stream().write_all(&[head.as_bytes(), GREETING].concat())?;
        let mut buffer = [0; 4096];
        loop {
            let read = exchange.reader().read(&mut buffer)?;
            if read == 0 {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            exchange.stream().write_all(&buffer[..read])?;
        }
    })
}

fn gateway(upstream: &Upstream, idle: &str) -> Gateway {
    folder(upstream, idle).start()
}

fn folder(upstream: &Upstream, idle: &str) -> Folder {
    Gateway::folder().upstream(upstream).word("idle", idle).api("sockets", API)
}

fn asking_for(protocol: &str) -> Request {
    Request::get("/chat").field("connection", "keep-alive, Upgrade").field("upgrade", protocol)
}

/// A connection that has been upgraded, after what the upstream says first.
fn upgraded(gateway: &Gateway, protocol: &str) -> Client {
    let mut client = gateway.connect();
    client.send_only(&asking_for(protocol)).unwrap();
    let (start, fields) = lockgate_tests::read_head(client.reader()).unwrap();
    assert!(start.starts_with("HTTP/1.1 101 "), "{start}");
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.to_lowercase());
    assert_eq!(field("connection").as_deref(), Some("upgrade"));
    assert_eq!(field("upgrade"), Some(protocol.to_lowercase()));
    assert_eq!(heard(&mut client, 5), GREETING);
    client
}

fn heard(client: &mut Client, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    client.reader().read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_upgraded_connection_carries_bytes_both_ways_until_one_side_ends_it() {
    let upstream = agreeing();
    let gateway = gateway(&upstream, "60s");
    for protocol in ["WebSocket", "chat"] {
        let mut client = upgraded(&gateway, protocol);
        for length in [1, 100, 100_000] {
            let said: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let mut writing = client.stream().try_clone().unwrap();
            let copy = said.clone();
            let writer = std::thread::spawn(move || writing.write_all(&copy).unwrap());
            assert!(heard(&mut client, length) == said);
            writer.join().unwrap();
        }
    }
    let line = gateway.access_log("/chat");
    assert_eq!((line["status"].as_u64(), line["class"].as_str()), (Some(101), Some("ok")));
    assert_eq!((line["bytes_in"].as_u64(), line["bytes_out"].as_u64()), (Some(100_101), Some(100_106)));
}

#[test]
fn what_a_client_sends_along_with_its_wish_is_not_lost() {
    let upstream = agreeing();
    let gateway = gateway(&upstream, "60s");
    let mut client = gateway.connect();
    client.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\nearly");
    lockgate_tests::read_head(client.reader()).unwrap();
    assert_eq!(heard(&mut client, 10), [&GREETING[..], b"early"].concat());
}

#[test]
fn a_protocol_the_route_does_not_allow_is_not_asked_for() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "60s");
    for request in [asking_for("h2c"), asking_for("websocket, chat"), asking_for("other")] {
        let response = gateway.send(&request);
        response.assert_status(200);
        assert_eq!(response.echoed("upgrade"), [""; 0]);
        assert_eq!(response.echoed("connection"), [""; 0]);
    }
    // Only a connection's own option makes it a wish.
    let response = gateway.send(&Request::get("/").field("upgrade", "websocket"));
    assert_eq!(response.echoed("upgrade"), [""; 0]);
}

#[test]
fn an_upstream_that_declines_answers_as_to_any_request() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "60s");
    let mut client = gateway.connect();
    for _ in 0..3 {
        let response = client.send(&asking_for("websocket"));
        response.assert_status(200);
        assert_eq!(response.echoed("upgrade"), ["websocket"]);
    }
    client.send(&Request::get("/after")).assert_status(200);
}

#[test]
fn an_upgrade_nobody_asked_for_is_a_502() {
    let upstream = agreeing();
    let gateway = gateway(&upstream, "60s");
    gateway.get("/").assert_problem(502);
}

#[test]
fn a_tunnel_in_which_nothing_moves_is_closed_after_the_idle_time() {
    let upstream = agreeing();
    let gateway = gateway(&upstream, "200ms");
    let mut client = upgraded(&gateway, "chat");
    assert_eq!(client.until_closed(), b"");
    assert_eq!(gateway.access_log("/chat")["class"], "upstream_timeout_idle");
}

#[test]
fn a_drain_ends_a_websocket_with_a_close_frame_between_two_others() {
    let upstream = agreeing();
    let mut gateway = gateway(&upstream, "60s");
    let mut client = upgraded(&gateway, "websocket");
    client.write(&[0x81, 2]);
    assert_eq!(heard(&mut client, 2), [0x81, 2]);
    gateway.terminate();
    gateway.wait_for_log("the drain", |line| line["message"].as_str()?.starts_with("ending").then_some(()));
    client.write(b"hi");
    assert_eq!(client.until_closed(), [&b"hi"[..], &[0x88, 2, 3, 0xe9]].concat());
    assert!(gateway.wait_for_end().success());
}

#[test]
fn upgrades_to_http_itself_are_a_fault() {
    for name in ["h2c", "HTTP/2.0", "WebSocket", "tls/1.2"] {
        let upstream = Upstream::echo();
        let folder = folder(&upstream, "60s").api("sockets", &API.replace("\"chat\"", &format!("{name:?}")));
        let checked = folder.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{name}");
        assert!(checked.stderr.contains("upgrades"), "{}", checked.stderr);
    }
}

#[test]
fn a_connection_that_was_upgraded_is_under_way_until_it_closes() {
    let upstream = agreeing();
    let policy = "[policy.rate-limit]\nsource = \"builtin:rate-limit\"\n\
                  grant = [\"limiter:calls\", \"respond\", \"write:ratelimit\", \"write:ratelimit-policy\"]\n";
    let chain =
        "chain = [{ policy = \"rate-limit\", config = { limits = [{ amount = 1, algorithm = \"concurrent\" }] } }]\n";
    let gateway = folder(&upstream, "1m").gateway_toml(policy).api("sockets", &format!("{API}{chain}")).start();
    let first = upgraded(&gateway, "websocket");
    for _ in 0..3 {
        gateway.send(&asking_for("websocket")).assert_status(429);
    }
    drop(first);
    eventually("its place to be free", || {
        let mut next = gateway.connect();
        next.send_only(&asking_for("websocket")).unwrap();
        let (start, _) = lockgate_tests::read_head(next.reader()).unwrap();
        start.starts_with("HTTP/1.1 101 ").then_some(())
    });
}
