//! Upstreams: connections kept and found dead, several targets, answers that are none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Barrier;

use lockgate_tests::{Gateway, Request, Upstream};

/// One worker, so that all requests share one pool of connections.
const ONE_WORKER: &str = "[runtime]\nworkers = 1";

#[test]
fn a_connection_to_an_upstream_is_used_again() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().gateway_toml(ONE_WORKER).proxy(&upstream).start();
    let mut client = gateway.connect();
    for _ in 0..20 {
        client.send(&Request::get("/")).assert_status(200);
    }
    for _ in 0..5 {
        gateway.send(&Request::post("/", "text/plain", "x").chunked()).assert_status(200);
    }
    assert_eq!(upstream.connections(), 1);
    assert_eq!(upstream.requests(), 25);
}

#[test]
fn a_kept_connection_that_the_upstream_closed_costs_no_request() {
    let upstream = Upstream::with(|exchange| {
        exchange.reply(200, &[], b"once")?;
        // Closes after each answer without having said so.
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let gateway = Gateway::folder().gateway_toml(ONE_WORKER).proxy(&upstream).start();
    let mut client = gateway.connect();
    for _ in 0..50 {
        client.send(&Request::get("/")).assert_status(200);
    }
    assert_eq!(upstream.requests(), 50);
}

#[test]
fn an_upstream_that_is_not_there_is_a_502() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .word("gone", port)
        .proxy(&upstream)
        .api(
            "gone",
            r#"
            name = "gone"
            version = "1"
            [upstream.main]
            targets = ["http://$gone"]
            [[route]]
            name = "gone"
            match = { path = "/gone" }
            upstream = "main"
            "#,
        )
        .start();
    gateway.get("/gone").assert_problem(502);
    let line = gateway.access_log("/gone");
    assert_eq!((&line["class"], &line["blame"]), (&"upstream_connect".into(), &"upstream".into()));
    gateway.get("/other").assert_status(200);
}

#[test]
fn answers_that_are_none_are_502() {
    let cases: [(&str, &[u8]); 7] = [
        ("/closed", b""),
        ("/garbage", b"SMTP ready\r\n\r\n"),
        ("/truncated", b"HTTP/1.1 200 OK\r\ncontent-le"),
        ("/lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        ("/list", b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nab"),
        ("/coded", b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("/both", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"),
    ];
    let upstream = Upstream::with(move |exchange| {
        let case = cases.iter().find(|(path, _)| *path == exchange.target);
        let Some((_, answer)) = case else {
            return exchange.reply(200, &[], b"");
        };
        exchange.stream().write_all(answer)?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    for (path, _) in cases {
        gateway.get(path).assert_problem(502);
        assert_eq!(gateway.access_log(path)["blame"], "upstream", "{path}");
    }
    gateway.get("/fine").assert_status(200);
}

#[test]
fn a_body_that_breaks_off_never_looks_complete() {
    let upstream = Upstream::with(|exchange| {
        let head = match exchange.target.as_str() {
            "/chunked" => "transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n",
            _ => "content-length: 100\r\n\r\nfirst",
        };
        exchange.stream().write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes())?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    for path in ["/chunked", "/length"] {
        let broken = gateway.connect().try_send(&Request::get(path));
        assert!(broken.is_err(), "{path} looks whole: {broken:?}");
        assert_eq!(gateway.access_log(path)["blame"], "upstream");
    }
}

#[test]
fn requests_are_spread_over_targets_and_go_around_one_that_is_not_there() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let gateway = Gateway::folder()
        .gateway_toml(ONE_WORKER)
        .word("one", one.address())
        .word("two", two.address())
        .word("gone", gone)
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$one", "http://$gone", "http://$two"]
            [[route]]
            name = "all"
            match = { path = "/{*rest}" }
            upstream = "main"
            "#,
        )
        .start();
    for _ in 0..12 {
        gateway.get("/").assert_status(200);
    }
    assert!(one.requests() >= 4 && two.requests() >= 4, "{} and {}", one.requests(), two.requests());
    assert_eq!(one.requests() + two.requests(), 12);
}

#[test]
fn an_answer_that_comes_before_the_body_was_sent_is_passed_on() {
    let upstream = Upstream::with(|exchange| {
        exchange.reply(403, &[("connection", "close")], b"no")?;
        exchange.until_closed()
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/").field("content-length", "1000000")).unwrap();
    client.write(b"only the beginning");
    let response = client.receive("POST").unwrap();
    assert_eq!((response.status, response.text().as_str()), (403, "no"));
}

#[test]
fn a_client_that_expects_to_be_told_to_go_on_is_told() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    let request = Request::new("POST", "/").field("expect", "100-continue").field("content-length", "2");
    client.send_only(&request).unwrap();
    let (start, _) = lockgate_tests::read_head(client.reader()).unwrap();
    assert!(start.starts_with("HTTP/1.1 100"), "{start}");
    client.write(b"ok");
    let response = client.receive("POST").unwrap();
    assert_eq!(response.json()["body"], "ok");
    assert!(response.echoed("expect").is_empty());
}

#[test]
fn many_requests_at_once_go_around_a_dead_target_each_at_most_once() {
    const CLIENTS: usize = 8;
    const EACH: usize = 25;
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let live = Upstream::echo();
    let mut gateway = Gateway::folder()
        .variable("LOCKGATE_LOG", "lockgate=debug")
        .gateway_toml(ONE_WORKER)
        .word("dead", dead)
        .upstream(&live)
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$dead", "http://$upstream"]
            eject = { failures = 0 }
            [[route]]
            name = "all"
            match = { path = "/{*rest}" }
            upstream = "main"
            "#,
        )
        .start();
    let start = &Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let mut client = gateway.connect();
            scope.spawn(move || {
                start.wait();
                for _ in 0..EACH {
                    client.send(&Request::get("/")).assert_status(200);
                }
            });
        }
    });
    assert_eq!(live.requests(), CLIENTS * EACH);
    // Every other request begins there.
    let met = gateway.all_written().matches("target does not answer").count();
    assert_eq!(met, CLIENTS * EACH / 2);
}

#[test]
fn an_upstream_of_http_1_0_is_answered_for_in_http_1_1() {
    let upstream = Upstream::with(|exchange| {
        let rest = match exchange.target.as_str() {
            "/length" => "content-length: 4\r\n\r\nbody",
            "/empty" => "content-length: 0\r\n\r\n",
            _ => "\r\nbody",
        };
        exchange.stream().write_all(format!("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n{rest}").as_bytes())?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    for (path, framing, body) in [
        ("/length", ("content-length", "4"), "body"),
        ("/until-closed", ("transfer-encoding", "chunked"), "4\r\nbody\r\n0\r\n\r\n"),
        ("/empty", ("content-length", "0"), ""),
        ("/until-closed", ("transfer-encoding", "chunked"), "4\r\nbody\r\n0\r\n\r\n"),
    ] {
        client.send_only(&Request::get(path)).unwrap();
        let (start, fields) = lockgate_tests::read_head(client.reader()).unwrap();
        assert_eq!(start, "HTTP/1.1 200 OK", "{path}");
        let framings: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| ["content-length", "transfer-encoding", "connection"].contains(name))
            .collect();
        assert_eq!(framings, [framing], "{path}");
        let mut came = vec![0; body.len()];
        client.reader().read_exact(&mut came).unwrap();
        assert_eq!(String::from_utf8_lossy(&came), body, "{path}");
    }
    assert_eq!(upstream.connections(), 4);
}
