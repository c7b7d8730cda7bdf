//! Clients that keep others waiting: with a body they send, or with one they do not take.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use lockgate_tests::frames::*;
use lockgate_tests::http2::{Http2Client, read};
use lockgate_tests::{Client, Gateway, Request, Upstream};
use socket2::{Domain, Socket, Type};

/// Let time itself pass, on a connection on which nothing can come.
fn pass(gateway: &Gateway, time: Duration) {
    let mut silent = gateway.connect();
    silent.stream().set_read_timeout(Some(time)).unwrap();
    let read = silent.stream().read(&mut [0]);
    assert!(read.is_err(), "something came, or the connection was closed: {read:?}");
}

const MOMENT: Duration = Duration::from_millis(50);

/// Reads bodies to their end, and says that it was closed instead where there is none.
fn reading() -> (Upstream, mpsc::Receiver<()>) {
    let (broken, breaks) = mpsc::channel();
    let upstream = Upstream::with(move |exchange| match exchange.body() {
        Ok(body) => exchange.reply(200, &[], body.len().to_string().as_bytes()),
        Err(error) => {
            let _ = broken.send(());
            Err(error)
        }
    });
    (upstream, breaks)
}

#[test]
fn a_body_that_stops_on_its_way_to_an_upstream_is_a_408() {
    let (upstream, breaks) = reading();
    let gateway = Gateway::folder().listener("body_timeout = \"300ms\"").proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/stops").field("content-length", "100")).unwrap();
    client.write(b"some of it");
    client.receive("POST").unwrap().assert_problem(408);
    assert_eq!(client.until_closed(), b"", "the rest of the body would be read as a request");
    breaks.recv_timeout(lockgate_tests::PATIENCE).expect("the upstream waits on");
    let line = gateway.access_log("/stops");
    assert_eq!((&line["class"], &line["blame"]), (&"timeout_body".into(), &"client".into()));
    assert_eq!(line["bytes_in"], 10);
}

#[test]
fn a_body_that_trickles_is_a_408_though_something_comes_all_the_time() {
    let (upstream, _breaks) = reading();
    let listener = "body_timeout = \"500ms\"\nmin_rate = \"1KiB\"";
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/trickles").field("content-length", "10000")).unwrap();
    client.stream().set_read_timeout(Some(MOMENT)).unwrap();
    let mut sent = 0;
    while client.stream().peek(&mut [0]).is_err() {
        client.write(b"x");
        sent += 1;
        assert!(sent < 1000, "it may go on for ever");
    }
    client.receive("POST").unwrap().assert_problem(408);
    assert_eq!(gateway.access_log("/trickles")["class"], "timeout_body");
}

#[test]
fn nobody_waits_for_a_client_whose_upstream_does_not_read() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        wait.lock().unwrap().recv().map_err(io::Error::other)?;
        let body = exchange.body()?;
        exchange.reply(200, &[], body.len().to_string().as_bytes())
    });
    // Long enough for a client on a machine with much to do.
    let listener = "body_timeout = \"2s\"\nmin_rate = \"64KiB\"";
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let mut client = gateway.connect();
    let body = vec![b'x'; 30 << 20];
    client.send_only(&Request::new("POST", "/").field("content-length", &body.len().to_string())).unwrap();
    let mut sending = client.stream().try_clone().unwrap();
    let length = body.len();
    let sender = std::thread::spawn(move || sending.write_all(&body).unwrap());
    upstream.wait_for_requests(1);
    pass(&gateway, Duration::from_secs(3));
    go.send(()).unwrap();
    assert_eq!(client.receive("POST").unwrap().text(), length.to_string());
    sender.join().unwrap();
}

#[test]
fn a_body_of_grpc_may_pause() {
    let (upstream, _breaks) = reading();
    let gateway = Gateway::folder().listener("body_timeout = \"100ms\"").proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let mut request = client.request(Method::POST, "/pkg.Service/Collect");
    request.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    let (response, mut sending) = client.begin(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"one"), false).unwrap();
    client.wait(async { tokio::time::timeout(Duration::from_millis(600), std::future::pending::<()>()).await.ok() });
    sending.send_data(Bytes::from_static(b"two"), true).unwrap();
    assert_eq!(client.wait(read(response)).unwrap().body, "6");
}

#[test]
fn a_stream_whose_body_stops_is_a_408_and_the_others_go_on() {
    let (upstream, _breaks) = reading();
    let gateway = Gateway::folder().listener("body_timeout = \"300ms\"").proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let request = client.request(Method::POST, "/stops");
    let (response, mut sending) = client.begin(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"some of it"), false).unwrap();
    assert_eq!(client.wait(response).unwrap().status(), 408);
    assert_eq!(client.get("/other").status, 200);
}

