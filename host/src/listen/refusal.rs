//! Turning connections away, with as little work as can be.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::socket::Stream;

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

/// For so long, and so many bytes, a client may go on sending after it was told.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 << 10;
/// So many of them at once, for each worker of a listener. More are closed at once.
const MOST_LINGERING: usize = 128;

/// How HTTP/2 begins, as far as it has to be known.
const HTTP2: &[u8] = b"PRI ";

/// The connections of one worker on one listener for which there is no room.
///
/// Whoever speaks plain HTTP/1.1 is told why, in one write to a buffer that is empty. To close such a connection at
/// once would reset it where more of the request is on its way, and the client might lose the answer (RFC 9112 section
/// 9.6). So its client may go on for a while: some of them, for to turn away many must take next to nothing.
#[derive(Default)]
pub(super) struct TurnedAway {
    lingering: JoinSet<()>,
}

impl TurnedAway {
    /// Close a connection, with a word or without.
    pub(super) fn close(&mut self, stream: Stream, is_plain: bool) {
        while self.lingering.try_join_next().is_some() {}
        if is_plain && was_told(&stream) && self.lingering.len() < MOST_LINGERING {
            self.lingering.spawn_local(linger(stream));
        }
    }
}

/// Tell a client that there is no room, unless it speaks HTTP/2. Nothing is waited for.
fn was_told(stream: &Stream) -> bool {
    let socket = stream.socket();
    let mut begin = [0; 4096];
    let read = (&*socket).read(&mut begin).unwrap_or_default();
    if begin.get(..read).unwrap_or_default().starts_with(HTTP2) {
        return false;
    }
    let written = (&*socket).write(NO_ROOM.as_bytes());
    written.and_then(|_| socket.shutdown(Shutdown::Write)).is_ok()
}

/// Take what a client still sends, until it has heard, or has had time to.
async fn linger(mut stream: Stream) {
    let mut rest = [0; 4096];
    let mut left = LINGER_BYTES;
    let all = async {
        while let Ok(read @ 1..) = stream.read(&mut rest).await
            && read < left
        {
            left -= read;
        }
    };
    let _ = timeout(LINGER, all).await;
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
