//! Where messages end, for clients and upstreams that do what RFC 9112 lets them do and few do.

use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::{Mutex, mpsc};

use lockgate_tests::{Gateway, Request, Upstream, read_head};

const LARGE: usize = 100 * 1024 * 1024;

#[test]
fn a_client_that_has_no_more_to_send_still_gets_its_answer() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        let body = exchange.body()?;
        if exchange.target == "/other" {
            return exchange.reply(200, &[], b"");
        }
        exchange.begin(200, &[])?;
        exchange.chunk(b"heard: ")?;
        wait.lock().unwrap().recv().map_err(io::Error::other)?;
        exchange.chunk(&body)?;
        exchange.chunk(b"")
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    for request in [Request::new("POST", "/").body("something"), Request::new("POST", "/").body("something").chunked()]
    {
        let mut client = gateway.connect();
        client.send_only(&request).unwrap();
        client.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.receive_head().unwrap().0, 200);
        // Whoever comes later has been served, so the end of the other's bytes has arrived.
        gateway.get("/other").assert_status(200);
        go.send(()).unwrap();
        let rest = String::from_utf8(client.until_closed()).unwrap();
        assert_eq!(rest, "7\r\nheard: \r\n9\r\nsomething\r\n0\r\n\r\n");
    }
}

#[test]
fn a_client_of_http_1_0_is_answered_in_its_own_framing() {
    let upstream = Upstream::with(|exchange| match exchange.target.as_str() {
        "/chunked" => {
            exchange.begin(200, &[])?;
            exchange.chunk(b"in")?;
            exchange.chunk(b" pieces")?;
            exchange.chunk(b"")
        }
        _ => exchange.reply(200, &[], b"whole"),
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    for (target, keep, kept, body) in [
        ("/", "", false, "whole"),
        ("/", "connection: keep-alive\r\n", true, "whole"),
        ("/chunked", "", false, "in pieces"),
        // Only the end of the connection can tell where the body ends.
        ("/chunked", "connection: keep-alive\r\n", false, "in pieces"),
    ] {
        let mut client = gateway.connect();
        let rounds = if kept { 3 } else { 1 };
        for _ in 0..rounds {
            client.write(format!("GET {target} HTTP/1.0\r\nhost: a\r\n{keep}\r\n").as_bytes());
            let response = client.receive("GET").unwrap();
            assert_eq!((response.status, response.text().as_str()), (200, body), "{target} {keep}");
            assert_eq!(response.field("transfer-encoding"), None, "{target} {keep}");
            let said = if kept { "keep-alive" } else { "close" };
            assert!(response.field("connection").is_none_or(|field| field == said), "{response:?}");
        }
        if !kept {
            assert_eq!(client.until_closed(), b"", "{target} {keep}");
        }
    }
}

#[test]
fn an_answer_reaches_a_client_that_has_much_left_to_send() {
    for takes_the_rest in [true, false] {
        let (answered, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let upstream = Upstream::with(move |exchange| {
            exchange.reply(403, &[("connection", "close")], b"no")?;
            exchange.stream().shutdown(Shutdown::Write)?;
            if takes_the_rest {
                return exchange.until_closed();
            }
            wait.lock().unwrap().recv().map_err(io::Error::other)
        });
        let gateway = Gateway::folder().proxy(&upstream).start();
        let mut client = gateway.connect();
        client.send_only(&Request::new("POST", "/").field("content-length", &LARGE.to_string())).unwrap();
        let mut sending = client.stream().try_clone().unwrap();
        // Sooner or later nobody listens any more.
        let sender = std::thread::spawn(move || drop(sending.write_all(&vec![b'x'; LARGE])));
        let response = client.receive("POST").unwrap();
        assert_eq!((response.status, response.text().as_str()), (403, "no"));
        let _ = answered.send(());
        drop(client);
        sender.join().unwrap();
    }
}

#[test]
fn a_client_that_asks_before_it_sends_is_refused_without_its_body() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_body_bytes = \"1KiB\"").proxy(&upstream).start();
    for (target, length, status) in [("/", "1000000", 413), ("/a%00b", "2", 400)] {
        let mut client = gateway.connect();
        let request = Request::new("POST", target).field("expect", "100-continue").field("content-length", length);
        client.send_only(&request).unwrap();
        let (start, _) = read_head(client.reader()).unwrap();
        assert!(start.starts_with(&format!("HTTP/1.1 {status}")), "{start}");
        // Whatever came now would be a body or a request, and nobody could say which.
        client.until_closed();
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn answers_without_a_body_have_none_whatever_their_heads_say() {
    let upstream = Upstream::with(|exchange| {
        let (status, fields) = exchange.target[1..].split_once('/').unwrap();
        let fields = match fields {
            "none" => "",
            "length" => "content-length: 5\r\n",
            _ => "transfer-encoding: chunked\r\n",
        };
        let head = format!("HTTP/1.1 {status} -\r\n{fields}\r\n");
        exchange.stream().write_all(head.as_bytes())
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    for fields in ["none", "length", "chunked"] {
        for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 304), ("POST", 204)] {
            let target = format!("/{status}/{fields}");
            client.send_only(&Request::new(method, &target)).unwrap();
            let (got, head) = client.receive_head().unwrap();
            assert_eq!(got, status, "{method} {target}");
            let value = |name: &str| head.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
            let length = value("content-length");
            // The length the body would have; 304 may leave it out, 204 must (RFC 9110 section 8.6).
            match (method, status, fields) {
                ("HEAD", 200, "length") => assert_eq!(length, Some("5"), "{target}"),
                (_, 304, "length") => assert!(length.is_none_or(|length| length == "5"), "{target}: {length:?}"),
                (_, 204, _) => assert_eq!((length, value("transfer-encoding")), (None, None), "{target}"),
                _ => {}
            }
        }
    }
}
