//! The end of an exchange: when its last byte has gone, it is counted and logged, once.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::explain::{Told, explain};
use super::line::{Completion, Line};
use super::{Begun, Entrance, Worker, respond};
use crate::chain::{Departure, Notice, Replaced};
use crate::exchange::{Arrival, Body, BodyError, Exchange, Fault, Patience};
use crate::generation::{Local, Route};
use crate::sandbox::Holds;
use crate::telemetry::access_log::LoggedPath;
use crate::telemetry::account::Account;
use crate::telemetry::metrics::RouteMetrics;
use crate::telemetry::otlp::Recorded;
use crate::telemetry::{Blame, Outcome, RequestId};

/// What the client is said to have got when it went away before there was anything to send it.
const CLIENT_GONE: u16 = 499;

/// What is gathered about an exchange while it happens. Dropped before its end, it records that the client went away.
pub(super) struct Finish {
    worker: Rc<Worker>,
    entrance: Rc<Entrance>,
    local: Rc<Local>,
    route: Option<Arc<Route>>,
    id: RequestId,
    /// The same as a field value, where there is a field for it.
    id_value: Option<HeaderValue>,
    begun: Instant,
    head: bool,
    outcome: Outcome,
    class: &'static str,
    recorded: bool,
    /// What only the access log, explanations and traces want; nothing is gathered where there is none of them.
    log: Option<Box<Line>>,
    /// What came to pass, where somebody wants to know.
    account: Option<Rc<Account>>,
    /// How the body arrives, if there is one.
    arrival: Option<Rc<Arrival>>,
    /// Since when an upstream is waited for, while one is.
    upstream_since: Option<Instant>,
    /// Whether it is counted as under way.
    under_way: bool,
    /// Whether the client may know how its answer came about.
    explains: bool,
    /// What policies hold until it is over.
    holds: Holds,
}

impl Finish {
    pub(super) fn new(begun: &Begun<'_>, head: &Parts) -> Self {
        let Begun { worker, local, connection, asker, at, is_admitted, .. } = begun;
        let generation = &local.generation;
        let recorded = begun.trace.filter(|here| generation.records(*here));
        let (account, explains) = match is_admitted {
            true => worker.account(&head.headers, recorded),
            false => (None, false),
        };
        let wanted = worker.access_log().is_some() || account.is_some();
        Self {
            worker: (*worker).clone(),
            entrance: connection.entrance.clone(),
            local: local.clone(),
            route: None,
            id: asker.id.clone(),
            id_value: generation.id_header.as_ref().and_then(|_| HeaderValue::try_from(asker.id.to_string()).ok()),
            begun: *at,
            head: head.method == Method::HEAD,
            outcome: Outcome::Ok,
            class: "ok",
            recorded: false,
            log: wanted.then(|| Box::new(Line::new(begun, &head.method))),
            account,
            arrival: None,
            upstream_since: None,
            under_way: *is_admitted,
            explains,
            holds: Holds::new(),
        }
    }

    /// Say the id of the exchange in a head, if there is a field for that.
    pub(super) fn name(&self, headers: &mut HeaderMap) {
        if let (Some(name), Some(value)) = (&self.local.generation.id_header, &self.id_value) {
            headers.insert(name, value.clone());
        }
    }

    /// Keep this account, whoever else wants one.
    pub(super) fn watched(&mut self, account: Rc<Account>) {
        self.account = Some(account);
    }

    /// Hold this until the exchange is over.
    pub(super) fn holds(&mut self, holds: Holds) {
        self.holds = holds;
    }

    /// The path of a request that is refused as it came.
    pub(super) fn path(&mut self, path: &str) {
        if let Some(line) = &mut self.log {
            line.path = LoggedPath::new(path);
        }
    }

    /// The head of the request was acceptable.
    pub(super) fn opened(&mut self, exchange: &mut Exchange) {
        exchange.account.clone_from(&self.account);
        if let Some(line) = &mut self.log {
            line.opened(exchange);
        }
    }

