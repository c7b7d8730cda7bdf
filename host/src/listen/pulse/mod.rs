//! What a client connection is doing. A sweep looks at all of them now and then, so that no request needs a timer or a
//! look at the clock.

mod sweep;
mod watched;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

pub(super) use sweep::{Limits, Sweep};
pub(super) use watched::Watched;

use crate::telemetry::metrics::Refusal;
use crate::tls::Session;

/// Exchanges a client may give up before they were answered, above those it is forgiven: half of them at each look.
/// Whoever opens streams only to reset them makes us work for nothing (CVE-2023-44487).
const MAX_ABANDONED: u32 = 200;
/// Frames of HTTP/2 that bring nothing, likewise: PING, SETTINGS and the like, each of which has to be read, and some
/// answered.
const MAX_IDLE_FRAMES: i64 = 1000;
/// Such frames that are forgiven for each request and each piece of a response, which they go with.
const FRAMES_FOR_EACH: u32 = 4;
/// Bytes of a response for which one more such frame is forgiven, since windows are opened as they are used up.
const BYTES_FOR_A_FRAME: usize = 512;
/// Frames that can be forgiven ahead: windows may be opened long after the bytes were sent.
const FRAMES_AHEAD: i64 = 32_768;

/// The state of one connection, or of one stream of an HTTP/2 connection, known to it and to the sweep.
pub(super) struct Pulse {
    doing: Cell<Doing>,
    exchanges: Cell<u32>,
    abandoned: Cell<u32>,
    /// Below 0 for those that are forgiven ahead.
    idle_frames: Cell<i64>,
    /// Bytes between exchanges are no head yet: they may be about the connection (RFC 9113 section 6).
    multiplexes: Cell<bool>,
    /// What was written last has not been taken by the client yet.
    blocked: Cell<bool>,
    /// The client has ended its side while it is being answered.
    half_closed: Cell<bool>,
    /// Some of the next head came along with the request before.
    ahead: Cell<bool>,
    /// Bytes the client has taken.
    taken: Cell<u64>,
    /// When the sweep first saw the present state; anything that happens clears it.
    since: Cell<Option<Instant>>,
    /// When the sweep began to measure how fast the client takes what it is sent, and what it had taken by then.
    measured: Cell<Option<(Instant, Taken)>>,
    told: Cell<Option<Told>>,
    waker: RefCell<Option<Waker>>,
    /// Of a connection inside TLS, once there is one.
    session: OnceCell<Rc<Session>>,
    /// Of a stream, its connection.
    connection: Option<Rc<Self>>,
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
    /// End now: its client did nothing for too long, or too much.
    Stop,
}

/// Bytes a client has taken.
#[derive(Clone, Copy)]
struct Taken {
    /// Of this connection or stream.
    own: u64,
    /// Of its connection, where it is a stream.
    beside: u64,
}

impl Pulse {
    /// A new connection owes a head from its first moment.
    pub(super) fn new() -> Rc<Self> {
        Self::doing(Doing::Fresh, None)
    }

    /// A stream begins with its head, so all that can be awaited is that the client takes what it is sent.
    pub(super) fn of_stream(connection: &Rc<Self>) -> Rc<Self> {
        Self::doing(Doing::Exchange, Some(connection.clone()))
    }

    fn doing(doing: Doing, connection: Option<Rc<Self>>) -> Rc<Self> {
        Rc::new(Self {
            doing: Cell::new(doing),
            exchanges: Cell::new(0),
            abandoned: Cell::new(0),
            idle_frames: Cell::new(0),
            multiplexes: Cell::new(false),
            blocked: Cell::new(false),
            half_closed: Cell::new(false),
            ahead: Cell::new(false),
            taken: Cell::new(0),
            since: Cell::new(None),
            measured: Cell::new(None),
            told: Cell::new(None),
            waker: RefCell::new(None),
            session: OnceCell::new(),
            connection,
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

    /// The client was admitted on these terms.
    pub(super) fn admitted(&self, session: &Rc<Session>) {
        self.session.get_or_init(|| session.clone());
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

    /// Whether it ends because of what its client did, or did not do.
    pub(super) fn is_stopped(&self) -> bool {
        self.told.get() == Some(Told::Stop)
    }

    /// Whether it ends because its client did not take what it was sent.
    pub(super) fn was_kept_waiting(&self) -> bool {
        self.is_stopped() && self.blocked.get()
    }

    /// What a client whose connection was stopped is to be told it did, unless it just fell silent.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.doing.get() {
            _ if self.abandoned.get() > MAX_ABANDONED => Some(Refusal::Resets),
            _ if self.idle_frames.get() > MAX_IDLE_FRAMES => Some(Refusal::Http2),
            Doing::Head => Some(Refusal::Slow),
            Doing::Fresh | Doing::Exchange | Doing::Idle => None,
        }
    }

    /// The connection is to end with what is under way.
    pub(super) fn drain(&self) {
        self.tell(Told::Drain);
    }

    fn tell(&self, told: Told) {
        if self.is_stopped() {
            return;
        }
        self.told.set(Some(told));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// An exchange begins.
    pub(super) fn begin(&self) {
        self.exchanges.set(self.exchanges.get() + 1);
        self.forgive_frames(FRAMES_FOR_EACH);
        self.now(Doing::Exchange);
    }

    /// An exchange is over; whether it got an answer.
    pub(super) fn end(&self, answered: bool) {
        let left = self.exchanges.get().saturating_sub(1);
        self.exchanges.set(left);
        if left == 0 {
            self.now(Doing::Idle);
        }
        match answered {
            true => self.abandoned.set(self.abandoned.get().saturating_sub(1)),
            false => self.abandoned(),
        }
    }

    /// The client was handed so many bytes, which it owes to take.
    pub(super) fn hand(&self, bytes: usize) {
        self.since.set(None);
        self.blocked.set(true);
        self.took(bytes);
        if let Some(connection) = &self.connection {
            let frames = u32::try_from(bytes / BYTES_FOR_A_FRAME).unwrap_or(u32::MAX);
            connection.forgive_frames(frames.saturating_add(FRAMES_FOR_EACH));
        }
    }

    /// The client owes nothing: it has taken all there is.
    pub(super) fn settled(&self) {
        self.since.set(None);
        self.blocked.set(false);
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

    fn took(&self, bytes: usize) {
        self.taken.set(self.taken.get().wrapping_add(bytes as u64));
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

    /// The client sent frames that bring nothing.
    pub(super) fn idle_frames(&self, frames: u32) {
        let idle_frames = self.idle_frames.get() + i64::from(frames);
        self.idle_frames.set(idle_frames);
        if idle_frames > MAX_IDLE_FRAMES {
            self.tell(Told::Stop);
        }
    }

    fn forgive_frames(&self, frames: u32) {
        self.idle_frames.set((self.idle_frames.get() - i64::from(frames)).max(-FRAMES_AHEAD));
    }

    /// Time has passed. What led to a stop is kept, to be told.
    fn forgive(&self) {
        if !self.is_stopped() {
            self.abandoned.set(self.abandoned.get() / 2);
            let idle_frames = self.idle_frames.get();
            self.idle_frames.set(if idle_frames > 0 { idle_frames / 2 } else { idle_frames });
        }
    }

    fn taken(&self) -> Taken {
        Taken { own: self.taken.get(), beside: self.connection.as_ref().map_or(0, |it| it.taken.get()) }
    }
}
