//! Notices connections on which nothing happens for too long, without a timer for each request.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

/// What a client connection is doing, and since when.
#[derive(Clone)]
pub(super) struct Pulse(Rc<Cell<(Doing, Instant)>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Between requests.
    Idle,
    /// Some of a request head has arrived.
    Head,
    /// A request is being answered; other timeouts watch over that.
    Exchange,
}

impl Pulse {
    /// A new connection owes a head from its first moment.
    pub(super) fn new() -> Self {
        Self(Rc::new(Cell::new((Doing::Head, Instant::now()))))
    }

    pub(super) fn now(&self, doing: Doing) {
        self.0.set((doing, Instant::now()));
    }

    /// Ends when the connection has been idle, or its client writing one head, for too long.
    pub(super) async fn stopped(&self, head: Duration, idle: Duration) -> Doing {
        loop {
            let (doing, since) = self.0.get();
            let limit = match doing {
                Doing::Idle => idle,
                Doing::Head => head,
                // Looks again when the shorter of both could have passed after the exchange ended.
                Doing::Exchange => {
                    tokio::time::sleep(head.min(idle)).await;
                    continue;
                }
            };
            if since.elapsed() >= limit {
                return doing;
            }
            // Whatever began since then is found when this wakes.
            let soon = Instant::now() + head.min(idle);
            sleep_until((since + limit).min(soon)).await;
        }
    }
}

/// A stream that tells its pulse when bytes arrive on an idle connection.
pub(super) struct Watched<S> {
    stream: S,
    pulse: Pulse,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, pulse: Pulse) -> Self {
        Self { stream, pulse }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if polled.is_ready() && this.pulse.0.get().0 == Doing::Idle {
            this.pulse.now(Doing::Head);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
