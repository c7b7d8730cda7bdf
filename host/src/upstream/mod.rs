//! Sends requests to upstreams over pooled connections, one pool for each worker.

mod connect;
mod form;
mod pool;
mod reply;
mod upgrade;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::{Host, Protocol, Target, UpstreamBounds};
use crate::exchange::{Body, BodyError, Fault};
use crate::tls;
use connect::ConnectError;
use pool::{Pool, Sender};
use reply::Reply;

pub(crate) use connect::{Duplex, Upgraded};
pub(crate) use upgrade::Answer;

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
    pub(crate) protocol: Protocol,
    /// None where it is reached without TLS.
    pub(crate) tls: Option<UpstreamTls>,
}

/// How the targets of an upstream are known.
#[derive(Debug, PartialEq)]
pub(crate) struct UpstreamTls {
    pub(crate) client: Arc<tls::Client>,
    /// In place of the host of the target.
    pub(crate) server_name: Option<Host>,
}

/// The connections of one worker to one upstream.
pub(crate) struct Connections {
    upstream: Arc<Upstream>,
    next: Cell<usize>,
    /// For each target.
    pools: Vec<Rc<Pool>>,
}

/// When a request has left, body and all.
pub(crate) enum Sent {
    /// As soon as it is written: it has no body, or one in memory.
    AtOnce,
    /// When `done` says so; meanwhile `waits` tells whether the client keeps it waiting.
    Later { done: oneshot::Receiver<()>, waits: Rc<Cell<bool>> },
}

/// A connection in use; given back when its response has been read to the end.
struct Lease {
    pool: Rc<Pool>,
    sender: Sender,
}

impl Connections {
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let pool = || Rc::new(Pool::new(upstream.protocol.has_http2(), upstream.max_idle, upstream.idle_timeout));
        let pools = upstream.targets.iter().map(|_| pool()).collect();
        Self { upstream, next: Cell::new(0), pools }
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
            let Some(pool) = self.pools.get(target) else { return Err(Fault::gateway("no_target")) };
            let (mut sender, reused) = match pool.take(now) {
                Some(sender) => (sender, true),
                None => match self.connect(target, pool, deadline).await {
                    Ok(connected) => connected,
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
                answered = sender.try_send(request, self.upstream.tls.is_some()) => answered,
                fault = self.too_late(&mut sent, now, deadline) => return Err(fault),
            };
            match answered {
                // Nothing here asks to change protocols.
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    let detail = "The upstream changed protocols without being asked.";
                    return Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_malformed", detail));
                }
                Ok(response) => {
                    reply::check(&response)?;
                    let lease = Lease { pool: pool.clone(), sender };
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

    /// Open a connection, or wait for one that is being opened and can be shared; and whether it was in use before.
    async fn connect(&self, target: usize, pool: &Pool, deadline: Instant) -> Result<(Sender, bool), Fault> {
        let Some(target) = self.upstream.targets.get(target) else { return Err(Fault::gateway("no_target")) };
        let until = deadline.min(Instant::now() + self.upstream.connect_timeout);
        let connected = timeout_at(until, async {
            let turn = pool.turn().await;
            if turn.is_some()
                && let Some(sender) = pool.take(Instant::now())
            {
                return Ok((sender, true));
            }
            let connected = connect::connect(&self.upstream, target, self.upstream.protocol).await?;
            Ok::<_, ConnectError>((pool.begin(connected), false))
        });
        match connected.await {
            Ok(connected) => connected.map_err(unreachable),
            Err(_) => Err(too_slow()),
        }
    }
}

impl Lease {
    fn give_back(self) {
        self.pool.keep(self.sender);
    }
}

const UNREACHABLE: &str = "The upstream cannot be reached.";

fn unreachable(error: ConnectError) -> Fault {
    let class = if error.is_tls() { "upstream_tls" } else { "upstream_connect" };
    Fault::upstream(StatusCode::BAD_GATEWAY, class, UNREACHABLE).because(error)
}

fn too_slow() -> Fault {
    Fault::upstream(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout_connect", UNREACHABLE)
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
