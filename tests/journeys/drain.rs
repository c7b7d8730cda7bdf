//! The end of the process: what was begun or is on its way is served, then nothing is left.

use std::io::{self, Write};
use std::sync::{Mutex, mpsc};

use bytes::Bytes;
use http::Method;
use lockgate_tests::http2::{Http2Client, read};
use lockgate_tests::{Client, Folder, Gateway, Request, Upstream, eventually};

/// Wait until the log says that the gateway was asked to end and has heard it.
fn ending(gateway: &Gateway) {
    gateway.wait_for_log("the end to begin", |line| line["message"].as_str()?.starts_with("ending").then_some(()));
}

#[test]
fn what_was_sent_before_the_end_began_is_served() {
    let upstream = Upstream::with(|exchange| exchange.reply(200, &[], exchange.target.clone().as_bytes()));
    let mut gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    // Of some the gateway has not even heard, when it is asked to end.
    let mut waiting: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    for (at, client) in waiting.iter_mut().enumerate() {
        client.send_only(&Request::get(&format!("/waiting/{at}"))).unwrap();
    }
    gateway.terminate();
    for (at, client) in waiting.iter_mut().enumerate() {
        let response = client.receive("GET").unwrap();
        assert_eq!(response.text(), format!("/waiting/{at}"));
        // One that was answered before has to find out by asking again.
        assert!(matches!(response.field("connection"), None | Some("close")));
        assert_eq!(client.until_closed(), b"");
    }
    assert!(gateway.wait_for_end().success());
}

#[test]
fn a_connection_may_still_ask_once_and_is_closed_where_nothing_comes() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    let (mut fresh, mut begun) = (gateway.connect(), gateway.connect());
    begun.write(b"GET /begun HTTP/1.1\r\nhost: ");
    // Connections are accepted in their order, so those before these have been.
    let (mut kept, mut silent) = (gateway.connect(), gateway.connect());
    kept.send(&Request::get("/")).assert_status(200);
    silent.send(&Request::get("/")).assert_status(200);
    gateway.terminate();
    ending(&gateway);
    begun.write(b"a\r\n\r\n");
    for response in [begun.receive("GET").unwrap(), fresh.send(&Request::get("/")), kept.send(&Request::get("/"))] {
        response.assert_status(200);
        assert_eq!(response.field("connection"), Some("close"));
    }
    for mut client in [begun, fresh, kept, silent] {
        assert_eq!(client.until_closed(), b"");
    }
    assert!(gateway.wait_for_end().success());
}

/// An API whose upstream does by path what a test needs: `/download` in two halves, `/socket` an upgrade, all else an
/// answer to the whole body.
fn all_kinds(folder: Folder) -> (Folder, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| match exchange.target.as_str() {
        "/download" => {
            exchange.begin(200, &[])?;
            exchange.chunk(b"first half, ")?;
            wait.lock().unwrap().recv().map_err(io::Error::other)?;
            exchange.chunk(b"second half")?;
            exchange.chunk(b"")
        }
        "/socket" => {
            let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            exchange.stream().write_all(head.as_bytes())?;
            exchange.until_closed()
        }
        "/silent" => exchange.until_closed(),
        _ => {
            let body = exchange.body()?;
            exchange.reply(200, &[], &body)
        }
    });
    let api = r#"
        name = "api"
        version = "1"
        [upstream.main]
        targets = ["http://$upstream"]
        [[route]]
        name = "all"
        match = { path = "/{*rest}" }
        upstream = "main"
        upgrades = ["websocket"]
    "#;
    (folder.upstream(&upstream).api("api", api), go)
}

/// A WebSocket that has been opened.
fn websocket(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    client.send_only(&Request::get("/socket").field("connection", "upgrade").field("upgrade", "websocket")).unwrap();
    let (start, _) = lockgate_tests::read_head(client.reader()).unwrap();
    assert!(start.starts_with("HTTP/1.1 101 "), "{start}");
    client
}

/// Close with status 1001 (RFC 6455 section 7.4.1).
const GOING_AWAY: &[u8] = &[0x88, 2, 3, 0xe9];

