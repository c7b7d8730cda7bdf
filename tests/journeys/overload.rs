//! More requests at once than there may be: answered with 503 at once, before anything is done for them.

use std::io;
use std::sync::{Mutex, mpsc};

use http::Method;
use lockgate_tests::http2::{Http2Client, read};
use lockgate_tests::{Gateway, Request, Upstream, eventually};

/// An upstream that answers each request when it is told to.
fn waiting() -> (Upstream, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        wait.lock().unwrap().recv().map_err(io::Error::other)?;
        exchange.reply(200, &[], b"answered")
    });
    (upstream, go)
}

#[test]
fn a_request_too_many_is_answered_at_once_and_its_body_is_not_waited_for() {
    let (upstream, go) = waiting();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nmax_requests = 2").proxy(&upstream).start();
    let mut under_way: Vec<_> = (0..2).map(|_| gateway.connect()).collect();
    for client in &mut under_way {
        client.send_only(&Request::get("/begun")).unwrap();
    }
    upstream.wait_for_requests(2);
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/shed").field("content-length", "1000000")).unwrap();
    let response = client.receive("POST").unwrap();
    response.assert_problem(503);
    assert!(response.field("retry-after").is_some());
    let line = gateway.access_log("/shed");
    assert_eq!((&line["class"], &line["blame"], &line["route"]), (&"overloaded".into(), &"gateway".into(), &().into()));
    assert_eq!(gateway.metric("lockgate_requests_under_way"), Some(2.0));
    assert_eq!(gateway.metric("lockgate_requests_shed_total"), Some(1.0));
    // One that has no body keeps its connection, and is served on it once there is room.
    let mut client = gateway.connect();
    client.send(&Request::get("/")).assert_problem(503);
    (0..2).for_each(|_| go.send(()).unwrap());
    for client in &mut under_way {
        assert_eq!(client.receive("GET").unwrap().text(), "answered");
    }
    eventually("nothing to be under way", || {
        (gateway.metric("lockgate_requests_under_way") == Some(0.0)).then_some(())
    });
    go.send(()).unwrap();
    client.send(&Request::get("/")).assert_status(200);
    assert_eq!(upstream.requests(), 3);
}

#[test]
fn streams_of_http2_are_requests_like_any() {
    let (upstream, go) = waiting();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nmax_requests = 3").proxy(&upstream).start();
    let mut client = Http2Client::connect(gateway.public());
    let begun: Vec<_> = (0..3)
        .map(|_| {
            let request = client.request(Method::GET, "/");
            client.begin(request, true).unwrap().0
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(client.get("/more").status, 503);
    }
    (0..3).for_each(|_| go.send(()).unwrap());
    for response in begun {
        assert_eq!(client.wait(read(response)).unwrap().status, 200);
    }
}

#[test]
fn nothing_is_gathered_about_a_request_too_many() {
    let (upstream, go) = waiting();
    let limited = "[runtime]\nmax_requests = 1\n[tracing]\npropagate = true";
    let gateway = Gateway::folder().gateway_toml(limited).proxy(&upstream).start();
    let token = gateway.run(&["debug-token", "--for", "5m"]).stdout;
    let ask = |path: &str| Request::get(path).field("lockgate-debug", token.trim());
    let mut served = gateway.connect();
    served.send_only(&ask("/served")).unwrap();
    upstream.wait_for_requests(1);
    let shed = gateway.connect().send(&ask("/shed"));
    shed.assert_problem(503);
    assert_eq!(shed.field("lockgate-explain"), None);
    assert!(gateway.access_log("/shed")["trace_id"].is_null());
    go.send(()).unwrap();
    assert!(served.receive("GET").unwrap().field("lockgate-explain").is_some());
    assert!(gateway.access_log("/served")["trace_id"].is_string());
}
