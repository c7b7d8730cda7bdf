//! Bodies in content codings: policies see what they say, and so does whoever comes after.

use std::io::{self, Read, Write};
use std::sync::{Mutex, mpsc};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use lockgate_tests::{Gateway, Request, Upstream};

const GATEWAY: &str = r#"
[policy.black-out]
source = "file:components/black-out.wasm"
grant = ["body:request:edit", "body:response:edit"]
[policy.count]
source = "file:components/count-chunks.wasm"
grant = ["body:request:inspect", "respond"]
[policy.redact]
source = "file:components/redact.wasm"
grant = ["body:response:edit", "write:x-test-redacted"]
"#;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "black"
match = { path = "/black" }
chain = [{ policy = "black-out", config = { word = "secret" } }]
upstream = "main"
[[route]]
name = "whole"
match = { path = "/whole" }
chain = [{ policy = "redact", config = { word = "secret" } }]
upstream = "main"
[[route]]
name = "count"
match = { path = "/count" }
chain = [{ policy = "count", config = { most = 100000 } }]
upstream = "main"
[[route]]
name = "plain"
match = { path = "/plain" }
upstream = "main"
"#;

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .guest("black-out")
        .guest("count-chunks")
        .guest("redact")
        .gateway_toml(GATEWAY)
        .api("api", API)
        .start()
}

fn coded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip" => GzEncoder::new(&mut out, Compression::best()).write_all(bytes).unwrap(),
        "deflate" => ZlibEncoder::new(&mut out, Compression::best()).write_all(bytes).unwrap(),
        "br" => brotli::CompressorWriter::new(&mut out, 4096, 9, 22).write_all(bytes).unwrap(),
        _ => out = zstd::bulk::compress(bytes, 9).unwrap(),
    }
    out
}

fn text() -> String {
    (0..20_000).map(|n| format!("{n}: a secret of {}\n", n % 97)).collect()
}

#[test]
fn a_request_is_decoded_for_its_policies_and_goes_on_so() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    for coding in CODINGS {
        let body = coded(coding, text().as_bytes());
        let send = |path: &str| {
            gateway.send(&Request::post(path, "text/plain", body.clone()).field("content-encoding", coding))
        };
        for (path, expected) in [("/black", text().replace("secret", "***")), ("/count", text())] {
            let response = match path {
                // The limit of this policy is about what is said, not about what is sent.
                "/count" => {
                    send(path).assert_status(413);
                    let body = coded(coding, &text().as_bytes()[..100_000]);
                    gateway.send(&Request::post(path, "text/plain", body).field("content-encoding", coding))
                }
                _ => send(path),
            };
            response.assert_status(200);
            let came = response.json()["body"].as_str().unwrap().to_owned();
            assert!(expected.starts_with(&came) && came.len() >= 100_000, "{coding} {path}: {} bytes", came.len());
            assert!(response.echoed("content-encoding").is_empty(), "{coding} {path}");
            assert_eq!(response.echoed("transfer-encoding"), ["chunked"], "{coding} {path}");
        }
    }
}

#[test]
fn a_response_is_decoded_for_its_policies_and_goes_on_so() {
    for coding in CODINGS {
        let upstream = Upstream::with(move |exchange| {
            let fields = [
                ("content-type", "text/plain"),
                ("content-encoding", coding),
                ("etag", "\"1\""),
                ("content-digest", "sha-256=:AAAA:"),
            ];
            exchange.reply(200, &fields, &coded(coding, text().as_bytes()))
        });
        let gateway = gateway(&upstream);
        let black = gateway.get("/black");
        black.assert_status(200);
        assert!(black.text() == text().replace("secret", "***"), "{coding}");
        assert_eq!(black.field("content-encoding"), None, "{coding}");
        assert_eq!(black.field("etag"), Some("W/\"1\""), "{coding}");
        assert_eq!(black.field("content-digest"), None, "{coding}");
        let head = gateway.send(&Request::new("HEAD", "/black"));
        assert_eq!(head.field("content-encoding"), None, "{coding}: HEAD differs from GET");
        let plain = gateway.get("/plain");
        assert_eq!(plain.field("content-encoding"), Some(coding), "nobody looks at it");
        assert!(plain.body == coded(coding, text().as_bytes()), "{coding}");
    }
}

#[test]
fn what_a_policy_holds_is_judged_with_what_comes_next() {
    let text = "secret sec secretsecret sesecret secre";
    let expected = text.replace("secret", "***");
    let upstream = Upstream::with(|exchange| {
        let body = exchange.body()?;
        exchange.begin(200, &[("content-type", "text/plain")])?;
        // In other pieces than it came in.
        for piece in body.chunks(5) {
            exchange.chunk(piece)?;
        }
        exchange.chunk(b"!sec")?;
        exchange.chunk(b"")
    });
    let gateway = gateway(&upstream);
    let mut client = gateway.connect();
    client.write(b"POST /black HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n");
    for letter in text.chars() {
        client.write(format!("1\r\n{letter}\r\n").as_bytes());
    }
    client.write(b"0\r\n\r\n");
    assert_eq!(client.receive("POST").unwrap().text(), format!("{expected}!sec"));
}