    pub(super) fn routed(&mut self, route: Option<&Arc<Route>>) {
        self.route = route.cloned();
    }

    fn metrics(&self) -> &RouteMetrics {
        self.route.as_ref().map_or(&self.local.generation.unmatched_metrics, |route| &route.metrics)
    }

    /// There is a body on its way, which a client may keep waiting for as long as `patience` says.
    pub(super) fn arrives(&mut self, patience: Option<Patience>) -> Rc<Arrival> {
        self.arrival.insert(Arrival::new(patience)).clone()
    }

    pub(super) fn policies_begin(&mut self) {
        if let Some(line) = &mut self.log {
            line.policies_since = Instant::now();
        }
    }

    pub(super) fn policies_end(&mut self) {
        if let Some(line) = &mut self.log {
            line.policies += line.policies_since.elapsed();
        }
    }

    /// An upstream is asked from here on. It has had the time until the exchange ends where that is sooner than its
    /// answer.
    pub(super) fn upstream_begins(&mut self, at: Instant) {
        self.upstream_since = Some(at);
    }

    pub(super) fn upstream_ends(&mut self) {
        let Some(since) = self.upstream_since.take() else { return };
        let took = since.elapsed();
        self.metrics().upstream(took);
        if let Some(line) = &mut self.log {
            line.upstream = Some(took);
        }
    }

    pub(super) fn blame(&mut self, fault: &Fault) {
        self.ends_by(fault.blame, fault.class);
    }

    fn ends_by(&mut self, blame: Blame, class: &'static str) {
        (self.outcome, self.class) = (blame.into(), class);
    }

    /// The exchange leaves its chain, before the `end` of it where a policy said so.
    pub(super) fn departs(&mut self, departure: &Departure, end: usize) {
        match &departure.outcome {
            Ok(response) if departure.at < end => self.answered_by_policy(response.status()),
            Ok(_) => {}
            Err(fault) => self.blame(fault),
        }
    }

    /// Something took the place of the response on its way back, or nothing did.
    pub(super) fn replaced(&mut self, replaced: Option<&Replaced>, status: StatusCode) {
        match replaced {
            Some(Replaced::Fault(fault)) => self.blame(fault),
            Some(Replaced::Answer) => self.answered_by_policy(status),
            None => {}
        }
    }

    /// A policy gave the answer. An answer that refuses is the policy saying no.
    fn answered_by_policy(&mut self, status: StatusCode) {
        if status.is_client_error() || status.is_server_error() {
            self.ends_by(Blame::Policy, "policy_answer");
        }
    }

    /// The head of the response is made; from here on it is up to the client how long it takes.
    pub(super) fn answers(&mut self, headers: &mut HeaderMap) {
        self.name(headers);
        let Some(line) = &mut self.log else { return };
        let head = self.begun.elapsed();
        line.head = Some(head);
        if let Some(account) = self.account.as_ref().filter(|_| self.explains) {
            let told = Told {
                id: &self.id,
                generation: self.local.generation.number,
                route: self.route.as_ref().map(|route| (&*route.api, &*route.name)),
                class: self.class,
                blame: self.outcome,
                head,
                upstream: line.upstream,
                policies: line.policies,
                gateway: line.own(head),
            };
            explain(headers, account, &told);
        }
    }

    /// A response that is followed elsewhere.
    pub(super) fn bare(response: Response<Body>) -> Response<Outgoing> {
        response.map(|body| Outgoing { body, bytes: 0, end: None, notice: None })
    }

    /// Follow the response to its end, which a policy may bring about through `notice`.
    pub(super) fn wrap(mut self, mut response: Response<Body>, notice: Option<Rc<Notice>>) -> Response<Outgoing> {
        let status = response.status();
        self.answers(response.headers_mut());
        if self.head {
            leave_out_body(&mut response);
        }
        response.map(|body| Outgoing { body, bytes: 0, end: Some((self, status)), notice })
    }

    /// What came after a 101 is over.
    pub(super) fn tunnel_over(mut self, bytes_in: u64, bytes_out: u64) {
        self.arrival.get_or_insert_default().came(bytes_in);
        self.record(StatusCode::SWITCHING_PROTOCOLS, bytes_out);
    }

