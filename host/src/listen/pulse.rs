//! What a client connection is doing. A sweep looks at all of them now and then, so that no request needs a timer or a
//! look at the clock.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::telemetry::metrics::Refusal;

/// How long a client that says nothing is waited for once the process was asked to end.
const LAST_CALL: Duration = Duration::from_secs(1);
/// After so long without a request a connection gives its buffers back.
const REST: Duration = Duration::from_secs(1);
/// How long a client that ended its side of the connection may be sent nothing of the answer it asked for: one that only has no
/// more to ask cannot be told from one that has gone.
const LEFT_ALONE: Duration = Duration::from_secs(5);
/// Exchanges a client may give up before they were answered, above those it is forgiven: half of them at each look. Whoever
/// opens streams only to reset them makes us work for nothing (CVE-2023-44487).
const MAX_ABANDONED: u32 = 200;

/// The state of one connection, or of one stream of an HTTP/2 connection, known to it and to the sweep.
pub(super) struct Pulse {
    doing: Cell<Doing>,
    exchanges: Cell<u32>,
    abandoned: Cell<u32>,
    /// Bytes between exchanges are no head yet: they may be about the connection (RFC 9113 section 6).
    multiplexes: Cell<bool>,
    /// What was written last has not been taken by the client yet.
    blocked: Cell<bool>,
    /// The client has ended its side while it is being answered.
    half_closed: Cell<bool>,
    /// Some of the next head came along with the request before.
    ahead: Cell<bool>,
    /// When the sweep first saw the present state; anything that happens clears it.
    since: Cell<Option<Instant>>,
    told: Cell<Option<Told>>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing has arrived yet.
    Fresh,
    /// Some of a request head has arrived.
    Head,
    /// A request is being answered; other timeouts watch over that.
    Exchange,
    /// Between requests.
    Idle,
}

/// What a connection is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Keep nothing until the next request.
    Rest,
    /// End when what is under way has ended, and what is on its way.
    Drain,
    /// End now: its client did nothing for too long.
    Stop,
}

impl Pulse {
    /// A new connection owes a head from its first moment.
    pub(super) fn new() -> Rc<Self> {
        Self::doing(Doing::Fresh)
    }

    /// A stream begins with its head, so all that can be awaited is that the client takes what it is sent.
    pub(super) fn of_stream() -> Rc<Self> {
        Self::doing(Doing::Exchange)
    }