#[test]
fn a_body_that_stops_after_the_answer_began_cuts_the_answer_off() {
    let upstream = Upstream::with(|exchange| {
        exchange.begin(200, &[])?;
        exchange.chunk(b"early")?;
        exchange.until_closed()
    });
    let gateway = Gateway::folder().listener("body_timeout = \"300ms\"").proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/late").field("content-length", "100")).unwrap();
    client.write(b"some of it");
    assert_eq!(client.receive_head().unwrap().0, 200);
    assert_eq!(client.until_closed(), b"5\r\nearly\r\n", "the end of the chunks must not be forged");
    let line = gateway.access_log("/late");
    assert_eq!((&line["class"], &line["blame"]), (&"timeout_body".into(), &"client".into()));
}

/// An upstream whose answer never ends.
fn endless() -> Upstream {
    Upstream::with(|exchange| {
        if exchange.target != "/endless" {
            return exchange.reply(200, &[], b"");
        }
        exchange.begin(200, &[])?;
        loop {
            exchange.chunk(&[b'x'; 8192])?;
        }
    })
}

/// A connection that takes little before its owner reads.
fn narrow(gateway: &Gateway) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&gateway.public().into()).unwrap();
    Client::over(TcpStream::from(socket))
}

#[test]
fn a_client_that_takes_an_answer_too_slowly_is_cut_off_though_it_goes_on_taking() {
    let upstream = endless();
    let listener = "idle_timeout = \"2s\"\nmin_rate = \"1MiB\"";
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let mut client = narrow(&gateway);
    client.send_only(&Request::get("/endless")).unwrap();
    let mut buffer = [0; 4096];
    let mut reads = 0;
    while client.stream().read(&mut buffer).is_ok_and(|read| read > 0) {
        pass(&gateway, MOMENT);
        reads += 1;
        assert!(reads < 2000, "it may go on for ever");
    }
    let line = gateway.access_log("/endless");
    assert_eq!((&line["class"], &line["blame"]), (&"client_slow".into(), &"client".into()));
}

/// Sends an event each time it is told to.
fn events() -> (Upstream, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        exchange.begin(200, &[("content-type", "text/event-stream")])?;
        let wait = wait.lock().unwrap();
        while wait.recv().is_ok() {
            exchange.chunk(b"event\n\n")?;
        }
        exchange.chunk(b"")
    });
    (upstream, go)
}

/// Time enough for a client that is only slow to be cut off.
const STRICT: &str = "idle_timeout = \"2s\"\nmin_rate = \"1MiB\"";
const EVENTS: usize = 60;

#[test]
fn a_client_that_takes_all_there_is_may_get_as_little_as_its_upstream_has() {
    let (upstream, go) = events();
    let gateway = Gateway::folder().listener(STRICT).proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::get("/events")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    for _ in 0..EVENTS {
        go.send(()).unwrap();
        let mut event = [0; 12];
        client.reader().read_exact(&mut event).unwrap();
        assert_eq!(&event, b"7\r\nevent\n\n\r\n");
        pass(&gateway, MOMENT);
    }
}

#[test]
fn so_may_a_stream_of_http2() {
    let (upstream, go) = events();
    let gateway = Gateway::folder().listener(STRICT).proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let request = client.request(Method::GET, "/events");
    let (response, _) = client.begin(request, true).unwrap();
    let mut body = client.wait(response).unwrap().into_body();
    for _ in 0..EVENTS {
        go.send(()).unwrap();
        assert_eq!(client.wait(body.data()).unwrap().unwrap(), "event\n\n");
        client.wait(async { tokio::time::timeout(MOMENT, std::future::pending::<()>()).await.ok() });
    }
}

#[test]
fn a_stream_whose_window_is_opened_a_little_at_a_time_is_reset_and_the_connection_goes_on() {
    const INITIAL_WINDOW: u16 = 4;
    let upstream = endless();
    let listener = "idle_timeout = \"3s\"\nmin_rate = \"64KiB\"";
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let mut peer = Peer::client(gateway.public(), &[(INITIAL_WINDOW, 100)]);
    let ask = |stream, path| {
        let fields = block(&[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")]);
        frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
    };
    peer.send(&ask(1, "/endless"));
    let mut pieces = 0;
    loop {
        let next = peer.until(|frame| matches!(frame.kind, DATA | RST_STREAM) && frame.stream == 1);
        if next.kind == RST_STREAM {
            break;
        }
        // It is opened as soon as the gateway's next look may be over.
        pass(&gateway, Duration::from_millis(20));
        peer.send(&number(WINDOW_UPDATE, 1, 100));
        pieces += 1;
        assert!(pieces < 5000, "it may go on for ever");
    }
    peer.send(&ask(3, "/other"));
    peer.until(|frame| frame.stream == 3 && frame.ends_stream());
    assert_eq!(gateway.access_log("/endless")["class"], "client_slow");
}

#[test]
fn an_http2_connection_on_which_nothing_is_asked_is_closed_whatever_else_comes() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("idle_timeout = \"500ms\"").proxy(&upstream).start();
    let mut peer = Peer::client(gateway.public(), &[]);
    let mut pings = 0;
    loop {
        peer.send(&frame(PING, 0, 0, &[0; 8]));
        match peer.receive() {
            None => break,
            Some(_) => pass(&gateway, MOMENT),
        }
        pings += 1;
        assert!(pings < 1000, "it may go on for ever");
    }
}
