//! The end of an exchange: when its last byte has gone, it is counted and logged, once.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Connection, Worker};
use crate::exchange::{Blame, Body, BodyError, Exchange, Fault};
use crate::generation::{Generation, Route};
use crate::telemetry::Outcome;
use crate::telemetry::access_log::{AccessLog, LoggedPath, Record, TruncatedAddr};
use crate::telemetry::metrics::RouteMetrics;

/// What is gathered about an exchange while it happens.
pub(super) struct Finish {
    begun: Instant,
    metrics: RouteMetrics,
    outcome: Outcome,
    class: &'static str,
    upstream: Option<Duration>,
    policies: Duration,
    /// What only the access log wants; nothing is gathered where there is none.
    log: Option<Box<Line>>,
}

struct Line {
    to: AccessLog,
    time: SystemTime,
    id: u64,
    client: TruncatedAddr,
    method: Method,
    path: LoggedPath,
    route: Option<Arc<Route>>,
    bytes_in: Rc<Cell<u64>>,
}

impl Finish {
    pub(super) fn new(
        worker: &Worker,
        connection: &Connection,
        id: u64,
        begun: Instant,
        parts: &Parts,
        generation: &Generation,
    ) -> Self {
        let log = worker.access_log().map(|to| {
            Box::new(Line {
                to: to.clone(),
                time: SystemTime::now(),
                id,
                client: connection.client.ip().into(),
                method: parts.method.clone(),
                path: LoggedPath::new(parts.uri.path()),
                route: None,
                bytes_in: Rc::default(),
            })
        });
        let metrics = generation.unmatched_metrics.clone();
        Self { begun, metrics, outcome: Outcome::Ok, class: "ok", upstream: None, policies: Duration::ZERO, log }
    }

    /// The request is in its normal form; that is the one to log.
    pub(super) fn opened(&mut self, exchange: &Exchange) {
        if let Some(line) = &mut self.log {
            line.path = LoggedPath::new(exchange.routed.path());
        }
    }

    pub(super) fn routed(&mut self, route: &Arc<Route>) {
        self.metrics = route.metrics.clone();
        if let Some(line) = &mut self.log {
            line.route = Some(route.clone());
        }
    }

    /// Count what the client sends.
    pub(super) fn count_in(&self, body: Body) -> Body {
        match (&self.log, body) {
            (None, body) | (_, body @ Body::Empty) => body,
            (Some(line), body) => Body::stream(CountIn { body, bytes: line.bytes_in.clone() }),
        }
    }

    pub(super) fn policies(&mut self, since: Instant) {
        self.policies += since.elapsed();
    }

    pub(super) fn upstream(&mut self, since: Instant) {
        let took = since.elapsed();
        self.metrics.upstream(took);
        self.upstream = Some(took);
    }

    pub(super) fn blame(&mut self, fault: &Fault) {
        self.class = fault.class;
        self.outcome = match fault.blame {
            Blame::Client => Outcome::Client,
            Blame::Policy => Outcome::Policy,
            Blame::Plugin => Outcome::Plugin,
            Blame::Upstream => Outcome::Upstream,
            Blame::Gateway => Outcome::Gateway,
        };
    }

    /// A policy gave the answer. An answer that refuses is the policy saying no.
    pub(super) fn answered_by_policy(&mut self, status: StatusCode) {
        if status.is_client_error() || status.is_server_error() {
            self.class = "policy_answer";
            self.outcome = Outcome::Policy;
        }
    }

    /// Follow the response to its end.
    pub(super) fn wrap(self, response: Response<Body>) -> Response<Outgoing> {
        let status = response.status();
        response.map(|body| Outgoing { body, bytes: 0, end: Some((self, status)), then: None })
    }

    fn record(mut self, status: StatusCode, bytes_out: u64) {
        let duration = self.begun.elapsed();
        self.metrics.finished(status, self.outcome, duration);
        let Some(line) = self.log.take() else { return };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let route = line.route.as_ref();
        line.to.record(Record {
            time: line.time,
            id: format!("{:016x}", line.id),
            client: line.client,
            method: line.method,
            api: route.map(|route| route.api.clone()),
            route: route.map(|route| route.name.clone()),
            pattern: route.map(|route| route.pattern.clone()),
            path: line.path,
            status,
            class: self.class,
            blame: self.outcome,
            bytes_in: line.bytes_in.get(),
            bytes_out,
            duration_us: micros(duration),
            upstream_us: self.upstream.map(micros),
            policy_us: micros(self.policies),
        });
    }
}

/// The body of a response on its last way, and the record that is made when it is over.
pub(crate) struct Outgoing {
    body: Body,
    bytes: u64,
    end: Option<(Finish, StatusCode)>,
    /// Set by the connection, to know when it is idle again.
    then: Option<Rc<dyn Fn()>>,
}

impl Outgoing {
    /// Call `then` when the body is over.
    pub(crate) fn then(mut self, then: Rc<dyn Fn()>) -> Self {
        self.then = Some(then);
        self
    }

    fn over(&mut self, error: Option<&BodyError>) {
        let Some((mut finish, status)) = self.end.take() else { return };
        if let Some(error) = error {
            (finish.class, finish.outcome) = match error {
                BodyError::Departed => ("policy_cut", Outcome::Policy),
                _ => ("upstream_body", Outcome::Upstream),
            };
        }
        finish.record(status, self.bytes);
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        // Never read to its end: it had none to read, or the client went away.
        if let Some((finish, _)) = &mut self.end
            && !self.body.is_end_stream()
            && finish.outcome == Outcome::Ok
            && finish.log.as_ref().is_none_or(|line| line.method != Method::HEAD)
        {
            (finish.class, finish.outcome) = ("client_gone", Outcome::Client);
        }
        self.over(None);
        if let Some(then) = &self.then {
            then();
        }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.over(None);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "response cut off");
                this.over(Some(error));
            }
            Poll::Ready(None) => this.over(None),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct CountIn {
    body: Body,
    bytes: Rc<Cell<u64>>,
}

impl HttpBody for CountIn {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, Bytes::len);
            this.bytes.set(this.bytes.get() + length as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
