//! Bodies stream through in both directions, as fast as the slower side takes them and in constant memory.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_LENGTH;
use lockgate_tests::http2::{self, Http2Client};
use lockgate_tests::{Client, Gateway, PATIENCE, Request, Upstream, eventually};
use socket2::{Domain, Socket, Type};

const MIB: usize = 1024 * 1024;
const LARGE: usize = 200 * MIB;
const HUGE: usize = 1024 * MIB;
/// What a gateway may use for one body; far less than the body, far more than its buffers.
const ALLOWANCE: u64 = 16 * MIB as u64;
/// Of the bytes of a body.
const PERIOD: usize = 251;
const PIECE: usize = 64 * 1024;
/// No progress for this long means that nobody takes what is sent.
const STALL: Duration = Duration::from_millis(700);

/// Answers GET with a huge body, and anything else with the length of the body it got.
fn huge() -> Upstream {
    Upstream::with(|exchange| match (exchange.method.as_str(), exchange.target.as_str()) {
        (_, "/warm") => exchange.reply(200, &[], b""),
        ("GET", _) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {HUGE}\r\n\r\n");
            exchange.stream().write_all(head.as_bytes())?;
            write_pattern(exchange.stream(), HUGE)
        }
        _ => {
            assert_eq!(exchange.field("content-length"), Some(HUGE.to_string().as_str()));
            read_pattern(exchange.reader(), HUGE);
            exchange.reply(200, &[], b"all of it")
        }
    })
}

