//! The connections of one worker to one target: unused ones of HTTP/1.1, shared ones of HTTP/2.

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::connect::Connected;
use super::{Settings, form};
use crate::exchange::Body;

/// Requests at once on one HTTP/2 connection; where the server wants fewer, the others wait there.
const MAX_STREAMS: usize = 100;

/// The connections to one target.
pub(super) struct Pool {
    /// The most recently used last.
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Rc<Shared>>>,
    /// Whether a connection is likely to be shared: then those who wait for one wait for the same.
    is_http2: Cell<bool>,
    connecting: Semaphore,
    open: Rc<Open>,
    max_idle: usize,
    idle_timeout: Duration,
}

/// The connections there are, and who waits for there to be fewer.
#[derive(Default)]
struct Open {
    most: Option<u32>,
    now: Cell<u32>,
    waiting: Cell<u32>,
    max_waiting: u32,
    changed: Notify,
}

/// One of the connections there may be; counted while it lives.
pub(super) struct Room(Rc<Open>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get() - 1);
        self.0.changed.notify_one();
    }
}

struct Idle {
    connection: Http1,
    since: Instant,
}

/// An HTTP/1.1 connection. An upgrade has its own, which is counted nowhere.
pub(super) struct Http1 {
    sender: http1::SendRequest<Body>,
    _room: Option<Room>,
}

/// An HTTP/2 connection.
struct Shared {
    sender: http2::SendRequest<Body>,
    streams: Cell<usize>,
    since: Cell<Instant>,
    _room: Room,
}

/// A connection in use, or a stream of one.
pub(super) enum Sender {
    Http1(Http1),
    Http2(Stream),
}

/// One stream; counted while it lives.
pub(super) struct Stream(Rc<Shared>);

impl Pool {
    pub(super) fn new(settings: &Settings) -> Self {
        let (most, max_waiting) = (settings.limits.connections, settings.limits.pending);
        Self {
            idle: RefCell::default(),
            shared: RefCell::default(),
            is_http2: Cell::new(settings.protocol.has_http2()),
            connecting: Semaphore::new(1),
            open: Rc::new(Open { most, max_waiting, ..Open::default() }),
            max_idle: settings.max_idle,
            idle_timeout: settings.idle_timeout,
        }
    }

    /// Whether there are as many connections as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.open.most.is_some_and(|most| self.open.now.get() >= most)
    }

    /// Room for a connection, once there is some or a connection has become free; none where too many wait already.
    pub(super) async fn room(&self) -> Option<Room> {
        if self.is_full() {
            if self.open.waiting.get() >= self.open.max_waiting {
                return None;
            }
            let _waiting = Waiting::new(&self.open);
            while self.is_full() && self.idle.borrow().is_empty() {
                self.open.changed.notified().await;
            }
        }
        self.open.now.set(self.open.now.get() + 1);
        Some(Room(self.open.clone()))
    }

    /// A connection there is. `now` is the time.
    pub(super) fn take(&self, now: Instant) -> Option<Sender> {
        if self.is_http2.get()
            && let Some(stream) = self.stream(now)
        {
            return Some(Sender::Http2(stream));
        }
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { connection, since }) = idle.pop() {
            if now.duration_since(since) < self.idle_timeout && connection.sender.is_ready() {
                return Some(Sender::Http1(connection));
            }
        }
        None
    }

    /// Wait for others who open a connection that can be shared.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if !self.is_http2.get() {
            return None;
        }
        // The semaphore is never closed. Meanwhile the server may have shown that it speaks HTTP/1.1.
        self.connecting.acquire().await.ok().filter(|_| self.is_http2.get())
    }

    /// Take in a new connection, and begin to use it.
    pub(super) fn begin(&self, connected: Connected, room: Room) -> Sender {
        match connected {
            Connected::Http1(sender, _) => {
                self.is_http2.set(false);
                Sender::Http1(Http1 { sender, _room: Some(room) })
            }
            Connected::Http2(sender) => {
                self.is_http2.set(true);
                let (streams, since) = (Cell::new(0), Cell::new(Instant::now()));
                let shared = Rc::new(Shared { sender, streams, since, _room: room });
                self.shared.borrow_mut().push(shared.clone());
                Sender::Http2(Stream::of(shared))
            }
        }
    }

    /// Keep a connection whose response has been read to its end.
    pub(super) fn keep(&self, sender: Sender) {
        let Sender::Http1(connection) = sender else { return };
        let mut idle = self.idle.borrow_mut();
        let now = Instant::now();
        // The front has waited longest; what is beyond its time goes, one for each that comes.
        if idle
            .first()
            .is_some_and(|oldest| now - oldest.since > self.idle_timeout || oldest.connection.sender.is_closed())
        {
            idle.remove(0);
        }
        if idle.len() < self.max_idle && !connection.sender.is_closed() {
            idle.push(Idle { connection, since: now });
            self.open.changed.notify_one();
        }
    }

    /// A stream of the first connection that has one free: what is not needed gets no streams, and goes after a while.
    fn stream(&self, now: Instant) -> Option<Stream> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|it| {
            let idle = it.streams.get() == 0 && now.duration_since(it.since.get()) >= self.idle_timeout;
            !idle && !it.sender.is_closed()
        });
        let free = shared.iter().find(|it| it.streams.get() < MAX_STREAMS);
        free.cloned().map(Stream::of)
    }
}

/// One who waits; counted while it lives.
struct Waiting<'a>(&'a Open);

impl<'a> Waiting<'a> {
    fn new(open: &'a Open) -> Self {
        open.waiting.set(open.waiting.get() + 1);
        Self(open)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

impl Stream {
    fn of(shared: Rc<Shared>) -> Self {
        shared.streams.set(shared.streams.get() + 1);
        Self(shared)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.since.set(Instant::now());
    }
}

impl Sender {
    /// A connection that was not opened for the pool.
    pub(super) fn alone(sender: http1::SendRequest<Body>) -> Self {
        Self::Http1(Http1 { sender, _room: None })
    }

    /// Send a request in the form of the connection's protocol, and leave an empty one. It comes back when nothing of
    /// it was sent.
    pub(super) async fn try_send(
        &mut self,
        request: &mut Request<Body>,
        tls: bool,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::Http1(connection) => {
                form::to_http1(request);
                connection.sender.try_send_request(mem::take(request)).await
            }
            Self::Http2(stream) => {
                form::to_http2(request, tls);
                let mut sender = stream.0.sender.clone();
                sender.try_send_request(mem::take(request)).await
            }
        }
    }
}
