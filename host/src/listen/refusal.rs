//! Turning connections away: counted, logged, and closed with as little work as can be.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown};

use super::Listener;
use super::socket::Stream;
use crate::serve::Worker;
use crate::telemetry::metrics::Refusal;

/// All that a client is told for whom there is no room.
const NO_ROOM: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\n",
    "content-type: application/problem+json\r\n",
    "content-length: 110\r\n",
    "retry-after: 1\r\n",
    "connection: close\r\n",
    "\r\n",
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"There are too many connections."}"#,
    "\r\n",
);

/// How HTTP/2 begins, as far as it has to be known.
const HTTP2: &[u8] = b"PRI ";

impl Listener {
    /// Count and log a client that was turned away. One that just left is counted only: whoever looks whether the port is open does that.
    pub(super) fn refuse(&self, worker: &Worker, client: Option<IpAddr>, reason: Refusal) {
        self.metrics.refused(reason);
        if reason != Refusal::Left {
            worker.refused(client, reason);
        }
    }
}

/// Close a connection for which there is no room. Whoever speaks plain HTTP/1.1 is told why, in one write to a buffer that is
/// empty; nothing is waited for, so that it takes nothing to turn away many.
pub(super) fn turn_away(stream: Stream, is_plain: bool) {
    // Where the descriptor cannot be had, it is closed all the same.
    let Some(mut stream) = stream.into_socket().ok().filter(|_| is_plain) else { return };
    let mut begin = [0; 4096];
    // What has arrived is taken: to close a connection with something unread on it resets it, answer and all.
    let read = stream.read(&mut begin).unwrap_or_default();
    if !begin.get(..read).unwrap_or_default().starts_with(HTTP2) {
        let _ = stream.write(NO_ROOM.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_length_it_says() {
        let (head, body) = NO_ROOM.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
