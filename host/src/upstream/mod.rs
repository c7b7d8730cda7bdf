//! Sends requests to upstreams over pooled connections, one pool for each worker.

mod connect;
mod reply;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::client::conn::http1::SendRequest;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::{Target, UpstreamBounds};
use crate::exchange::{Body, BodyError, Fault};
use reply::Reply;

/// An upstream as configured; shared by all workers.
#[derive(Debug, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) targets: Vec<Target>,
    /// What addresses the names of targets may lead to.
    pub(crate) bounds: Arc<UpstreamBounds>,
    pub(crate) connect_timeout: Duration,
    /// From the request being sent to the first byte of the response.
    pub(crate) first_byte_timeout: Duration,
    /// Between two pieces of a body, and of a connection with nothing to do.
    pub(crate) idle_timeout: Duration,
    /// Idle connections kept, for each worker and target.
    pub(crate) max_idle: usize,
}

/// The connections of one worker to one upstream.
pub(crate) struct Connections {
    upstream: Arc<Upstream>,
    next: Cell<usize>,
    /// For each target, the most recently used last.
    idle: Vec<RefCell<Vec<Idle>>>,
}

/// When a request has left, body and all.
pub(crate) enum Sent {
    /// As soon as it is written: it has no body, or one in memory.
    AtOnce,
    /// When `done` says so; meanwhile `waits` tells whether the client keeps it waiting.
    Later { done: oneshot::Receiver<()>, waits: Rc<Cell<bool>> },
}

struct Idle {
    sender: SendRequest<Body>,
    since: Instant,
}

/// A connection in use; given back when its response has been read to the end.
struct Lease {
    connections: Rc<Connections>,
    target: usize,
    sender: SendRequest<Body>,
}

impl Connections {
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let idle = upstream.targets.iter().map(|_| RefCell::default()).collect();
        Self { upstream, next: Cell::new(0), idle }
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// Send a request, whose target is in origin form, and wait for the head of the response. `now` is the time.
    pub(crate) async fn send(
        self: &Rc<Self>,
        mut request: Request<Body>,
        mut sent: Sent,
        now: Instant,
        deadline: Instant,
    ) -> Result<Response<Body>, Fault> {
        let mut untried = self.upstream.targets.len();
        // Where this request begins; it goes round from there by itself, whatever others take meanwhile.
        let mut target = self.next_target();
        loop {
            let (mut sender, reused) = match self.take_idle(target, now) {
                Some(sender) => (sender, true),
                None => match self.connect(target, deadline).await {
                    Ok(sender) => (sender, false),
                    // Nothing was sent yet, so another target may be asked without harm.
                    Err(fault) if untried > 1 => {
                        untried -= 1;
                        target = (target + 1) % self.upstream.targets.len();
                        tracing::debug!(upstream = self.upstream.name, %fault, "target does not answer; trying the next");
                        continue;
                    }
                    Err(fault) => return Err(fault),
                },
            };
            let answered = tokio::select! {
                biased;
                answered = sender.try_send_request(request) => answered,
                fault = self.too_late(&mut sent, now, deadline) => return Err(fault),
            };
            match answered {
                // Nothing here asks to change protocols.
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    let detail = "The upstream changed protocols without being asked.";
                    return Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_malformed", detail));
                }
                Ok(response) if !reply::is_framed_once(response.headers()) => {
                    let detail = "The upstream gave an answer that is not HTTP.";
                    return Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_malformed", detail));
                }
                Ok(response) => {
                    let lease = Lease { connections: self.clone(), target, sender };
                    return Ok(Reply::wrap(response, lease, self.upstream.idle_timeout, deadline));
                }
                Err(mut error) => match error.take_message() {
                    // The upstream closed an idle connection before anything was written to it.
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(broken(error.into_error())),
                },
            }
        }
    }

    /// Ends when waiting for the response has no more point.
    async fn too_late(&self, sent: &mut Sent, now: Instant, deadline: Instant) -> Fault {
        let slow = |class| Fault::upstream(StatusCode::GATEWAY_TIMEOUT, class, "The upstream did not answer in time.");
        let mut gone = now;
        if let Sent::Later { done, waits } = sent {
            if timeout_at(deadline, done).await.is_err() {
                // Either the client does not send, or the upstream does not take.
                return if waits.get() { Fault::unread(BodyError::Deadline) } else { slow("timeout_total") };
            }
            *sent = Sent::AtOnce;
            gone = Instant::now();
        }
        let first_byte = gone + self.upstream.first_byte_timeout;
        sleep_until(deadline.min(first_byte)).await;
        slow(if first_byte < deadline { "upstream_timeout_first_byte" } else { "timeout_total" })
    }

    /// Round robin; `targets` is never empty.
    fn next_target(&self) -> usize {
        let at = self.next.get();
        self.next.set((at + 1) % self.upstream.targets.len().max(1));
        at
    }

    async fn connect(&self, target: usize, deadline: Instant) -> Result<SendRequest<Body>, Fault> {
        let Some(target) = self.upstream.targets.get(target) else { return Err(Fault::gateway("no_target")) };
        let until = deadline.min(Instant::now() + self.upstream.connect_timeout);
        let detail = "The upstream cannot be reached.";
        match timeout_at(until, connect::connect(target, &self.upstream.bounds)).await {
            Ok(Ok(sender)) => Ok(sender),
            Ok(Err(error)) => Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_connect", detail).because(error)),
            Err(_) => Err(Fault::upstream(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout_connect", detail)),
        }
    }

    fn take_idle(&self, target: usize, now: Instant) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.get(target)?.borrow_mut();
        while let Some(Idle { sender, since }) = idle.pop() {
            if now.duration_since(since) < self.upstream.idle_timeout && sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn keep_idle(&self, target: usize, sender: SendRequest<Body>) {
        let Some(idle) = self.idle.get(target) else { return };
        let mut idle = idle.borrow_mut();
        let now = Instant::now();
        // The front has waited longest; what is beyond its time goes, one for each that comes.
        let timeout = self.upstream.idle_timeout;
        if idle.first().is_some_and(|oldest| now - oldest.since > timeout || oldest.sender.is_closed()) {
            idle.remove(0);
        }
        if idle.len() < self.upstream.max_idle && !sender.is_closed() {
            idle.push(Idle { sender, since: now });
        }
    }
}

impl Lease {
    fn give_back(self) {
        self.connections.keep_idle(self.target, self.sender);
    }
}

/// The exchange with the upstream broke off before a response head came.
fn broken(error: hyper::Error) -> Fault {
    let (class, detail) = if error.is_parse() {
        ("upstream_malformed", "The upstream gave an answer that is not HTTP.")
    } else {
        ("upstream_closed", "The upstream closed the connection without an answer.")
    };
    Fault::upstream(StatusCode::BAD_GATEWAY, class, detail).because(error)
}
