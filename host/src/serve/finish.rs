//! What is gathered about an exchange from its head on, and its one record when the last byte has gone: counted and logged, once.

use std::rc::Rc;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tokio::time::Instant;

use super::explain::{Told, explain};
use super::line::{Completion, Line, Times};
use super::observed::Observed;
use super::outgoing::{Outgoing, leave_out_body};
use super::{Begun, Entrance, Worker};
use crate::chain::{Departure, Notice, Replaced};
use crate::exchange::{Arrival, Body, Exchange, Fault, Patience};
use crate::generation::{Local, Route};
use crate::sandbox::Holds;
use crate::telemetry::access_log::LoggedPath;
use crate::telemetry::account::Account;
use crate::telemetry::counted::{Count, Counted};
use crate::telemetry::metrics::RouteMetrics;
use crate::telemetry::otlp::Recorded;
use crate::telemetry::trail::Trail;
use crate::telemetry::{Blame, Outcome, RequestId};

/// What the client is said to have got when it went away before there was anything to send it.
const CLIENT_GONE: u16 = 499;

/// What is gathered about an exchange while it happens. Dropped before its end, it records that the client went away.
pub(super) struct Finish {
    worker: Rc<Worker>,
    entrance: Rc<Entrance>,
    local: Rc<Local>,
    route: Option<Arc<Route>>,
    pub(super) id: RequestId,
    /// The same as a field value, where there is a field for it.
    id_value: Option<HeaderValue>,
    begun: Instant,
    pub(super) head: bool,
    pub(super) outcome: Outcome,
    class: &'static str,
    recorded: bool,
    /// What only the access log, explanations and traces want; nothing is gathered where there is none of them.
    line: Option<Box<Line>>,
    /// Where its time went, where anybody wants to know.
    times: Option<Times>,
    /// What is told of every exchange, where that is kept.
    observed: Option<Observed>,
    /// What policies said, once any are asked and where that is kept.
    trail: Option<Rc<Trail>>,
    /// What came to pass, where somebody wants to know.
    account: Option<Rc<Account>>,
    /// What policies count, where it is written down.
    counted: Option<Arc<Counted>>,
    /// How the body arrives, if there is one.
    pub(super) arrival: Option<Rc<Arrival>>,
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
        let traced = begun.trace.filter(|here| generation.records(*here));
        let (account, explains) = match is_admitted {
            true => worker.account(&head.headers, traced),
            false => (None, false),
        };
        let wanted = worker.access_log().is_some() || account.is_some();
        let observed = worker.teller().map(|_| Observed::new(begun, &head.method));
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
            line: wanted.then(|| Box::new(Line::new(begun, &head.method))),
            times: (wanted || observed.is_some()).then(Times::default),
            trail: None,
            observed,
            account,
            counted: wanted.then(Arc::default),
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

    /// Policies have found out what they could of who asks.
    pub(super) fn knows(&mut self, exchange: &Exchange) {
        if let (Some(observed), Some(teller)) = (&mut self.observed, self.worker.teller()) {
            observed.knows(teller, exchange);
        }
    }

    /// An upstream was asked so many times.
    pub(super) fn tried(&mut self, tries: u8) {
        if let Some(observed) = &mut self.observed {
            observed.retries = tries.saturating_sub(1);
        }
    }

    /// The path of a request that is refused as it came.
    pub(super) fn path(&mut self, path: &str) {
        if let Some(line) = &mut self.line {
            line.path = LoggedPath::new(path);
        }
    }

