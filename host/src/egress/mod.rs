//! Asks services on behalf of policies: what was granted, and nothing else.
//!
//! A caller names a service and a path below its URL. Where that leads, by what address and with what credentials is
//! decided here:
//!
//! - the path is brought into the form all paths have (`exchange::path`) before it is matched, and that form is what is
//!   sent;
//! - a name is resolved once for each connection, its addresses are checked, and one of those is connected to: no
//!   second lookup could answer anything else;
//! - credentials are attached after everything the caller said, which may name none of their fields;
//! - a redirect is an answer like any other, and no environment variable is looked at;
//! - an answer is decoded, and bounded as it is sent and as it is decoded.

mod admit;
mod connect;
mod decode;
mod error;
mod idle;
mod remembered;
mod reply;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::{EgressTerms, UpstreamBounds};
use crate::exchange::Chain;
use crate::telemetry::metrics::EgressMetrics;
use crate::tls;
use crate::upstream::{Network, contradicts_itself};
use connect::Resolver;
use idle::{Idle, Sender};

pub(crate) use error::{Denial, EgressError};
use remembered::Remembered;
pub(crate) use remembered::{Outcome, Question};

/// A service policies may ask; one for the process.
#[derive(Debug)]
pub(crate) struct Egress {
    settings: Settings,
    /// What it calls itself. There is such a value for every service that can be configured.
    host: Option<HeaderValue>,
    in_flight: Semaphore,
    idle: Idle,
    remembered: Remembered,
    resolver: Resolver,
    network: Network,
    metrics: EgressMetrics,
}

/// A service as configured.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) terms: EgressTerms,
    /// What is refused besides: the gateway itself among it.
    pub(crate) bounds: Arc<UpstreamBounds>,
    /// None where it is reached without TLS.
    pub(crate) tls: Option<Arc<tls::Client>>,
    /// Attached to each request. Their values are marked as sensitive, so that nothing shows them.
    pub(crate) credentials: HeaderMap,
}

/// What a policy asks.
#[derive(Clone, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Path and query below the URL of the service.
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, Bytes)>,
    pub(crate) body: Bytes,
}

/// What a service answered.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    /// Decoded.
    pub(crate) body: Bytes,
}

/// Shows no values, no body and no query.
impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        out.debug_struct("Call").field("method", &self.method).field("path", &path).finish_non_exhaustive()
    }
}

/// Shows neither values nor body.
impl fmt::Debug for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Egress {
    pub(crate) fn new(settings: Settings, metrics: EgressMetrics) -> Self {
        Self::with_resolver(settings, metrics, Resolver::system())
    }

    fn with_resolver(settings: Settings, metrics: EgressMetrics, resolver: Resolver) -> Self {
        let origin = &settings.terms.endpoint.origin;
        Self {
            host: origin.authority().try_into().ok(),
            in_flight: Semaphore::new(settings.terms.max_in_flight as usize),
            idle: Idle::default(),
            remembered: Remembered::new(settings.terms.max_remembered),
            settings,
            resolver,
            network: Network::default(),
            metrics,
        }
    }

    /// Connect by way of this network.
    pub(crate) fn reached_by(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// Of `[egress.NAME]`.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.settings.terms.endpoint.to_string()
    }

    /// Longest time of one call.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.terms.timeout
    }

    /// What to ask it for to have what is at a URL, if that is below its own.
    pub(crate) fn below<'a>(&self, url: &'a str) -> Option<&'a str> {
        self.settings.terms.endpoint.below(url)
    }

    /// Whether it was made of these settings.
    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        self.settings == *settings
    }

    /// Ask the service. Dropped early, the call is given up, and what it used of the network is closed.
    pub(crate) async fn send(&self, call: Call) -> Result<Reply, EgressError> {
        let calling = self.metrics.begin();
        let sent = self.call(call).await;
        calling.ended(error::outcome(&sent));
        if let Err(error) = &sent {
            let blame = error.blame().as_str();
            tracing::debug!(egress = self.settings.name, class = error.class(), blame, reason = %Chain(error), "a call failed");
        }
        sent
    }

    async fn call(&self, call: Call) -> Result<Reply, EgressError> {
        let request = self.admit(call)?;
        let _place = self.in_flight.try_acquire().map_err(|_| EgressError::Busy)?;
        let limit = self.settings.terms.timeout;
        timeout(limit, self.exchange(request)).await.unwrap_or(Err(EgressError::Timeout))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, EgressError> {
        let (response, sender) = self.ask(request).await?;
        let (head, body) = response.into_parts();
        let may_have_more = contradicts_itself(&head);
        let reply = self.read(head, body).await?;
        if !may_have_more {
            self.idle.keep(sender);
        }
        Ok(reply)
    }

    /// Over a connection that is there, or else over a new one; the same where the service closed the first meanwhile.
    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<(Response<Incoming>, Sender), EgressError> {
        let is_tls = self.settings.tls.is_some();
        if let Some(mut kept) = self.idle.take() {
            match kept.send(request.clone(), is_tls).await {
                Ok(response) => return Ok((response, kept)),
                Err(failed) if failed.message().is_some() || request.method().is_safe() => {}
                Err(failed) => return Err(failed.into_error().into()),
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send(request, is_tls).await.map_err(|failed| failed.into_error())?;
        Ok((response, sender))
    }
}
