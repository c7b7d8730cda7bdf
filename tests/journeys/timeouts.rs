//! What happens when somebody takes too long.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use lockgate_tests::{Client, Folder, Gateway, Request, Upstream};
use socket2::{Domain, Socket, Type};

/// An API with short timeouts; `$route` and `$timeouts` are what a test is about.
fn impatient(folder: Folder, timeouts: &str, route: &str) -> Gateway {
    folder
        .word("timeouts", timeouts)
        .word("route", route)
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            timeouts = { $timeouts }
            [[route]]
            name = "all"
            match = { path = "/{*rest}" }
            upstream = "main"
            $route
            "#,
        )
        .start()
}

#[test]
fn an_upstream_that_takes_no_connections_is_a_504() {
    let (listener, _filling) = full_listener();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let folder = Gateway::folder().word("upstream", address);
    let gateway = impatient(folder, "connect = \"200ms\"", "");
    let begun = Instant::now();
    gateway.get("/connect").assert_problem(504);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let line = gateway.access_log("/connect");
    assert_eq!(line["class"], "upstream_timeout_connect");
    assert_eq!(line["blame"], "upstream");
}

#[test]
fn an_upstream_that_does_not_begin_to_answer_is_a_504() {
    let upstream = Upstream::silent();
    let gateway = impatient(Gateway::folder().upstream(&upstream), "first_byte = \"200ms\"", "");
    gateway.get("/first").assert_problem(504);
    assert_eq!(gateway.access_log("/first")["class"], "upstream_timeout_first_byte");
}

#[test]
fn the_wait_for_the_first_byte_begins_when_the_request_was_sent() {
    let upstream = Upstream::echo();
    let gateway = impatient(Gateway::folder().upstream(&upstream), "first_byte = \"1s\"", "");
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/slow").field("content-length", "2")).unwrap();
    client.write(b"a");
    upstream.wait_for_requests(1);
    // The client takes longer for the rest than the upstream may for its answer: here time itself has to pass.
    let silent = gateway.connect();
    silent_for(silent, Duration::from_millis(1300));
    client.write(b"b");
    client.receive("POST").unwrap().assert_status(200);
}

#[test]
fn an_exchange_that_takes_longer_than_its_route_allows_is_a_504() {
    let upstream = Upstream::silent();
    let gateway = impatient(Gateway::folder().upstream(&upstream), "", "timeout = \"200ms\"");
    gateway.get("/total").assert_problem(504);
    assert_eq!(gateway.access_log("/total")["class"], "timeout_total");
}

#[test]
fn a_request_body_that_stalls_while_a_policy_reads_it_is_a_408() {
    let gateway = Gateway::folder()
        .upstream(&Upstream::echo())
        .gateway_toml(
            r#"
            [policy.body-guard]
            source = "builtin:body-guard"
            grant = ["body:request:inspect", "respond", "read:content-length"]
            [policy.petstore]
            source = "builtin:petstore"
            grant = [
                "read::method", "read::path", "read::query", "read:content-type", "read:if-match", "read:if-none-match",
                "attribute-read:auth.sub", "store:pets:write", "responder",
            ]
            "#,
        )
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "guarded"
            match = { path = "/guarded" }
            chain = ["body-guard"]
            upstream = "main"
            timeout = "300ms"
            [[route]]
            name = "pets"
            match = { path = "/petstore/pets" }
            responder = "petstore"
            timeout = "300ms"
            "#,
        )
        .start();
    for path in ["/guarded", "/petstore/pets"] {
        let mut client = gateway.connect();
        let request = Request::post(path, "application/json", "").field("content-length", "100");
        client.send_only(&request).unwrap();
        client.write(b"{\"name\": ");
        client.receive("POST").unwrap().assert_problem(408);
        // The rest of the body would be read as a request.
        assert_eq!(client.until_closed(), b"", "{path}");
        let line = gateway.access_log(path);
        assert_eq!((&line["class"], &line["blame"]), (&"timeout_total".into(), &"client".into()), "{path}");
        assert_eq!(line["bytes_in"], 9, "{path}");
    }
}

#[test]
fn a_response_that_stops_in_the_middle_is_cut_off() {
    let upstream = Upstream::with(|exchange| {
        exchange.begin(200, &[])?;
        exchange.chunk(b"half")?;
        exchange.until_closed()
    });
    let gateway = impatient(Gateway::folder().upstream(&upstream), "idle = \"200ms\"", "");
    let mut client = gateway.connect();
    client.send_only(&Request::get("/half")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    let rest = client.until_closed();
    assert_eq!(rest, b"4\r\nhalf\r\n", "the end of the chunks must not be forged");
    assert_eq!(gateway.access_log("/half")["class"], "upstream_timeout_idle");
}

#[test]
fn a_request_head_that_does_not_end_closes_the_connection() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("header_timeout = \"200ms\"").proxy(&upstream).start();
    let mut slow = gateway.connect();
    slow.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ");
    let mut other = gateway.connect();
    other.send(&Request::get("/")).assert_status(200);
    let said = String::from_utf8(slow.until_closed()).unwrap();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    assert_eq!(upstream.requests(), 1);
}

#[test]
fn an_idle_connection_is_closed_in_the_end() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("idle_timeout = \"300ms\"").proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send(&Request::get("/")).assert_status(200);
    client.send(&Request::get("/")).assert_status(200);
    let begun = Instant::now();
    assert_eq!(client.until_closed(), b"");
    assert!(begun.elapsed() >= Duration::from_millis(200), "closed at once");
}

/// Wait on a connection nothing was asked on, so that nothing can come.
fn silent_for(mut client: Client, time: Duration) {
    client.stream().set_read_timeout(Some(time)).unwrap();
    let read = client.stream().read(&mut [0]);
    assert!(read.is_err(), "something came, or the connection was closed: {read:?}");
}

/// A listener whose queue is full, so that further connections hang, and the connections that fill it.
pub(super) fn full_listener() -> (Socket, Vec<TcpStream>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        filling.push(stream);
        assert!(filling.len() < 100, "the queue does not fill");
    }
    (listener, filling)
}

#[test]
fn a_client_that_still_sends_can_read_why_it_was_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_body_bytes = \"1KiB\"").proxy(&upstream).start();
    for _ in 0..20 {
        let mut client = gateway.connect();
        client.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n");
        // More than the buffers of both kernels hold, so some of it is unread when the gateway has answered.
        let mut sending = client.stream().try_clone().unwrap();
        let sender = std::thread::spawn(move || drop(std::io::Write::write_all(&mut sending, &[b'x'; 10_000_000])));
        client.receive("POST").unwrap().assert_problem(413);
        drop(client);
        sender.join().unwrap();
    }
    assert_eq!(upstream.requests(), 0);
}
