//! Connections to one service that are kept for its next call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::time::Instant;

use crate::upstream::to_http2;

/// Connections kept, and how long one is after its last call: less than most services wait before they close it.
const MOST: usize = 16;
const LIFE: Duration = Duration::from_secs(15);

/// What waits for the next call. A connection is used by the thread that drives it, so that no call waits for another
/// thread's work.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    sender: Sender,
    thread: ThreadId,
    until: Instant,
}

/// A connection that takes requests.
#[derive(Debug)]
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Idle {
    /// A connection of HTTP/2 stays here for others: it carries many calls.
    pub(super) fn take(&self) -> Option<Sender> {
        let (now, here) = (Instant::now(), std::thread::current().id());
        let mut all = self.lock();
        all.retain(|kept| kept.until > now && kept.sender.is_open());
        let at = all.iter().rposition(|kept| kept.thread == here && kept.sender.is_ready())?;
        match all.get(at)?.sender {
            Sender::Http2(ref sender) => Some(Sender::Http2(sender.clone())),
            Sender::Http1(_) => Some(all.swap_remove(at).sender),
        }
    }

    /// The one that has waited longest makes room.
    pub(super) fn keep(&self, sender: Sender) {
        let (until, thread) = (Instant::now() + LIFE, std::thread::current().id());
        let mut all = self.lock();
        if matches!(sender, Sender::Http2(_))
            && let Some(known) = all.iter_mut().find(|kept| kept.thread == thread && kept.sender.is_http2())
        {
            known.until = until;
            return;
        }
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push(Kept { sender, thread, until });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Send a request in the form of the connection's protocol. It comes back with the error when nothing of it was
    /// sent.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
        is_tls: bool,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => {
                to_http2(&mut request, is_tls);
                sender.try_send_request(request).await
            }
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Http1(sender) => !sender.is_closed(),
            Self::Http2(sender) => !sender.is_closed(),
        }
    }

    /// Whether it takes a request now; what was read to its end a moment ago may not yet.
    fn is_ready(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_ready(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }

    fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }
}