#[test]
fn everything_that_is_under_way_comes_to_its_end() {
    let (folder, go) = all_kinds(Gateway::folder());
    let mut gateway = folder.start();
    let mut download = gateway.connect();
    download.send_only(&Request::get("/download")).unwrap();
    assert_eq!(download.receive_head().unwrap().0, 200);
    let mut upload = gateway.connect();
    upload.send_only(&Request::new("POST", "/upload").field("content-length", "8")).unwrap();
    upload.write(b"half");
    let mut streams = Http2Client::connect(gateway.public());
    let request = streams.request(Method::POST, "/stream");
    let (response, mut sending) = streams.begin(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"half"), false).unwrap();
    assert_eq!(streams.get("/other").status, 200);
    let mut socket = websocket(&gateway);
    let mut idle = gateway.connect();
    idle.send(&Request::get("/")).assert_status(200);

    gateway.terminate();
    ending(&gateway);
    assert_eq!(idle.until_closed(), b"");
    assert_eq!(socket.until_closed(), GOING_AWAY);
    upload.write(b"half");
    let uploaded = upload.receive("POST").unwrap();
    assert_eq!((uploaded.text().as_str(), uploaded.field("connection")), ("halfhalf", Some("close")));
    sending.send_data(Bytes::from_static(b"half"), true).unwrap();
    assert_eq!(streams.wait(read(response)).unwrap().body, "halfhalf");
    streams.ended().unwrap();
    go.send(()).unwrap();
    assert_eq!(download.until_closed(), b"C\r\nfirst half, \r\nB\r\nsecond half\r\n0\r\n\r\n");
    assert!(gateway.wait_for_end().success());
}

/// What is left when the time is over, or when somebody does not want to wait for it.
fn assert_cut(drain: &str, is_urged: bool) {
    let folder = Gateway::folder().gateway_toml(&format!("[runtime]\ndrain = \"{drain}\""));
    let (folder, _go) = all_kinds(folder);
    let mut gateway = folder.start();
    let mut hanging = gateway.connect();
    hanging.send_only(&Request::get("/silent")).unwrap();
    let mut download = gateway.connect();
    download.send_only(&Request::get("/download")).unwrap();
    assert_eq!(download.receive_head().unwrap().0, 200);
    let mut streams = Http2Client::connect(gateway.public());
    let request = streams.request(Method::GET, "/silent");
    let (response, _) = streams.begin(request, true).unwrap();
    assert_eq!(streams.get("/other").status, 200);
    eventually("all to be under way", || (gateway.metric("lockgate_requests_under_way") == Some(3.0)).then_some(()));

    gateway.terminate();
    ending(&gateway);
    if is_urged {
        gateway.insist();
    }
    assert_eq!(hanging.until_closed(), b"");
    assert_eq!(download.until_closed(), b"C\r\nfirst half, \r\n", "the end of the chunks must not be forged");
    assert!(streams.wait(response).is_err());
    let cut = gateway.wait_for_log("what was cut off", |line| {
        let message = line["message"].as_str()?;
        message.ends_with("cut off").then(|| (line["requests"].clone(), line["connections"].clone()))
    });
    assert_eq!(cut, (3.into(), 3.into()));
    assert_eq!(gateway.wait_for_end().code(), Some(3));
    for path in ["/silent", "/download"] {
        let line = gateway.access_log(path);
        assert_eq!((&line["class"], &line["blame"]), (&"drain_cut".into(), &"gateway".into()), "{line}");
    }
}

#[test]
fn what_hangs_is_cut_off_when_the_time_is_over() {
    assert_cut("300ms", false);
}

#[test]
fn who_asks_twice_does_not_want_to_wait() {
    assert_cut("24h", true);
}

#[test]
fn connections_are_accepted_until_load_balancers_had_time_to_notice() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().gateway_toml("[runtime]\ndrain_delay = \"1h\"").proxy(&upstream).start();
    let ready = || gateway.admin(&Request::get("/readyz")).status;
    let mut kept = gateway.connect();
    kept.send(&Request::get("/")).assert_status(200);
    assert_eq!(ready(), 200);
    gateway.terminate();
    eventually("it not to be ready", || (ready() == 503).then_some(()));
    let response = gateway.get("/");
    response.assert_status(200);
    assert_eq!(response.field("connection"), None);
    kept.send(&Request::get("/")).assert_status(200);
    gateway.insist();
    assert_eq!(kept.until_closed(), b"");
}

#[test]
fn a_second_signal_ends_the_delay_too() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().gateway_toml("[runtime]\ndrain_delay = \"1h\"").proxy(&upstream).start();
    gateway.terminate();
    ending(&gateway);
    gateway.insist();
    assert!(gateway.wait_for_end().success(), "nothing was cut off");
}

#[test]
fn signals_that_come_at_once_are_one_wish() {
    let upstream = Upstream::with(|exchange| {
        exchange.body()?;
        exchange.reply(200, &[], b"late")
    });
    let mut gateway = Gateway::folder().gateway_toml("[runtime]\ndrain = \"1h\"").proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/late").field("content-length", "1")).unwrap();
    upstream.wait_for_requests(1);
    gateway.terminate();
    gateway.signal(rustix::process::Signal::INT);
    ending(&gateway);
    client.write(b"x");
    assert_eq!(client.receive("POST").unwrap().text(), "late");
    assert_eq!(gateway.wait_for_end().code(), Some(0), "{}", gateway.written());
}
