//! Everything a request needs, immutable, behind one pointer: a request sees one generation from start to end.

mod accepted;
mod access;
mod alerts;
mod backend;
mod build;
mod builds;
mod egress;
mod granted;
mod keys;
mod limiters;
mod load;
mod local;
mod material;
mod otlp;
mod routes;
mod steps;
mod tls;
mod upstreams;
mod uses;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method};

pub(crate) use backend::{Backend, Responder};
pub(crate) use build::{Builder, Refused};
pub(crate) use local::Local;

use crate::access::Access;
use crate::alerts::Alert;
use crate::chain::{Chain, Counts, Tally};
use crate::config::{Forwarding, Rewrite};
use crate::content::Digest;
use crate::exchange::hygiene::IdentityHeaders;
use crate::exchange::path::Target;
use crate::jwks::Published;
use crate::limiter::Shared;
use crate::observe::{Observer, OperationId};
use crate::route::{Found, Lookup, Router, Scheme};
use crate::sandbox::Policy;
use crate::telemetry::SpanContext;
use crate::telemetry::metrics::{PolicyMetrics, RouteMetrics};
use crate::telemetry::otlp::{Otlp, Sample};
use crate::upstream::Upstream;

/// One state of the gateway, built from one state of the configuration.
pub(crate) struct Generation {
    /// Counts up from 1 with each that is published.
    pub(crate) number: u64,
    pub(crate) since: SystemTime,
    pub(crate) identity: Arc<IdentityHeaders>,
    pub(crate) forwarding: Forwarding,
    /// The field with the id of a request, if there is to be one.
    pub(crate) id_header: Option<HeaderName>,
    /// Which traces that begin here are recorded; none where traces are not followed.
    pub(crate) tracing: Option<Sample>,
    /// Where traces and metrics are sent, if anywhere.
    pub(crate) otlp: Option<Arc<Otlp>>,
    /// What requests pass that no route is for: the gateway's own chain.
    pub(crate) unmatched: Chain,
    pub(crate) unmatched_metrics: RouteMetrics,
    router: Router<Arc<Route>>,
    policies: Vec<(Arc<Policy>, PolicyMetrics)>,
    upstreams: Vec<Arc<Upstream>>,
    /// What each of them is shown, if anything.
    shown: Vec<Option<Arc<Access>>>,
    /// Those that are fetched.
    key_sets: Vec<Arc<Published>>,
    limiters: Vec<Arc<Shared>>,
    access: Vec<Arc<Access>>,
    alerts: Vec<Arc<Alert>>,
    /// By name of a listener; none for those without TLS.
    servers: HashMap<String, Arc<crate::tls::Server>>,
    shadows: Vec<Shadowed>,
    /// Those that look at records before they are kept.
    pub(crate) observers: Arc<[Observer]>,
}

/// A new version of a policy that runs in the shadow of the one that serves.
pub(crate) struct Shadowed {
    pub(crate) policy: String,
    pub(crate) code: Digest,
    /// How long it is to be compared.
    period: Duration,
    /// One for each of its uses.
    tallies: Vec<Arc<Tally>>,
}

impl Shadowed {
    /// What was counted in all uses.
    pub(crate) fn counts(&self) -> Counts {
        Counts::of(self.tallies.iter().map(|tally| tally.counts()))
    }

    /// How long it is still to be compared, all uses considered.
    pub(crate) fn left(&self) -> Duration {
        let youngest = self.tallies.iter().map(|tally| tally.age()).min();
        self.period.saturating_sub(youngest.unwrap_or_default())
    }

    /// Compare nothing more.
    pub(crate) fn end(&self) {
        self.tallies.iter().for_each(|tally| tally.end());
    }

    pub(crate) fn is_over(&self) -> bool {
        self.tallies.iter().all(|tally| tally.is_over())
    }
}

/// A route, ready to be followed.
pub(crate) struct Route {
    pub(crate) api: Arc<str>,
    /// Of the API, as its file says.
    pub(crate) version: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Arc<str>,
    pub(crate) chain: Chain,
    pub(crate) backend: Backend,
    /// None where the upstream is asked for what the client asked for.
    pub(crate) rewrite: Option<Rewrite>,
    /// From the head of the request to the end of the response.
    pub(crate) timeout: Duration,
    /// Protocols that may follow, in small letters.
    pub(crate) upgrades: Vec<Box<str>>,
    pub(crate) metrics: RouteMetrics,
    /// What it is called in accounts of requests.
    pub(crate) operation: OperationId,
}

impl Generation {
    pub(crate) fn find<'a>(
        &'a self,
        host: &str,
        target: &'a Target,
        scheme: Scheme,
        method: &Method,
        headers: &HeaderMap,
    ) -> Found<'a, Arc<Route>> {
        self.router.find(Lookup { host, path: target.path(), query: target.query(), scheme, method, headers })
    }

    /// Whether what happens to a request is told to a collector.
    pub(crate) fn records(&self, here: SpanContext) -> bool {
        here.is_sampled() && self.otlp.as_ref().is_some_and(|otlp| otlp.sample().is_some())
    }

    /// The route table in order of priority.
    pub(crate) fn routes(&self) -> impl Iterator<Item = crate::route::Row<'_, Arc<Route>>> {
        self.router.iter()
    }

    /// The policy of each use, and the numbers of the policy.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &(Arc<Policy>, PolicyMetrics)> {
        self.policies.iter()
    }

    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.iter()
    }

    /// Key sets that have to be fetched.
    pub(crate) fn key_sets(&self) -> impl Iterator<Item = &Arc<Published>> {
        self.key_sets.iter()
    }

    /// Stores of limiters that several gateways share.
    pub(crate) fn limiters(&self) -> impl Iterator<Item = &Arc<Shared>> {
        self.limiters.iter()
    }

    /// Tokens the gateway gets for itself.
    pub(crate) fn access(&self) -> impl Iterator<Item = &Arc<Access>> {
        self.access.iter()
    }

    /// What is watched for.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.alerts.iter()
    }

    /// The token an upstream is shown, if it is shown one.
    pub(crate) fn shown(&self, slot: usize) -> Option<&Arc<Access>> {
        self.shown.get(slot)?.as_ref()
    }

    pub(crate) fn upstream(&self, slot: usize) -> Option<&Arc<Upstream>> {
        self.upstreams.get(slot)
    }

    /// The certificates of a listener, if it speaks TLS.
    pub(crate) fn tls(&self, listener: &str) -> Option<&Arc<crate::tls::Server>> {
        self.servers.get(listener)
    }

    /// New versions that run in the shadow of what serves.
    pub(crate) fn shadows(&self) -> &[Shadowed] {
        &self.shadows
    }

    /// The policy a responder is.
    pub(crate) fn policy(&self, slot: usize) -> Option<&Arc<Policy>> {
        self.policies.get(slot).map(|(policy, _)| policy)
    }
}
