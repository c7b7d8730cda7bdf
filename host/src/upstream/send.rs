//! The way of one request to an upstream: to which target, over which connection, and whether once more.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connect::{self, ConnectError};
use super::pool::{Pool, Sender};
use super::reply::{self, Reply};
use super::retry::{self, Spare};
use super::tried::Tried;
use super::{Connections, Lease, Sent, Source, Upstream, form};
use crate::exchange::{Body, BodyError, Fault};
use crate::telemetry::Blame;
use crate::telemetry::account::Account;
use crate::telemetry::metrics::Retried;

/// What a request brings along.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) client: Option<IpAddr>,
    /// When it was asked.
    pub(crate) now: Instant,
    pub(crate) deadline: Instant,
    /// Whether each target is told its own host.
    pub(crate) as_target: bool,
    /// Where tries are told of, if anywhere.
    pub(crate) account: Option<&'a Account>,
    /// How often it was sent.
    pub(crate) tries: &'a Cell<u8>,
}

/// One of the requests an upstream may have on its way.
pub(super) struct Ticket(Arc<Upstream>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

/// How far a request has come.
struct Trial {
    /// Of the try, from 1.
    number: u32,
    /// Targets that failed it.
    failed: Vec<usize>,
    /// Whether no kept connection is to be used any more.
    fresh: bool,
    /// For this try to be answered, where that is less than the upstream has.
    time: Option<Duration>,
}

impl Trial {
    fn again(&mut self, spare: Spare, failed: usize, request: &mut Request<Body>) {
        self.number += 1;
        self.failed.push(failed);
        *request = spare.into_request();
    }
}

/// Why a try did not come to an answer.
struct Failure {
    fault: Fault,
    why: Why,
}

enum Why {
    /// Nothing was sent.
    Unsent,
    /// The connection ended; one that had been kept may have ended before the request came.
    Closed { kept: bool },
    /// No answer in time. Where another try may follow, that has been paid for.
    Slow { again: bool },
    /// There was an answer, and it was none; or it was not the target's fault.
    Final,
}

impl Connections {
    /// Send a request, whose target is in origin form, and wait for the head of the response. It stays where it is
    /// until a connection takes it, and is empty afterwards: each future it was handed on to would be as long again as
    /// it is.
    pub(crate) async fn send(
        self: &Rc<Self>,
        request: &mut Request<Body>,
        mut sent: Sent,
        asked: Asked<'_>,
    ) -> Result<Response<Body>, Fault> {
        let ticket = self.admit()?;
        let settings = &self.upstream.settings;
        let key = self.balancer.key(request, asked.client);
        let mut trial = Trial { number: 1, failed: Vec::new(), fresh: false, time: None };
        self.budget.earn();
        loop {
            let Some(target) = self.pick(key, &trial.failed, asked.now) else {
                return Err(Fault::gateway("no_target"));
            };
            let Some(pool) = self.pools.get(target) else { return Err(Fault::gateway("no_target")) };
            let spare = self.spares.copy(&settings.retry, trial.number, request);
            trial.time = settings.retry.timeout.filter(|_| spare.is_some());
            let load = self.balancer.load(target);
            asked.tries.set(asked.tries.get().saturating_add(1));
            let tried = Tried::begin(asked.account, &self.upstream, target, request.headers_mut());
            let attempted = self.attempt(target, pool, request, &mut sent, asked, &trial).await;
            tried.end(attempted.as_ref().map(|(response, _)| response.status()).map_err(|failure| failure.fault.class));
            let (failure, spare) = match attempted {
                Ok((response, sender)) => {
                    self.judge(target, response.status(), asked.now);
                    match spare {
                        Some(spare)
                            if retry::is_no_answer(&settings.retry, &response) && self.may_retry(Retried::Status) =>
                        {
                            trial.again(spare, target, request);
                            continue;
                        }
                        spare => self.spares.take_back(spare),
                    }
                    let lease = Lease { pool: pool.clone(), sender, _load: load, _ticket: ticket };
                    return Ok(Reply::wrap(response, lease, settings.idle_timeout, asked.deadline));
                }
                Err(failure) => (failure, spare),
            };
            self.after(failure, spare, target, &mut trial, request).map_err(|fault| self.at(target, fault))?;
        }
    }

    /// Has `request` ready to be sent again after a failure, or is the fault where that was the last try.
    fn after(
        &self,
        Failure { fault, why }: Failure,
        spare: Option<Spare>,
        target: usize,
        trial: &mut Trial,
        request: &mut Request<Body>,
    ) -> Result<(), Fault> {
        let failed = || self.upstream.targets.failed(target, Instant::now());
        let reason = match why {
            // Another target may be asked without harm.
            Why::Unsent => {
                failed();
                trial.failed.push(target);
                if trial.failed.len() >= self.upstream.settings.targets.len() {
                    return Err(fault);
                }
                tracing::debug!(upstream = self.upstream.settings.name, %fault, "target does not answer; trying the next");
                self.upstream.metrics.retried(Retried::Connect);
                return Ok(());
            }
            // That says nothing about the target: servers close what they kept for long enough.
            Why::Closed { kept: true } if !trial.fresh => {
                let Some(spare) = spare else { return Err(fault) };
                self.upstream.metrics.retried(Retried::Closed);
                trial.fresh = true;
                *request = spare.into_request();
                return Ok(());
            }
            Why::Closed { .. } => {
                failed();
                Retried::Closed
            }
            Why::Slow { again } => {
                failed();
                let spare = spare.filter(|_| again).ok_or(fault)?;
                trial.again(spare, target, request);
                return Ok(());
            }
            Why::Final => return Err(fault),
        };
        let spare = spare.filter(|_| self.may_retry(reason)).ok_or(fault)?;
        trial.again(spare, target, request);
        Ok(())
    }

    fn at(&self, target: usize, fault: Fault) -> Fault {
        let settings = &self.upstream.settings;
        match settings.targets.get(target) {
            Some(at) if fault.blame == Blame::Upstream => {
                fault.at(format!("upstream `{}` at {}", settings.name, at.target))
            }
            _ => fault,
        }
    }

    /// Take part in what is under way, if there may be more.
    pub(super) fn admit(&self) -> Result<Option<Ticket>, Fault> {
        let Some(most) = self.upstream.settings.limits.requests else { return Ok(None) };
        let before = self.upstream.under_way.fetch_add(1, Relaxed);
        let ticket = Ticket(self.upstream.clone());
        if before < most { Ok(Some(ticket)) } else { Err(self.overloaded()) }
    }

    fn overloaded(&self) -> Fault {
        self.upstream.metrics.refused();
        let detail = "There are too many requests on their way to the upstream.";
        Fault::upstream(StatusCode::SERVICE_UNAVAILABLE, "upstream_overloaded", detail)
    }

    /// A target that has not failed this request, and is asked at all; where there is none, any: to try is better than
    /// not to.
    pub(super) fn pick(&self, key: Option<u64>, failed: &[usize], now: Instant) -> Option<usize> {
        let open = |target: usize| self.upstream.targets.is_open(target, now);
        let untried = |target: usize| !failed.contains(&target);
        self.balancer
            .pick(key, |target| untried(target) && open(target))
            .or_else(|| self.balancer.pick(key, untried))
            .or_else(|| self.balancer.pick(key, open))
            .or_else(|| self.balancer.pick(key, |_| true))
    }

    fn judge(&self, target: usize, status: StatusCode, now: Instant) {
        match self.upstream.settings.eject.status.contains(&u32::from(status.as_u16())) {
            true => self.upstream.targets.failed(target, now),
            false => self.upstream.targets.succeeded(target),
        }
    }

    fn may_retry(&self, reason: Retried) -> bool {
        let may = self.budget.spend(Instant::now());
        match may {
            true => self.upstream.metrics.retried(reason),
            false => self.upstream.metrics.retry_denied(),
        }
        may
    }

    /// Send a request to a target once.
    async fn attempt(
        &self,
        target: usize,
        pool: &Pool,
        request: &mut Request<Body>,
        sent: &mut Sent,
        asked: Asked<'_>,
        trial: &Trial,
    ) -> Result<(Response<Incoming>, Sender), Failure> {
        let last = |fault| Failure { fault, why: Why::Final };
        loop {
            let kept = if trial.fresh { None } else { pool.take(asked.now) };
            let (mut sender, kept) = match kept {
                Some(sender) => (sender, true),
                // Rare, and long: on the heap it does not make every other request longer.
                None => Box::pin(self.connect(target, pool, asked.deadline)).await?,
            };
            self.address(request, target, asked);
            let answered = tokio::select! {
                biased;
                answered = sender.try_send(request, self.upstream.settings.tls.is_some()) => answered,
                failure = self.too_late(sent, asked, trial.time) => return Err(failure),
            };
            return match answered {
                // Nothing here asks to change protocols.
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    let detail = "The upstream changed protocols without being asked.";
                    Err(last(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_malformed", detail)))
                }
                Ok(response) => reply::check(&response).map(|()| (response, sender)).map_err(last),
                Err(mut error) => match error.take_message() {
                    // The upstream closed a kept connection before anything was written to it.
                    Some(unsent) if kept => {
                        *request = unsent;
                        continue;
                    }
                    _ => {
                        let error = error.into_error();
                        // A request body that cannot be read is nothing the target did.
                        let why = match error.is_parse() || sent.is_broken() {
                            true => Why::Final,
                            false => Why::Closed { kept },
                        };
                        Err(Failure { fault: broken(error), why })
                    }
                },
            };
        }
    }

    /// Tell a target its own host, where that is wanted.
    pub(super) fn address(&self, request: &mut Request<Body>, target: usize, asked: Asked<'_>) {
        let host = || self.upstream.servers.get(target)?.host.as_ref();
        if let Some(host) = asked.as_target.then(host).flatten() {
            form::meant_for(request, host);
        }
    }

    /// Ends when waiting for the response has no more point.
    async fn too_late(&self, sent: &mut Sent, asked: Asked<'_>, try_time: Option<Duration>) -> Failure {
        let slow = |class, why| Failure {
            fault: Fault::upstream(StatusCode::GATEWAY_TIMEOUT, class, "The upstream did not answer in time."),
            why,
        };
        // A try that is not the first has begun later.
        let mut gone = if try_time.is_some() { Instant::now() } else { asked.now };
        if let Sent::Later { done, source } = sent
            && let Some(leaves) = done
        {
            if timeout_at(asked.deadline, leaves).await.is_err() {
                // Either the client does not send, or the upstream does not take.
                return match source.get() == Source::Waits {
                    true => Failure { fault: Fault::unread(BodyError::Deadline), why: Why::Final },
                    false => slow("timeout_total", Why::Slow { again: false }),
                };
            }
            *done = None;
            gone = Instant::now();
        }
        let first_byte = self.upstream.settings.first_byte_timeout;
        let mut early = try_time.filter(|time| *time < first_byte);
        loop {
            let until = gone + early.unwrap_or(first_byte);
            sleep_until(asked.deadline.min(until)).await;
            if until >= asked.deadline {
                return slow("timeout_total", Why::Slow { again: false });
            }
            let again = early.take().is_some();
            // A try that no other may follow has all the time there is.
            if !again || self.may_retry(Retried::Timeout) {
                return slow("upstream_timeout_first_byte", Why::Slow { again });
            }
        }
    }

    /// Ends when waiting for the answer to an upgrade has no more point.
    pub(super) async fn upgrade_too_late(&self, asked: Asked<'_>) -> Fault {
        self.too_late(&mut Sent::AtOnce, asked, None).await.fault
    }

    /// Open a connection, or wait for one that is being opened and can be shared; and whether it was in use before.
    async fn connect(&self, target: usize, pool: &Pool, deadline: Instant) -> Result<(Sender, bool), Failure> {
        let unsent = |fault| Failure { fault, why: Why::Unsent };
        // Another target is no answer to too much being asked for.
        let full = || Failure { fault: self.overloaded(), why: Why::Final };
        let settings = &self.upstream.settings;
        let Some(server) = self.upstream.servers.get(target) else { return Err(unsent(Fault::gateway("no_target"))) };
        let until = deadline.min(Instant::now() + settings.connect_timeout);
        let connected = timeout_at(until, async {
            let turn = pool.turn().await;
            if turn.is_some()
                && let Some(sender) = pool.take(Instant::now())
            {
                return Ok(Some((sender, true)));
            }
            let Some(room) = pool.room().await else { return Ok(None) };
            if let Some(sender) = pool.take(Instant::now()) {
                return Ok(Some((sender, true)));
            }
            let connected = connect::connect(&self.upstream, server, settings.protocol).await?;
            Ok::<_, ConnectError>(Some((pool.begin(connected, room), false)))
        });
        match connected.await {
            Ok(Ok(connected)) => connected.ok_or_else(full),
            Ok(Err(error)) => Err(unsent(unreachable(error))),
            Err(_) if pool.is_full() => Err(full()),
            Err(_) => Err(unsent(too_slow())),
        }
    }
}

const UNREACHABLE: &str = "The upstream cannot be reached.";

pub(super) fn unreachable(error: ConnectError) -> Fault {
    let class = if error.is_tls() { "upstream_tls" } else { "upstream_connect" };
    Fault::upstream(StatusCode::BAD_GATEWAY, class, UNREACHABLE).because(error)
}

pub(super) fn too_slow() -> Fault {
    Fault::upstream(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout_connect", UNREACHABLE)
}

/// The exchange with the upstream broke off before a response head came.
pub(super) fn broken(error: hyper::Error) -> Fault {
    let (class, detail) = if error.is_parse() {
        ("upstream_malformed", "The upstream gave an answer that is not HTTP.")
    } else {
        ("upstream_closed", "The upstream closed the connection without an answer.")
    };
    Fault::upstream(StatusCode::BAD_GATEWAY, class, detail).because(error)
}
