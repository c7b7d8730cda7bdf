//! What comes after a 101: bytes in both directions, until one side ends it, nothing moves for too long, or the gateway drains.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::interval;

use super::ask::Switched;
use super::finish::Finish;
use super::frames::{Frames, Role};
use crate::exchange::{BodyError, Fault};
use crate::upstream::{Duplex, Upgraded};

/// Bytes on their way, for each direction.
const BUFFER: usize = 16 * 1024;

/// The two ends of a connection that speaks another protocol by now.
pub(crate) struct Tunnel {
    switched: Switched,
    /// Whether that protocol is WebSocket (RFC 6455), whose connections can be ended with a word.
    is_websocket: bool,
    finish: Finish,
}

/// What a tunnel is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As soon as it can be done politely.
    Drain,
    Now,
}

impl Tunnel {
    pub(super) fn new(switched: Switched, is_websocket: bool, finish: Finish) -> Self {
        Self { switched, is_websocket, finish }
    }

    /// Carry bytes to the end. `ahead` is what the client has sent already; `told` says, when polled, how the tunnel is
    /// to end.
    pub(crate) async fn run(
        mut self,
        client: impl Duplex,
        ahead: Bytes,
        told: impl Fn(&mut Context<'_>) -> Option<End>,
    ) {
        let Switched { upstream: Upgraded { stream, ahead: answered }, idle } = self.switched;
        let (down, up) = (Rc::<Passed>::default(), Rc::<Passed>::default());
        let mut client = Side { stream: client, passed: down.clone() };
        let mut upstream = Side { stream, passed: up.clone() };
        let begun = upstream.write_all(&ahead).await.and(client.write_all(&answered).await);
        let ended = match begun {
            Ok(()) => {
                let copy = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER);
                watch(copy, &down, &up, idle, self.is_websocket, told).await
            }
            Err(_) => Termination::Closed,
        };
        match ended {
            Termination::Drained => {
                // Whether they hear it or not, the connection ends.
                let _ = client.write_all(&Frames::going_away(Role::Server)).await;
                let _ = upstream.write_all(&Frames::going_away(Role::Client)).await;
                let _ = client.shutdown().await;
                let _ = upstream.shutdown().await;
            }
            Termination::Idle => self.finish.blame(&Fault::unread_response(BodyError::Idle)),
            Termination::Closed | Termination::Stopped => {}
        }
        self.finish.tunnel_over(up.bytes.get(), down.bytes.get());
    }
}

/// Why a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Termination {
    Closed,
    Idle,
    Drained,
    Stopped,
}

/// Let `copy` go on until it ends, nothing has moved for `idle`, or somebody says so.
async fn watch<T>(
    copy: impl Future<Output = T>,
    down: &Passed,
    up: &Passed,
    idle: Duration,
    is_websocket: bool,
    told: impl Fn(&mut Context<'_>) -> Option<End>,
) -> Termination {
    let mut copy = std::pin::pin!(copy);
    let mut ticks = interval(idle);
    ticks.reset();
    let mut seen = 0;
    std::future::poll_fn(|cx| {
        if copy.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Termination::Closed);
        }
        let may_speak = || is_websocket && down.frames.borrow().between_two() && up.frames.borrow().between_two();
        match told(cx) {
            Some(End::Now) => return Poll::Ready(Termination::Stopped),
            Some(End::Drain) if may_speak() => return Poll::Ready(Termination::Drained),
            // Other protocols have until the process ends, and a frame until it is whole.
            Some(End::Drain) | None => {}
        }
        while ticks.poll_tick(cx).is_ready() {
            let moved = down.bytes.get() + up.bytes.get();
            if moved == seen {
                return Poll::Ready(Termination::Idle);
            }
            seen = moved;
        }
        Poll::Pending
    })
    .await
}

/// What was passed on in one direction.
#[derive(Default)]
struct Passed {
    bytes: Cell<u64>,
    frames: RefCell<Frames>,
}

/// One end, and what was written to it.
struct Side<S> {
    stream: S,
    passed: Rc<Passed>,
}

impl<S: Duplex> AsyncRead for Side<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: Duplex> AsyncWrite for Side<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            this.passed.bytes.set(this.passed.bytes.get() + written as u64);
            this.passed.frames.borrow_mut().passed(bytes.get(..written).unwrap_or_default());
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
