//! HTTP/2 on both sides: heads in one form, bodies and trailers as streams, connections shared, clients that abuse it.

use std::io::{Read, Write};

use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Method};
use lockgate_tests::http2::{Http2Client, Http2Upstream, read};
use lockgate_tests::{Client, Folder, Gateway, Request, Upstream};

fn proxy_to_http2(folder: Folder, upstream: &Http2Upstream) -> Gateway {
    let api = r#"
        name = "proxy"
        version = "1"
        [upstream.main]
        targets = ["http://$upstream"]
        protocol = "h2"
        [[route]]
        name = "all"
        match = { path = "/{*rest}" }
        upstream = "main"
    "#;
    folder.word("upstream", upstream.address()).api("proxy", api).start()
}

#[test]
fn requests_of_one_http2_connection_are_answered_side_by_side() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let begun: Vec<_> = (0..50)
        .map(|number| {
            let request = client.request(Method::GET, &format!("/{number}"));
            client.begin(request, true).unwrap().0
        })
        .collect();
    for (number, response) in begun.into_iter().enumerate() {
        let response = client.wait(read(response)).unwrap();
        assert_eq!(response.status, 200);
        let echo: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(echo["target"], format!("/{number}"));
    }
}

#[test]
fn a_head_of_http2_reaches_an_http1_upstream_in_the_form_of_http1() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let mut request = client.request(Method::POST, "/a?b=c");
    for crumb in ["a=1", "b=2", "c=3"] {
        request.headers_mut().append(COOKIE, HeaderValue::from_static(crumb));
    }
    let response = client.send(request, "hello", None);
    let echo: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let field = |name: &str| -> Vec<String> {
        let fields = echo["fields"].as_array().unwrap().iter().filter(|field| field[0] == name);
        fields.map(|field| field[1].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["target"], "/a?b=c");
    assert_eq!(echo["body"], "hello");
    assert_eq!(field("cookie"), ["a=1; b=2; c=3"]);
    assert_eq!(field("host"), [gateway.public().to_string()]);
    assert_eq!(field("transfer-encoding"), ["chunked"], "a body whose length was not told");
}

#[test]
fn an_authority_and_a_host_field_that_disagree_are_a_400() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let mut request = client.request(Method::GET, "/");
    request.headers_mut().insert(HOST, HeaderValue::from_static("other.example"));
    assert_eq!(client.send(request, "", None).status, 400);
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn trailers_pass_in_both_directions_without_what_belongs_in_a_head() {
    let upstream = Http2Upstream::echo();
    let gateway = proxy_to_http2(Gateway::folder(), &upstream);
    let mut client = Http2Client::connect(gateway.public());
    let mut request = client.request(Method::POST, "/pkg.Service/Method");
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    trailers.insert("authorization", HeaderValue::from_static("smuggled"));
    trailers.insert("x-consumer-id", HeaderValue::from_static("admin"));
    let response = client.send(request, "message", Some(trailers));
    assert_eq!(response.body, "message");
    assert_eq!(response.headers["x-test-te"], "trailers");
    assert_eq!(response.headers["x-test-content-type"], "application/grpc");
    let trailers = response.trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers["x-sum"], "7");
    assert_eq!(trailers.len(), 2, "{trailers:?}");
}

#[test]
fn what_one_side_of_a_stream_sends_arrives_before_it_has_sent_all() {
    let upstream = Http2Upstream::echo();
    let gateway = proxy_to_http2(Gateway::folder(), &upstream);
    let mut client = Http2Client::connect(gateway.public());
    let request = client.request(Method::POST, "/pkg.Service/Chat");
    let (response, mut sending) = client.begin(request, false).unwrap();
    let mut receiving = client.wait(response).unwrap().into_body();
    for turn in 0..20 {
        let said = format!("turn {turn}");
        sending.send_data(said.clone().into(), false).unwrap();
        let heard = client.wait(receiving.data()).unwrap().unwrap();
        assert_eq!(heard, said);
    }
    sending.send_data("".into(), true).unwrap();
    assert!(client.wait(receiving.data()).is_none());
    assert_eq!(client.wait(receiving.trailers()).unwrap().unwrap()["grpc-status"], "0");
}

#[test]
fn a_large_body_passes_both_ways_over_http2() {
    let upstream = Http2Upstream::echo();
    let gateway = proxy_to_http2(Gateway::folder(), &upstream);
    let mut client = Http2Client::connect(gateway.public());
    let body: Vec<u8> = (0..4_000_000_u32).map(|number| (number % 251) as u8).collect();
    let request = client.request(Method::PUT, "/");
    let response = client.send(request, body.clone(), None);
    assert!(response.body == body, "{} bytes came back", response.body.len());
}