    /// It ends early: because the process or the listener does, or because the client went away.
    fn broke_off(&mut self) {
        match self.worker.is_cut() || self.entrance.is_cut() {
            true => self.ends_by(Blame::Gateway, "drain_cut"),
            false => self.ends_by(Blame::Client, "client_gone"),
        }
    }

    fn record(&mut self, status: StatusCode, bytes_out: u64) {
        self.recorded = true;
        self.upstream_ends();
        if let Some(account) = &self.account {
            account.end(self.class, self.outcome);
        }
        let duration = self.begun.elapsed();
        self.metrics().finished(status, self.outcome, duration);
        let Some(line) = self.log.take() else { return };
        let route = self.route.as_deref();
        let (class, blame) = (self.class, self.outcome);
        let bytes_in = self.arrival.as_ref().map_or(0, |arrival| arrival.bytes());
        let record =
            line.record(&Completion { id: &self.id, route, status, class, blame, bytes_in, bytes_out, duration });
        if let (Some(account), Some(otlp)) = (&self.account, &self.local.generation.otlp)
            && let Some(context) = account.trace()
        {
            otlp.record(Recorded {
                context,
                record: record.clone(),
                host: line.host,
                https: line.https,
                version: line.version,
                begun: self.begun.into_std(),
                calls: account.calls(),
                tries: account.tries(),
                left_out: account.left_out(),
            });
        }
        if let Some(log) = self.worker.access_log() {
            log.record(record);
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if !self.recorded {
            self.broke_off();
            self.record(StatusCode::from_u16(CLIENT_GONE).unwrap_or_default(), 0);
        }
        if self.under_way {
            self.worker.end();
        }
    }
}

/// What answers HEAD says how long the body would be, and has none: over HTTP/2 nobody else would leave it out.
fn leave_out_body(response: &mut Response<Body>) {
    // The body of an upstream's answer was left out by hyper.
    let Body::Full(bytes) = response.body() else { return };
    let length = HeaderValue::from(bytes.len());
    response.headers_mut().entry(CONTENT_LENGTH).or_insert(length);
    *response.body_mut() = Body::Empty;
}

/// The body of a response on its last way, and the record that is made when it is over.
pub(crate) struct Outgoing {
    body: Body,
    bytes: u64,
    end: Option<(Finish, StatusCode)>,
    notice: Option<Rc<Notice>>,
}

impl Outgoing {
    /// It ends here because its client took it too slowly, or not at all.
    pub(crate) fn client_was_slow(&mut self) {
        if let Some((finish, _)) = &mut self.end {
            finish.ends_by(Blame::Client, "client_slow");
        }
    }

    fn over(&mut self, error: Option<&BodyError>) {
        let Some((mut finish, status)) = self.end.take() else { return };
        match (error, self.notice.as_ref().and_then(|notice| notice.take())) {
            (Some(BodyError::Departed), Some(Departure { outcome: Err(fault), .. })) => {
                finish.blame(&fault);
                respond::log(&finish.id, &fault);
            }
            (Some(BodyError::Departed), _) => finish.ends_by(Blame::Policy, BodyError::Departed.class()),
            // Where the body stopped the upstream has broken off because of that.
            (Some(_), _) if finish.arrival.as_ref().is_some_and(|arrival| arrival.is_late()) => {
                finish.blame(&Fault::unread(BodyError::Idle));
            }
            (Some(error), _) => finish.ends_by(Blame::Upstream, error.class()),
            (None, _) => {}
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
            && !finish.head
        {
            finish.broke_off();
        }
        self.over(None);
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let ended = this.notice.as_ref().is_some_and(|notice| notice.is_set());
        let polled = match ended {
            // A policy ended the exchange after the head had gone: what has gone must not look whole.
            true => Poll::Ready(Some(Err(BodyError::Departed))),
            false => Pin::new(&mut this.body).poll_frame(cx),
        };
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
