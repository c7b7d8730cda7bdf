//! The upstream: says what it was asked for and told, at length where the client wants that.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::sleep;
use std::time::Duration;

use lockgate_tests::{Exchange, PATIENCE, Upstream};

use crate::history::History;

/// Of what a slow client reads.
pub(crate) const LARGE: usize = 256 << 10;
pub(crate) const LAST_EVENT: &str = "data: the end\n\n";
/// From one event to the next.
const EVENT_PAUSE: Duration = Duration::from_millis(10);

/// Uploads whose head has come here.
#[derive(Default)]
pub(crate) struct Arrived {
    uploads: Mutex<BTreeSet<u64>>,
    came: Condvar,
}

impl Arrived {
    fn note(&self, upload: u64) {
        self.uploads.lock().expect("an exchange failed").insert(upload);
        self.came.notify_all();
    }

    /// Wait for the head of an upload; says whether it came.
    pub(crate) fn wait_for(&self, upload: u64) -> bool {
        let uploads = self.uploads.lock().expect("an exchange failed");
        let waited = self.came.wait_timeout_while(uploads, PATIENCE, |uploads| !uploads.remove(&upload));
        waited.is_ok_and(|(_, waited)| !waited.timed_out())
    }
}

pub(crate) fn start(history: Arc<History>, arrived: Arc<Arrived>) -> Upstream {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Upstream::at(anywhere, move |exchange| {
        let told = told(exchange);
        let fields = [("x-test-told", told.as_str())];
        let what = exchange.target.rsplit('/').next().unwrap_or_default().to_owned();
        match what.split_once('?').unwrap_or((&what, "")) {
            ("upload", id) => {
                arrived.note(id.parse().unwrap_or_default());
                exchange.body()?;
                exchange.reply(200, &fields, b"")
            }
            ("large", _) => exchange.reply(200, &fields, &vec![b'x'; LARGE]),
            ("events", _) => events(exchange, &told, &history),
            ("socket", _) => socket(exchange, &told),
            _ => {
                exchange.body()?;
                exchange.reply(200, &fields, b"")
            }
        }
    })
}

/// By which route it was asked, by which configuration, and what the components said on the way here.
fn told(exchange: &Exchange) -> String {
    let route = exchange.target.split('/').nth(1).unwrap_or_default();
    let values = |name| exchange.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str());
    let all = |name| values(name).collect::<Vec<_>>().join(", ");
    format!("{route} {} {}", all("x-test-config"), all("x-test-told"))
}

/// Events, numbered, until several swaps are over.
fn events(exchange: &mut Exchange, told: &str, history: &History) -> io::Result<()> {
    let since = history.confirmed();
    exchange.begin(200, &[("content-type", "text/event-stream"), ("x-test-told", told)])?;
    for number in 0.. {
        if history.has_outlasted(since) {
            break;
        }
        exchange.chunk(format!("data: {number}\n\n").as_bytes())?;
        sleep(EVENT_PAUSE);
    }
    exchange.chunk(LAST_EVENT.as_bytes())?;
    exchange.chunk(b"")
}

/// Sends back what comes.
fn socket(exchange: &mut Exchange, told: &str) -> io::Result<()> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket";
    exchange.stream().write_all(format!("{head}\r\nx-test-told: {told}\r\n\r\n").as_bytes())?;
    let mut buffer = [0; 4096];
    loop {
        match exchange.reader().read(&mut buffer)? {
            0 => return Err(io::ErrorKind::ConnectionAborted.into()),
            read => exchange.stream().write_all(&buffer[..read])?,
        }
    }
}
