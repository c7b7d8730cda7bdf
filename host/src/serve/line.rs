//! What is gathered about a request for those who want more than numbers: access log, explanations and traces.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Version};
use tokio::time::Instant;

use super::Begun;
use crate::exchange::Exchange;
use crate::generation::Route;
use crate::telemetry::access_log::{LoggedMethod, LoggedPath, Record, TruncatedAddr};
use crate::telemetry::counted::Count;
use crate::telemetry::{Outcome, RequestId, SpanContext};

/// One request.
pub(super) struct Line {
    pub(super) time: SystemTime,
    client: Option<TruncatedAddr>,
    pub(super) https: bool,
    pub(super) version: Version,
    trace: Option<SpanContext>,
    method: LoggedMethod,
    pub(super) path: LoggedPath,
    /// What the client called the gateway; empty until that is known, and where no trace tells of it.
    pub(super) host: Box<str>,
}

/// Where the time of a request went.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) upstream: Option<Duration>,
    pub(super) policies: Duration,
    /// Since when policies are asked, while they are.
    pub(super) policies_since: Option<Instant>,
    /// When there was a head to answer with.
    pub(super) head: Option<Duration>,
}

impl Times {
    /// What of the time until the head was neither the upstream's nor the policies'; until the end, if there was no head.
    pub(super) fn own(&self, end: Duration) -> Duration {
        self.head.unwrap_or(end).saturating_sub(self.upstream.unwrap_or_default() + self.policies)
    }
}

/// What is known of a request once it is complete.
pub(super) struct Completion<'a> {
    pub(super) id: &'a RequestId,
    pub(super) route: Option<&'a Route>,
    pub(super) status: StatusCode,
    pub(super) class: &'static str,
    pub(super) blame: Outcome,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) ended: Instant,
    pub(super) duration: Duration,
    pub(super) times: Times,
}

impl Line {
    pub(super) fn new(begun: &Begun<'_>, method: &Method) -> Self {
        let asker = &begun.asker;
        Self {
            time: SystemTime::now(),
            client: asker.client.map(TruncatedAddr::from),
            https: asker.https,
            version: asker.version(),
            trace: begun.trace,
            method: LoggedMethod::new(method),
            path: LoggedPath::default(),
            host: Box::default(),
        }
    }

    /// The head of the request was acceptable.
    pub(super) fn opened(&mut self, exchange: &Exchange) {
        self.path = LoggedPath::new(exchange.routed.path());
        if exchange.account.as_ref().is_some_and(|account| account.trace().is_some()) {
            self.host = exchange.host.as_str().into();
        }
    }

    pub(super) fn record(&self, completion: &Completion<'_>, counts: Vec<Count>) -> Record {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let route = completion.route;
        Record {
            time: self.time,
            id: completion.id.clone(),
            trace: self.trace.map(|here| here.trace),
            client: self.client,
            method: Some(self.method.clone()),
            api: route.map(|route| route.api.clone()),
            route: route.map(|route| route.name.clone()),
            pattern: route.map(|route| route.pattern.clone()),
            path: self.path.clone(),
            status: Some(completion.status),
            class: completion.class,
            blame: completion.blame,
            bytes_in: completion.bytes_in,
            bytes_out: completion.bytes_out,
            duration_us: micros(completion.duration),
            upstream_us: completion.times.upstream.map(micros),
            policy_us: micros(completion.times.policies),
            gateway_us: micros(completion.times.own(completion.duration)),
            counts,
        }
    }
}
