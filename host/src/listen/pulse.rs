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

/// How long a client that has said nothing yet is waited for once the process was asked to end.
const LAST_CALL: Duration = Duration::from_secs(1);

/// The state of one connection, known to it and to the sweep.
pub(super) struct Pulse {
    doing: Cell<Doing>,
    /// What was written last has not been taken by the client yet.
    blocked: Cell<bool>,
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
    /// End when what is under way has ended.
    Drain,
    /// End now: its client did nothing for too long.
    Stop,
}

impl Pulse {
    /// A new connection owes a head from its first moment.
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            doing: Cell::new(Doing::Fresh),
            blocked: Cell::new(false),
            since: Cell::new(None),
            told: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    pub(super) fn now(&self, doing: Doing) {
        self.doing.set(doing);
        self.since.set(None);
    }

    /// What the connection was told; it is woken when that changes.
    pub(super) fn told(&self, cx: &Context<'_>) -> Option<Told> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        match self.told.get() {
            // It may have been opened for a request that is on its way.
            Some(Told::Drain) if self.doing.get() == Doing::Fresh => None,
            told => told,
        }
    }

    fn tell(&self, told: Told) {
        self.told.set(Some(told));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn blocked(&self, blocked: bool) {
        if self.blocked.replace(blocked) != blocked {
            self.since.set(None);
        }
    }
}

/// The connections of one worker on one listener.
pub(super) struct Sweep {
    connections: Vec<Weak<Pulse>>,
    /// Time for a request head.
    head: Duration,
    /// Time between requests, and for a client to take something of what is written to it.
    idle: Duration,
    draining: bool,
}

impl Sweep {
    pub(super) fn new(head: Duration, idle: Duration) -> Self {
        Self { connections: Vec::new(), head, idle, draining: false }
    }

    /// How often to look: limits are kept to an eighth, or to a second.
    pub(super) fn period(&self) -> Duration {
        (self.head.min(self.idle) / 8).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    pub(super) fn add(&mut self, pulse: &Rc<Pulse>) {
        self.connections.push(Rc::downgrade(pulse));
        if self.draining {
            pulse.tell(Told::Drain);
        }
    }

    /// Ask every connection, those to come too, to end when its exchange has. One on which nothing has arrived yet gets a
    /// moment for that.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        for pulse in self.connections.iter().filter_map(Weak::upgrade) {
            pulse.tell(Told::Drain);
        }
    }

    /// Stop the connections whose clients were silent for too long.
    pub(super) fn look(&mut self, now: Instant) {
        self.connections.retain(|connection| {
            let Some(pulse) = connection.upgrade() else { return false };
            let limit = match pulse.doing.get() {
                _ if pulse.blocked.get() => self.idle,
                Doing::Fresh if self.draining => self.head.min(LAST_CALL),
                Doing::Fresh | Doing::Head => self.head,
                Doing::Idle => self.idle,
                Doing::Exchange => return true,
            };
            match pulse.since.get() {
                None => pulse.since.set(Some(now)),
                Some(since) if now.duration_since(since) >= limit => pulse.tell(Told::Stop),
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
        if polled.is_ready() && matches!(this.pulse.doing.get(), Doing::Idle | Doing::Fresh) {
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
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);

    fn heard(pulse: &Pulse) -> Option<Told> {
        pulse.told(&Context::from_waker(Waker::noop()))
    }

    /// What a connection in some state has been told after it was silent for a time.
    fn told(doing: Doing, blocked: bool, draining: bool, silent: Duration) -> Option<Told> {
        let mut sweep = Sweep::new(HEAD, IDLE);
        let pulse = Pulse::new();
        sweep.add(&pulse);
        pulse.now(doing);
        pulse.blocked(blocked);
        if draining {
            sweep.drain();
        }
        let now = Instant::now();
        sweep.look(now);
        sweep.look(now + silent);
        heard(&pulse)
    }

    #[test]
    fn silence_ends_a_connection_after_the_time_its_state_allows() {
        for (doing, blocked, limit) in [
            (Doing::Fresh, false, HEAD),
            (Doing::Head, false, HEAD),
            (Doing::Idle, false, IDLE),
            (Doing::Idle, true, IDLE),
            (Doing::Exchange, true, IDLE),
        ] {
            let early = limit - Duration::from_millis(1);
            assert_eq!(told(doing, blocked, false, early), None, "{doing:?}");
            assert_eq!(told(doing, blocked, false, limit), Some(Told::Stop), "{doing:?}");
        }
        assert_eq!(told(Doing::Exchange, false, false, IDLE * 9), None);
    }

    #[test]
    fn a_drain_leaves_a_new_connection_a_moment_to_say_something() {
        assert_eq!(told(Doing::Idle, false, true, Duration::ZERO), Some(Told::Drain));
        assert_eq!(told(Doing::Exchange, false, true, Duration::ZERO), Some(Told::Drain));
        assert_eq!(told(Doing::Fresh, false, true, Duration::ZERO), None);
        assert_eq!(told(Doing::Fresh, false, true, LAST_CALL), Some(Told::Stop));
        let pulse = Pulse::new();
        let mut sweep = Sweep::new(HEAD, IDLE);
        sweep.drain();
        sweep.add(&pulse);
        assert_eq!(heard(&pulse), None);
        pulse.now(Doing::Exchange);
        assert_eq!(heard(&pulse), Some(Told::Drain));
    }

    #[test]
    fn whatever_happens_starts_the_time_anew() {
        let mut sweep = Sweep::new(HEAD, IDLE);
        let pulse = Pulse::new();
        sweep.add(&pulse);
        let now = Instant::now();
        sweep.look(now);
        pulse.now(Doing::Idle);
        sweep.look(now + IDLE);
        assert_eq!(heard(&pulse), None);
        drop(pulse);
        sweep.look(now + IDLE);
        assert!(sweep.connections.is_empty(), "connections that are gone are forgotten");
    }
}
