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
fn a_connection_that_was_just_opened_may_still_ask_while_an_idle_one_is_closed() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    let (mut fresh, mut begun) = (gateway.connect(), gateway.connect());
    begun.write(b"GET /begun HTTP/1.1\r\nhost: ");
    // Connections are accepted in their order, so those before this one have been.
    let mut idle = gateway.connect();
    idle.send(&Request::get("/")).assert_status(200);
    gateway.terminate();
    ending(&gateway);
    assert_eq!(idle.until_closed(), b"");
    fresh.send(&Request::get("/fresh")).assert_status(200);
    begun.write(b"a\r\n\r\n");
    begun.receive("GET").unwrap().assert_status(200);
    assert_eq!((fresh.until_closed(), begun.until_closed()), (vec![], vec![]));
    assert!(gateway.wait_for_end().success());
}
