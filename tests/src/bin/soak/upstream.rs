//! The upstream that all clients ask for.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::LazyLock;

use lockgate_tests::{Exchange, Upstream};

/// Of a large body.
pub(crate) const LARGE: usize = 4 << 20;
pub(crate) const EVENT: &str = "data: something happened\n\n";
pub(crate) const EVENTS: usize = 10;

/// Of the bytes of a large body: they repeat at no power of two.
const PERIOD: usize = 251;

pub(crate) fn start(address: SocketAddr) -> Upstream {
    Upstream::at(address, |exchange| match (exchange.method.as_str(), exchange.target.as_str()) {
        ("GET", "/large") => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
            exchange.stream().write_all(head.as_bytes())?;
            exchange.stream().write_all(large())
        }
        ("PUT", "/large") => {
            let whole = exchange.body()? == large();
            exchange.reply(if whole { 200 } else { 418 }, &[], b"")
        }
        ("GET", "/events") => events(exchange),
        ("POST", _) => {
            let body = exchange.body()?;
            exchange.reply(200, &[], &body)
        }
        _ => exchange.reply(200, &[], b"here"),
    })
}

pub(crate) fn large() -> &'static [u8] {
    static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| (0..LARGE).map(|at| (at % PERIOD) as u8).collect());
    &BODY
}

/// Whether what comes is a large body.
pub(crate) fn is_large(reader: &mut impl Read) -> io::Result<bool> {
    let mut body = vec![0; LARGE];
    reader.read_exact(&mut body)?;
    Ok(body == large())
}

fn events(exchange: &mut Exchange) -> io::Result<()> {
    exchange.begin(200, &[("content-type", "text/event-stream")])?;
    for _ in 0..EVENTS {
        exchange.chunk(EVENT.as_bytes())?;
    }
    exchange.chunk(b"")
}