#[test]
fn requests_to_an_http2_upstream_share_a_connection() {
    let upstream = Http2Upstream::echo();
    let folder = Gateway::folder().gateway_toml("[runtime]\nworkers = 1");
    let gateway = proxy_to_http2(folder, &upstream);
    let mut clients: Vec<_> = (0..30).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send_only(&Request::get("/a")).unwrap();
    }
    for client in &mut clients {
        let response = client.receive("GET").unwrap();
        response.assert_status(200);
        assert_eq!(response.field("x-test-uri"), Some(format!("http://{}/a", gateway.public()).as_str()));
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn an_http2_upstream_that_goes_away_costs_no_request() {
    let upstream = Http2Upstream::leaving_after(3);
    let folder = Gateway::folder().gateway_toml("[runtime]\nworkers = 1");
    let gateway = proxy_to_http2(folder, &upstream);
    let mut client = gateway.connect();
    for _ in 0..20 {
        client.send(&Request::get("/")).assert_status(200);
    }
    assert!(upstream.connections() > 1);
}

#[test]
fn a_listener_without_http2_takes_its_preface_for_no_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("http2 = false").proxy(&upstream).start();
    let mut client = gateway.connect();
    client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.until_closed();
    assert_eq!(upstream.requests(), 0);
}

/// A frame by hand (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[test]
fn a_client_that_resets_what_it_asks_for_is_disconnected() {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    let upstream = Upstream::silent();
    let gateway = Gateway::folder().proxy(&upstream).start();
    // Resets that come with the request, and resets after the gateway had time to begin with it.
    for waits in [false, true] {
        let mut client = gateway.connect();
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.write(&frame(SETTINGS, 0, 0, &[]));
        let mut reset = 0;
        let closed = loop {
            let stream = 2 * reset + 1;
            // GET http://a/ without compression (RFC 7541 section 6.2.2).
            let ask = frame(HEADERS, 5, stream, &[0x82, 0x84, 0x86, 1, 1, b'a']);
            let pause = if waits { frame(PING, 0, 0, &[0; 8]) } else { Vec::new() };
            let take_back = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            if client.stream().write_all(&[ask, pause].concat()).is_err() {
                break true;
            }
            if waits && !until_pong(&mut client) {
                break true;
            }
            if client.stream().write_all(&take_back).is_err() {
                break true;
            }
            reset += 1;
            if reset == 20_000 {
                break false;
            }
        };
        assert!(closed, "it may go on for ever: {waits}");
    }
    // Others are served as before.
    assert_eq!(Http2Client::connect(gateway.public()).get("/bad%").status, 400);
}

/// Read frames until a PING comes back; false when the connection ends.
fn until_pong(client: &mut Client) -> bool {
    loop {
        let mut head = [0; 9];
        if client.reader().read_exact(&mut head).is_err() {
            return false;
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if client.reader().read_exact(&mut payload).is_err() {
            return false;
        }
        if (head[3], head[4]) == (6, 1) {
            return true;
        }
    }
}

#[test]
fn a_drain_lets_streams_end_and_takes_no_new_ones() {
    let upstream = Http2Upstream::echo();
    let mut gateway = proxy_to_http2(Gateway::folder(), &upstream);
    let mut client = Http2Client::connect(gateway.public());
    let request = client.request(Method::POST, "/");
    let (response, mut sending) = client.begin(request, false).unwrap();
    let mut receiving = client.wait(response).unwrap().into_body();
    gateway.terminate();
    gateway.wait_for_log("the drain", |line| line["message"].as_str()?.starts_with("ending").then_some(()));
    sending.send_data("last words".into(), true).unwrap();
    assert_eq!(client.wait(receiving.data()).unwrap().unwrap(), "last words");
    assert_eq!(client.wait(receiving.trailers()).unwrap().unwrap()["grpc-status"], "0");
    client.ended().unwrap();
    assert!(gateway.wait_for_end().success());
}

#[test]
fn a_client_that_takes_nothing_of_one_stream_loses_that_stream_only() {
    let upstream = Upstream::answering(200, &[], vec![b'x'; 1_000_000]);
    let gateway = Gateway::folder().listener("idle_timeout = \"300ms\"").proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let request = client.request(Method::GET, "/slow");
    let (response, _) = client.begin(request, true).unwrap();
    let mut stalled = client.wait(response).unwrap().into_body();
    // Its window, of which nothing is given back, is used up; the others go on for as long as it is there.
    let mut received = 0;
    let error = loop {
        let request = client.request(Method::HEAD, "/other");
        assert_eq!(client.send(request, "", None).status, 200);
        let next = client.wait(async {
            tokio::select! {
                biased;
                next = stalled.data() => Some(next),
                () = std::future::ready(()) => None,
            }
        });
        match next {
            Some(Some(Ok(data))) => received += data.len(),
            Some(Some(Err(error))) => break error,
            Some(None) => panic!("it ended as if it were whole"),
            None => {}
        }
    };
    assert!(error.is_reset(), "{error}");
    assert!(received < 1_000_000);
}