#[test]
fn a_huge_response_streams_through_in_constant_memory() {
    let gateway = Gateway::folder().proxy(&huge()).start();
    let before = warm(&gateway);
    let mut client = gateway.connect();
    client.send_only(&Request::get("/")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    read_pattern(client.reader(), HUGE);
    assert_constant(&gateway, before);
}

#[test]
fn a_huge_request_streams_through_in_constant_memory() {
    upload(&Gateway::folder().proxy(&huge()).start());
}

#[test]
fn a_policy_that_looks_at_pieces_needs_no_more_memory() {
    let gateway = Gateway::folder()
        .guest("count-chunks")
        .gateway_toml(
            r#"
            chain = [{ policy = "count", config = { most = 2000000000 } }]
            [policy.count]
            source = "file:components/count-chunks.wasm"
            grant = ["body:request:inspect", "respond"]
            "#,
        )
        .proxy(&huge())
        .start();
    upload(&gateway);
}

/// Send a huge body over HTTP/1.1.
fn upload(gateway: &Gateway) {
    let before = warm(gateway);
    let mut client = gateway.connect();
    client.send_only(&Request::new("PUT", "/").field("content-length", &HUGE.to_string())).unwrap();
    write_pattern(client.stream(), HUGE).unwrap();
    assert_eq!(client.receive("PUT").unwrap().text(), "all of it");
    assert_constant(gateway, before);
}

#[test]
fn a_huge_response_streams_through_http2_in_constant_memory() {
    let gateway = Gateway::folder().proxy(&huge()).start();
    let before = warm(&gateway);
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 20);
    let mut client = Http2Client::connect_with(gateway.public(), &builder);
    let (response, _) = client.begin(client.request(Method::GET, "/"), true).unwrap();
    let mut body = client.wait(response).unwrap().into_body();
    let (pattern, mut came) = (pattern(), 0);
    while let Some(data) = client.wait(body.data()) {
        let data = data.unwrap();
        let begin = came % PERIOD;
        assert!(data == pattern[begin..begin + data.len()], "the body differs after {came} bytes");
        came += data.len();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(came, HUGE);
    assert_constant(&gateway, before);
}

#[test]
fn a_huge_request_streams_through_http2_in_constant_memory() {
    let gateway = Gateway::folder().proxy(&huge()).start();
    let before = warm(&gateway);
    let mut client = Http2Client::connect(gateway.public());
    let mut request = client.request(Method::PUT, "/");
    request.headers_mut().insert(CONTENT_LENGTH, HUGE.into());
    let (response, mut body) = client.begin(request, false).unwrap();
    let pattern = Bytes::from(pattern());
    let mut sent = 0;
    while sent < HUGE {
        let begin = sent % PERIOD;
        body.reserve_capacity((HUGE - sent).min(PIECE));
        let room = client.wait(poll_fn(|cx| body.poll_capacity(cx))).expect("closed").unwrap();
        let piece = pattern.slice(begin..begin + room.min(PIECE));
        sent += piece.len();
        body.send_data(piece, sent == HUGE).unwrap();
    }
    let response = client.wait(http2::read(response)).unwrap();
    assert_eq!(response.body, "all of it");
    assert_constant(&gateway, before);
}

#[test]
fn a_slow_client_slows_the_upstream_down() {
    let (stalled, stalls) = mpsc::channel();
    let upstream = Upstream::with(move |exchange| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
        exchange.stream().write_all(head.as_bytes())?;
        let (sent, stream) = (write_until_stall(exchange.stream(), LARGE)?, exchange.stream());
        stalled.send(sent).map_err(io::Error::other)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write_zeros(stream, LARGE - sent)
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = Client::over(narrow(gateway.public()));
    client.send_only(&Request::get("/")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    let sent = stalls.recv_timeout(PATIENCE).expect("the upstream never had to wait");
    assert!(sent < LARGE / 2, "the gateway took {sent} bytes that nobody reads");
    // Once the client reads, all of it comes.
    let copied = io::copy(&mut client.reader().take(LARGE as u64), &mut io::sink());
    assert_eq!(copied.unwrap(), LARGE as u64);
}

#[test]
fn a_slow_upstream_slows_the_client_down() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        wait.lock().unwrap().recv().map_err(io::Error::other)?;
        let read = io::copy(&mut exchange.reader().take(LARGE as u64), &mut io::sink())?;
        exchange.reply(200, &[], read.to_string().as_bytes())
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::new("PUT", "/").field("content-length", &LARGE.to_string())).unwrap();
    let sent = write_until_stall(client.stream(), LARGE).unwrap();
    assert!(sent < LARGE / 2, "the gateway took {sent} bytes that nobody reads");
    go.send(()).unwrap();
    client.stream().set_write_timeout(Some(PATIENCE)).unwrap();
    write_zeros(client.stream(), LARGE - sent).unwrap();
    assert_eq!(client.receive("PUT").unwrap().text(), LARGE.to_string());
}

#[test]
fn each_piece_of_a_response_arrives_when_it_was_sent() {
    let (next, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        exchange.begin(200, &[("content-type", "text/event-stream")])?;
        let wait = wait.lock().unwrap();
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            exchange.chunk(event.as_bytes())?;
            // The second is not sent before the client has the first.
            wait.recv().map_err(io::Error::other)?;
        }
        exchange.chunk(b"")
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::get("/events")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    for event in ["9\r\ndata: 1\n\n\r\n", "9\r\ndata: 2\n\n\r\n", "0\r\n\r\n"] {
        let mut piece = vec![0; event.len()];
        client.reader().read_exact(&mut piece).unwrap();
        assert_eq!(String::from_utf8_lossy(&piece), event);
        // After the last there is nobody left to tell.
        let _ = next.send(());
    }
}

#[test]
fn a_client_that_leaves_takes_its_upstream_connection_along() {
    let (ended, end) = mpsc::channel();
    let upstream = Upstream::with(move |exchange| {
        exchange.begin(200, &[])?;
        exchange.chunk(b"first")?;
        let closed = exchange.until_closed();
        ended.send(()).map_err(io::Error::other)?;
        closed
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::get("/gone")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    drop(client);
    end.recv_timeout(PATIENCE).expect("the upstream's connection stays open");
    let line = gateway.access_log("/gone");
    assert_eq!(line["class"], "client_gone");
}

#[test]
fn a_client_that_stops_reading_is_cut_off_and_makes_room_for_another() {
    let upstream = Upstream::with(|exchange| match exchange.target.as_str() {
        "/large" => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
            exchange.stream().write_all(head.as_bytes())?;
            write_zeros(exchange.stream(), LARGE)
        }
        _ => exchange.reply(200, &[], b"small"),
    });
    let listener = "idle_timeout = \"500ms\"\nmax_connections = 1";
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let mut client = Client::over(narrow(gateway.public()));
    client.send_only(&Request::get("/large")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    // There is room for one connection, so others are served once this one has been cut off.
    assert_eq!(gateway.get("/small").status, 503);
    eventually("room for another", || (gateway.get("/small").text() == "small").then_some(()));
    let open = "lockgate_connections{listener=\"public\"}";
    eventually("no connection to be left", || (gateway.metric(open) == Some(0.0)).then_some(()));
    let came = client.until_closed().len();
    assert!(came < LARGE, "all of it came");
    let line = gateway.access_log("/large");
    assert_eq!((&line["class"], &line["blame"]), (&"client_slow".into(), &"client".into()));
}

/// Serve something small first, so that what is needed once is there; the memory after that.
fn warm(gateway: &Gateway) -> u64 {
    gateway.get("/warm").assert_status(200);
    gateway.memory().0
}

#[track_caller]
fn assert_constant(gateway: &Gateway, before: u64) {
    let (_, most) = gateway.memory();
    let grown = most.saturating_sub(before);
    assert!(grown < ALLOWANCE, "the gateway grew by {} MiB", grown / MIB as u64);
}

/// A connection that takes little before its owner reads.
fn narrow(address: SocketAddr) -> std::net::TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

/// Write until nobody takes any more for a while, or all is written; how much was taken.
fn write_until_stall(stream: &mut std::net::TcpStream, all: usize) -> io::Result<usize> {
    stream.set_write_timeout(Some(STALL))?;
    let buffer = vec![0; 64 * 1024];
    let mut sent = 0;
    while sent < all {
        match stream.write(&buffer[..buffer.len().min(all - sent)]) {
            Ok(taken) => sent += taken,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

fn write_zeros(stream: &mut impl Write, length: usize) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(length as u64), stream).map(drop)
}

/// Bytes that repeat at no power of two, so that lost or doubled blocks are noticed: any piece up to `PIECE`, wherever
/// it begins.
fn pattern() -> Vec<u8> {
    (0..PERIOD + PIECE).map(|at| (at % PERIOD) as u8).collect()
}

fn write_pattern(stream: &mut impl Write, length: usize) -> io::Result<()> {
    let pattern = pattern();
    let mut sent = 0;
    while sent < length {
        let begin = sent % PERIOD;
        let piece = &pattern[begin..begin + PIECE.min(length - sent)];
        stream.write_all(piece)?;
        sent += piece.len();
    }
    Ok(())
}

fn read_pattern(reader: &mut impl Read, length: usize) {
    let pattern = pattern();
    let mut buffer = vec![0; PIECE];
    let mut came = 0;
    while came < length {
        let begin = came % PERIOD;
        let read = reader.read(&mut buffer[..PIECE.min(length - came)]).unwrap();
        assert!(read > 0, "the body ends after {came} bytes");
        assert!(buffer[..read] == pattern[begin..begin + read], "the body differs after {came} bytes");
        came += read;
    }
}