#[test]
fn what_is_not_held_goes_on_before_more_comes() {
    let (next, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        let fields = [("content-type", "text/event-stream"), ("content-encoding", "gzip")];
        exchange.begin(200, &fields)?;
        let wait = wait.lock().unwrap();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for event in ["data: secret\n\n", "data: sec", "ret\n\n"] {
            encoder.write_all(event.as_bytes())?;
            encoder.flush()?;
            exchange.chunk(&std::mem::take(encoder.get_mut()))?;
            wait.recv().map_err(io::Error::other)?;
        }
        exchange.chunk(&encoder.finish()?)?;
        exchange.chunk(b"")
    });
    let gateway = gateway(&upstream);
    let mut client = gateway.connect();
    client.send_only(&Request::get("/black")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    for event in ["B\r\ndata: ***\n\n\r\n", "6\r\ndata: \r\n", "5\r\n***\n\n\r\n", "0\r\n\r\n"] {
        let mut piece = vec![0; event.len()];
        client.reader().read_exact(&mut piece).unwrap();
        assert_eq!(String::from_utf8_lossy(&piece), event);
        // After the last there is nobody left to tell.
        let _ = next.send(());
    }
}

#[test]
fn codings_that_cannot_be_undone_are_refused() {
    let upstream = Upstream::with(|exchange| {
        let coding = exchange.field("x-coding").unwrap_or_default().to_owned();
        exchange.body()?;
        exchange.reply(200, &[("content-type", "text/plain"), ("content-encoding", &coding)], b"hello")
    });
    let gateway = gateway(&upstream);
    for coding in ["compress", "gzip, gzip", "x"] {
        let request = Request::post("/black", "text/plain", "hello").field("content-encoding", coding);
        gateway.send(&request).assert_problem(415);
        gateway.send(&Request::get("/black").field("x-coding", coding)).assert_problem(502);
    }
    for coding in CODINGS {
        let request = Request::post("/black", "text/plain", "hello").field("content-encoding", coding);
        gateway.send(&request).assert_problem(400);
        // The head is on its way when that is found out, so the connection ends before the body does.
        let mut client = gateway.connect();
        client.send_only(&Request::get("/black").field("x-coding", coding)).unwrap();
        assert!(client.receive("GET").is_err(), "{coding}");
    }
}

#[test]
fn a_bomb_is_cut_off_long_before_it_has_gone_off() {
    let upstream = Upstream::with(|exchange| {
        let coding = exchange.field("x-coding").unwrap_or_default().to_owned();
        match exchange.body() {
            Ok(body) if body.is_empty() => {
                let fields = [("content-type", "application/json"), ("content-encoding", &*coding)];
                exchange.reply(200, &fields, &coded(&coding, &vec![b' '; 64 << 20]))
            }
            Ok(body) => exchange.reply(200, &[], format!("{} bytes", body.len()).as_bytes()),
            Err(_) => Ok(()),
        }
    });
    let gateway = gateway(&upstream);
    for coding in CODINGS {
        let bomb = coded(coding, &vec![b' '; 64 << 20]);
        let request = Request::post("/black", "text/plain", bomb).field("content-encoding", coding);
        gateway.send(&request).assert_problem(413);
        gateway.send(&Request::get("/whole").field("x-coding", coding)).assert_problem(502);
    }
}

#[test]
fn a_part_of_a_response_is_not_changed_as_if_it_were_all() {
    let upstream = Upstream::with(|exchange| {
        assert_eq!(exchange.field("range").is_some(), exchange.target == "/plain");
        let fields = [("content-type", "text/plain"), ("content-range", "bytes 3-7/8")];
        exchange.reply(206, &fields, b"ret")
    });
    let gateway = gateway(&upstream);
    gateway.send(&Request::get("/black").field("range", "bytes=3-")).assert_problem(502);
    gateway.send(&Request::get("/plain").field("range", "bytes=3-")).assert_status(206);
}

#[test]
fn a_policy_that_holds_what_it_may_not_costs_one_request() {
    let upstream = Upstream::echo();
    let route = |how: &str| {
        format!(
            "[[route]]\nname = \"{how}\"\nmatch = {{ path = \"/{how}\" }}\n\
             chain = [{{ policy = \"wrong-hold\", config = {{ how = \"{how}\" }} }}]\nupstream = \"main\"\n"
        )
    };
    let routes: String = ["more", "all", "last", "fine"].map(route).concat();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("wrong-hold")
        .gateway_toml(
            "[policy.wrong-hold]\nsource = \"file:components/wrong-hold.wasm\"\ngrant = [\"body:request:inspect\"]\n",
        )
        .api(
            "api",
            &format!("name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n{routes}"),
        )
        .start();
    let body = "x".repeat(100_000);
    for how in ["more", "all", "last"] {
        gateway.send(&Request::post(&format!("/{how}"), "text/plain", body.as_str())).assert_problem(503);
    }
    let fine = gateway.send(&Request::post("/fine", "text/plain", body.as_str()));
    assert!(fine.json()["body"] == body);
}
