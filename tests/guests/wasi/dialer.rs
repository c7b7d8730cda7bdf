//! A policy in plain Rust, compiled for wasm32-wasip2, that wants a connection of its own.

use std::net::TcpStream;

use lockgate_guests::listening;
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Dialer {}

impl Policy for Dialer {
    fn interest(&self) -> Interest {
        listening().request_write("x-test-seen")
    }
}

impl RequestPhase for Dialer {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        let connected = TcpStream::connect("127.0.0.1:80").is_ok();
        Edits::new().set("x-test-seen", format!("{connected}")).into()
    }
}

lockgate_sdk::export!(Dialer: RequestPhase);
