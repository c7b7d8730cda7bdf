//! The end of the process: what was begun or is on its way is served, then nothing is left.

use std::io;
use std::sync::{Mutex, mpsc};

use lockgate_tests::{Gateway, Request, Upstream};

/// Wait until the log says that the gateway was asked to end and has heard it.
fn ending(gateway: &Gateway) {
    gateway.wait_for_log("the end to begin", |line| line["message"].as_str()?.starts_with("ending").then_some(()));
}

#[test]
fn connections_that_wait_for_their_turn_are_served_before_the_end() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::with(move |exchange| {
        if exchange.target == "/slow" {
            wait.lock().unwrap().recv().map_err(io::Error::other)?;
        }
        exchange.reply(200, &[], exchange.target.clone().as_bytes())
    });
    // One connection may be served: the second waits for its permit, the others in the queue of the system.
    let mut gateway = Gateway::folder()
        .listener("max_connections = 1")
        .gateway_toml("[runtime]\nworkers = 1")
        .proxy(&upstream)
        .start();
    let mut slow = gateway.connect();
    slow.send_only(&Request::get("/slow")).unwrap();
    upstream.wait_for_requests(1);
    let mut waiting: Vec<_> = (0..4).map(|_| gateway.connect()).collect();
    for (at, client) in waiting.iter_mut().enumerate() {
        client.send_only(&Request::get(&format!("/waiting/{at}"))).unwrap();
    }
    gateway.terminate();
    for (at, client) in waiting.iter_mut().enumerate() {
        let response = client.receive("GET").unwrap();
        assert_eq!(response.text(), format!("/waiting/{at}"));
        assert_eq!(response.field("connection"), Some("close"));
        assert_eq!(client.until_closed(), b"");
    }
    go.send(()).unwrap();
    assert_eq!(slow.receive("GET").unwrap().text(), "/slow");
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
