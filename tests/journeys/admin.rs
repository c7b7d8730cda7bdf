//! The admin listener: who may ask, and what it tells.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use lockgate_tests::{Client, Gateway, Request, Upstream, eventually};

#[test]
fn health_is_open_and_the_rest_needs_the_token() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().proxy(&upstream).start();
    for path in ["/healthz", "/readyz"] {
        gateway.admin(&Request::get(path)).assert_status(200);
    }
    let token = gateway.admin_token();
    for path in ["/metrics", "/status"] {
        let refused = gateway.admin(&Request::get(path));
        refused.assert_status(401);
        assert!(refused.field("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
        for wrong in ["", "x", &token[1..], &format!("{token}0")] {
            gateway.admin(&Request::get(path).bearer(wrong)).assert_status(401);
        }
        gateway.admin(&Request::get(path).bearer(&token)).assert_status(200);
    }
    assert!(!gateway.all_written().contains(&token), "the token is in the log");
}

#[test]
fn the_token_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    assert!(gateway.admin_token().len() >= 32);
    for (name, mode) in [("admin-token", 0o600), ("", 0o700)] {
        let about = std::fs::metadata(gateway.state(name)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn pages_of_other_origins_and_rebound_names_are_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let token = gateway.admin_token();
    for path in ["/healthz", "/status"] {
        let ask = || Request::get(path).bearer(&token);
        gateway.admin(&ask().field("host", "localhost")).assert_status(200);
        gateway.admin(&ask().field("host", "rebound.example")).assert_status(403);
        gateway.admin(&ask().field("host", "127.0.0.1.rebound.example:8081")).assert_status(403);
        gateway.admin(&ask().field("origin", "https://evil.example")).assert_status(403);
        gateway.admin(&ask().field("origin", "null")).assert_status(403);
    }
}

#[test]
fn there_is_nothing_to_change_and_nothing_else_to_see() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.ask("/admin-token").assert_status(404);
    gateway.ask("/status/../admin-token").assert_status(404);
    let posted = gateway.admin(&Request::new("POST", "/status").bearer(&gateway.admin_token()));
    posted.assert_status(405);
}

#[test]
fn the_status_tells_what_serves() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("trail")
        .gateway_toml(
            r#"
            chain = [{ policy = "trail", config = { name = "g" }, on_error = "skip" }]
            [policy.trail]
            source = "file:components/trail.wasm"
            grant = ["write:x-test-*"]
            "#,
        )
        .proxy(&upstream)
        .start();
    let status = gateway.status();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["generation"], 1);
    assert!(status["refused"].is_null());
    assert!(status["since"].as_u64() > Some(1_700_000_000));
    let route = &status["routes"][0];
    assert_eq!((&route["api"], &route["route"]), (&"proxy".into(), &"all".into()));
    assert_eq!((&route["path"], &route["version"]), (&"/{*rest}".into(), &"1".into()));
    assert_eq!(route["to"], "proxy/main");
    let chain = route["chain"][0].as_str().unwrap();
    assert!(chain.contains("trail") && chain.contains("skip"), "a policy that may be skipped is not marked: {chain}");
    let policy = &status["policies"][0];
    assert_eq!(policy["policy"], "trail");
    assert_eq!(policy["hooks"], serde_json::json!(["request", "response"]));
    assert!(policy["digest"].as_str().is_some_and(|digest| digest.len() >= 16));
}

#[test]
fn the_public_listener_knows_nothing_of_admin() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().upstream(&upstream).api(
        "a",
        "name = \"a\"\nversion = \"1\"\n[upstream.u]\ntargets = [\"http://$upstream\"]\n[[route]]\nname = \"r\"\nmatch = { path = \"/r\" }\nupstream = \"u\"\n",
    );
    let gateway = gateway.start();
    for path in ["/healthz", "/readyz", "/metrics", "/status"] {
        gateway.get(path).assert_problem(404);
    }
}

#[test]
fn who_opens_many_connections_leaves_room_for_clients_and_is_turned_away() {
    use std::io::Read;
    use std::net::TcpStream;
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let open = || TcpStream::connect(gateway.admin_address()).unwrap();
    let kept: Vec<_> = (0..64).map(|_| open()).collect();
    // Whether it is closed or reset is a matter of who is faster.
    let mut one_more = open();
    one_more.set_read_timeout(Some(lockgate_tests::PATIENCE)).unwrap();
    match one_more.read(&mut [0; 1]) {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    gateway.get("/").assert_status(200);
    drop(kept);
    eventually("room again", || {
        let answer = Client::connect(gateway.admin_address()).try_send(&Request::get("/healthz"));
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    });
}

/// Listens where a gateway might, and passes on what it is told, if there is somebody to pass it on to. Returns what it
/// heard.
fn impostor(real: Option<SocketAddr>) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (heard, all)) = (listener.local_addr().unwrap(), mpsc::channel());
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut said = String::new();
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = client.read(&mut bytes) {
            said.push_str(&String::from_utf8_lossy(&bytes[..read]));
            let answer = match real {
                None => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
                Some(real) => {
                    let mut real = TcpStream::connect(real).unwrap();
                    real.write_all(&bytes[..read]).unwrap();
                    let read = real.read(&mut bytes).unwrap();
                    bytes[..read].to_vec()
                }
            };
            client.write_all(&answer).unwrap();
        }
        heard.send(said).unwrap();
    });
    (address, all)
}

#[test]
fn the_command_line_gives_its_token_to_no_other_listener() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.verb(&["status"]).assert(0, &[]);
    let state = gateway.state("").display().to_string();
    for real in [None, Some(gateway.admin_address())] {
        let (address, heard) = impostor(real);
        let asked = gateway.run(&["status", "--admin", &address.to_string(), "--state", &state]);
        asked.assert(1, &["does not know the token of this state directory"]);
        let heard = heard.recv().unwrap();
        assert!(heard.contains("lockgate-challenge: "), "{heard}");
        assert!(!heard.contains(&gateway.admin_token()), "{heard}");
    }
}