    fn doing(doing: Doing) -> Rc<Self> {
        Rc::new(Self {
            doing: Cell::new(doing),
            exchanges: Cell::new(0),
            abandoned: Cell::new(0),
            multiplexes: Cell::new(false),
            blocked: Cell::new(false),
            half_closed: Cell::new(false),
            ahead: Cell::new(false),
            since: Cell::new(None),
            told: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    fn now(&self, doing: Doing) {
        self.doing.set(doing);
        self.since.set(None);
        if self.told.get() == Some(Told::Rest) {
            self.told.set(None);
        }
    }

    /// What comes before HTTP is over: time for the first head begins.
    pub(super) fn fresh(&self) {
        self.now(Doing::Fresh);
    }

    /// From here on exchanges go on side by side.
    pub(super) fn multiplexes(&self) {
        self.multiplexes.set(true);
        self.now(Doing::Idle);
    }

    /// The output of `future`, or nothing when the connection is stopped before.
    pub(super) async fn unless_stopped<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.told(cx) == Some(Told::Stop) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// What the connection was told; it is woken when that changes.
    pub(super) fn told(&self, cx: &Context<'_>) -> Option<Told> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.told.get()
    }

    /// Whether the connection is to end. A client that is not told so may have sent its next request when it is closed.
    pub(super) fn is_draining(&self) -> bool {
        matches!(self.told.get(), Some(Told::Drain | Told::Stop))
    }

    /// What a client whose connection was stopped is to be told it did, unless it just fell silent.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.doing.get() {
            _ if self.abandoned.get() > MAX_ABANDONED => Some(Refusal::Resets),
            Doing::Head => Some(Refusal::Slow),
            Doing::Fresh | Doing::Exchange | Doing::Idle => None,
        }
    }

    fn tell(&self, told: Told) {
        self.told.set(Some(told));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// An exchange begins.
    pub(super) fn begin(&self) {
        self.exchanges.set(self.exchanges.get() + 1);
        self.now(Doing::Exchange);
    }

    /// An exchange is over; whether it got an answer.
    pub(super) fn end(&self, answered: bool) {
        let left = self.exchanges.get().saturating_sub(1);
        self.exchanges.set(left);
        if left == 0 {
            self.now(Doing::Idle);
        }
        if !answered {
            self.abandoned();
        }
    }

    /// Something was handed to the client to take, or it is its turn no more.
    pub(super) fn owes(&self, owes: bool) {
        self.since.set(None);
        self.blocked.set(owes);
    }

    /// A request is being answered.
    pub(super) fn is_exchanging(&self) -> bool {
        self.doing.get() == Doing::Exchange
    }

    /// Whether there is a part of the next head, whose end has not arrived.
    pub(super) fn ahead(&self, ahead: bool) {
        self.ahead.set(ahead);
    }

    /// Whether all there is to remember of the connection is that it is there.
    fn may_rest(&self) -> bool {
        let is_idle = self.doing.get() == Doing::Idle && !self.multiplexes.get();
        is_idle && !self.blocked.get() && !self.ahead.get() && self.told.get().is_none()
    }

    /// There will be no further request.
    pub(super) fn half_close(&self) {
        if !self.half_closed.replace(true) {
            self.since.set(None);
        }
    }

    fn blocked(&self, blocked: bool) {
        if self.blocked.replace(blocked) != blocked || self.half_closed.get() {
            self.since.set(None);
        }
    }

    fn awaits_head(&self) -> bool {
        match self.doing.get() {
            Doing::Fresh => true,
            Doing::Idle => !self.multiplexes.get(),
            Doing::Head | Doing::Exchange => false,
        }
    }

    fn abandoned(&self) {
        let abandoned = self.abandoned.get() + 1;
        self.abandoned.set(abandoned);
        if abandoned > MAX_ABANDONED {
            self.tell(Told::Stop);
        }
    }
}

/// The connections of one worker on one listener.
pub(super) struct Sweep {
    connections: RefCell<Vec<Weak<Pulse>>>,
    /// Time for a request head.
    head: Duration,
    /// Time between requests, and for a client to take something of what is written to it.
    idle: Duration,
    draining: Cell<bool>,
}

impl Sweep {
    pub(super) fn new(head: Duration, idle: Duration) -> Self {
        Self { connections: RefCell::default(), head, idle, draining: Cell::new(false) }
    }

    /// How often to look: limits are kept to an eighth, or to a second.
    pub(super) fn period(&self) -> Duration {
        (self.head.min(self.idle) / 8).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    pub(super) fn add(&self, pulse: &Rc<Pulse>) {
        self.connections.borrow_mut().push(Rc::downgrade(pulse));
        if self.draining.get() {
            pulse.tell(Told::Drain);
        }
    }

    /// Ask every connection, those to come too, to end when its exchange has. One on which a request may be on its way gets a
    /// moment for that.
    pub(super) fn drain(&self, now: Instant) {
        self.draining.set(true);
        for pulse in self.connections.borrow().iter().filter_map(Weak::upgrade) {
            if pulse.awaits_head() {
                pulse.since.set(Some(now));
            }
            pulse.tell(Told::Drain);
        }
    }

    /// Stop the connections whose clients were silent for too long.
    pub(super) fn look(&self, now: Instant) {
        self.connections.borrow_mut().retain(|connection| {
            let Some(pulse) = connection.upgrade() else { return false };
            pulse.abandoned.set(pulse.abandoned.get() / 2);
            let limit = match pulse.doing.get() {
                _ if pulse.blocked.get() => self.idle,
                _ if self.draining.get() && pulse.awaits_head() => self.head.min(LAST_CALL),
                Doing::Fresh | Doing::Head => self.head,
                Doing::Idle => self.idle,
                Doing::Exchange if pulse.half_closed.get() => self.idle.min(LEFT_ALONE),
                Doing::Exchange => return true,
            };
            match pulse.since.get() {
                None => pulse.since.set(Some(now)),
                Some(since) if now.duration_since(since) >= limit => pulse.tell(Told::Stop),
                Some(since) if now.duration_since(since) >= REST && pulse.may_rest() => pulse.tell(Told::Rest),
                Some(_) => {}
            }
            true
        });
    }
}

/// A stream that keeps its pulse: bytes that arrive on a quiet connection, and bytes the client does not take.
pub(super) struct Watched<S> {
    stream: S,
    pulse: Rc<Pulse>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, pulse: Rc<Pulse>) -> Self {
        Self { stream, pulse }
    }

    fn wrote<T>(&self, polled: Poll<T>) -> Poll<T> {
        self.pulse.blocked(polled.is_pending());
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if polled.is_ready() && this.pulse.awaits_head() {
            this.pulse.now(Doing::Head);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.wrote(polled)
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
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