    /// The head of the request was acceptable.
    pub(super) fn opened(&mut self, exchange: &mut Exchange) {
        exchange.account.clone_from(&self.account);
        exchange.counted.clone_from(&self.counted);
        if let Some(line) = &mut self.line {
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

    /// What policies counted so far.
    fn counts(&self) -> Vec<Count> {
        let route = self.route.as_ref().map(|route| &*route.name);
        self.counted.as_ref().map(|counted| counted.counts(route)).unwrap_or_default()
    }

    /// Policies are asked from here on, if there are any.
    pub(super) fn policies_begin(&mut self, are_there: bool, exchange: &mut Exchange) {
        let Some(times) = self.times.as_mut().filter(|_| are_there) else { return };
        times.policies_since = Some(Instant::now());
        if self.observed.is_some() && exchange.trail.is_none() {
            exchange.trail = Some(self.trail.insert(self.worker.trails().begin()).clone());
        }
    }

    pub(super) fn policies_end(&mut self) {
        if let Some(times) = &mut self.times {
            times.policies += times.policies_since.take().map(|since| since.elapsed()).unwrap_or_default();
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
        if let Some(times) = &mut self.times {
            times.upstream = Some(took);
        }
    }

    pub(super) fn blame(&mut self, fault: &Fault) {
        self.ends_by(fault.blame, fault.class);
    }

    pub(super) fn ends_by(&mut self, blame: Blame, class: &'static str) {
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
        let Some(times) = &mut self.times else { return };
        let head = self.begun.elapsed();
        times.head = Some(head);
        let times = *times;
        if let Some(account) = self.account.as_ref().filter(|_| self.explains) {
            let told = Told {
                id: &self.id,
                generation: self.local.generation.number,
                route: self.route.as_ref().map(|route| (&*route.api, &*route.name)),
                class: self.class,
                blame: self.outcome,
                head,
                upstream: times.upstream,
                policies: times.policies,
                gateway: times.own(head),
                counts: self.counts(),
            };
            explain(headers, account, &told);
        }
    }

    /// A response that is followed elsewhere.
    pub(super) fn bare(response: Response<Body>) -> Response<Outgoing> {
        response.map(Outgoing::bare)
    }

    /// Follow the response to its end, which a policy may bring about through `notice`.
    pub(super) fn wrap(mut self, mut response: Response<Body>, notice: Option<Rc<Notice>>) -> Response<Outgoing> {
        let status = response.status();
        self.answers(response.headers_mut());
        if self.head {
            leave_out_body(&mut response);
        }
        response.map(|body| Outgoing::followed(body, (self, status), notice))
    }

    /// What came after a 101 is over.
    pub(super) fn tunnel_over(mut self, bytes_in: u64, bytes_out: u64) {
        self.arrival.get_or_insert_default().came(bytes_in);
        self.record(StatusCode::SWITCHING_PROTOCOLS, bytes_out);
    }

    /// It ends early: because the process or the listener does, or because the client went away.
    pub(super) fn broke_off(&mut self) {
        match self.worker.is_cut() || self.entrance.is_cut() {
            true => self.ends_by(Blame::Gateway, "drain_cut"),
            false => self.ends_by(Blame::Client, "client_gone"),
        }
    }

    pub(super) fn record(&mut self, status: StatusCode, bytes_out: u64) {
        self.recorded = true;
        self.upstream_ends();
        if let Some(account) = &self.account {
            account.end(self.class, self.outcome);
        }
        let ended = Instant::now();
        let duration = ended - self.begun;
        self.metrics().finished(status, self.outcome, duration);
        let Some(times) = self.times else { return };
        let route = self.route.as_deref();
        let (class, blame) = (self.class, self.outcome);
        let bytes_in = self.arrival.as_ref().map_or(0, |arrival| arrival.bytes());
        let completion =
            Completion { id: &self.id, route, status, class, blame, bytes_in, bytes_out, ended, duration, times };
        if let (Some(observed), Some(teller)) = (self.observed, self.worker.teller()) {
            let calls = self.trail.as_ref().map(|trail| trail.calls());
            observed.tell(teller, &completion, self.local.generation.number, calls);
        }
        let Some(line) = self.line.take() else { return };
        let record = line.record(&completion, self.counts());
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
        if let Some(trail) = self.trail.take() {
            self.worker.trails().end(trail);
        }
        if self.under_way {
            self.worker.end();
        }
    }
}
