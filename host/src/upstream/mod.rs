//! Sends requests to upstreams over pooled connections, one pool for each worker.

mod balance;
mod connect;
mod form;
mod health;
mod lots;
mod network;
mod pool;
mod probe;
mod reply;
mod resolve;
mod retry;
mod send;
mod split;
mod tried;
mod upgrade;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::config::{Balance, Eject, Health, Host, Limits, Protocol, Retry, Target, UpstreamBounds, Weighted};
use crate::telemetry::metrics::{Metrics, UpstreamMetrics};
use crate::tls;
use balance::{Balancer, Load};
use health::{State, Targets};
use pool::{Pool, Sender};
use resolve::Addresses;
use retry::{Budget, Spares};
use send::Ticket;

pub(crate) use connect::{Duplex, Upgraded};
pub(crate) use form::to_http2;
pub(crate) use network::{Called, Network};
pub(crate) use probe::probe;
pub(crate) use reply::{contradicts_itself, is_framed_once};
pub(crate) use resolve::{connect_first, lookup};
pub(crate) use send::Asked;
pub(crate) use split::{Arm, Choice, Split};
pub(crate) use upgrade::Answer;

/// An upstream, shared by all workers: as configured, and how it does.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) settings: Settings,
    /// In the order of the targets.
    servers: Vec<Arc<Server>>,
    targets: Targets,
    /// Requests of the whole process; counted only where they are limited.
    under_way: AtomicU32,
    metrics: UpstreamMetrics,
    network: Network,
}

/// What is known of a target; kept as long as an upstream of that name has it.
#[derive(Debug)]
struct Server {
    target: Target,
    /// What it calls itself, as a field value. There is one for every target that can be configured.
    host: Option<HeaderValue>,
    addresses: Addresses,
    state: State,
}

/// An upstream as configured.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) targets: Vec<Weighted>,
    pub(crate) balance: Balance,
    pub(crate) retry: Retry,
    pub(crate) eject: Eject,
    pub(crate) health: Option<Health>,
    pub(crate) limits: Limits,
    /// What addresses the names of targets may lead to.
    pub(crate) bounds: Arc<UpstreamBounds>,
    /// How long the addresses of names are used.
    pub(crate) dns_ttl: Duration,
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
    balancer: Balancer,
    budget: Budget,
    spares: Spares,
    /// For each target.
    pools: Vec<Rc<Pool>>,
}

/// When a request has left, body and all.
pub(crate) enum Sent {
    /// As soon as it is written: it has no body, or one in memory.
    AtOnce,
    /// When `done` says so; `source` tells how the client does.
    Later { done: Option<oneshot::Receiver<()>>, source: Rc<Cell<Source>> },
}

/// How a client sends a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It keeps those who read waiting.
    Waits,
    Flows,
    /// There will be no rest.
    Broken,
}

impl Sent {
    /// Whether it is the client by whom a request came to nothing.
    fn is_broken(&self) -> bool {
        matches!(self, Self::Later { source, .. } if source.get() == Source::Broken)
    }
}

/// A connection in use; given back when its response has been read to the end.
struct Lease {
    pool: Rc<Pool>,
    sender: Sender,
    _load: Option<Load>,
    _ticket: Option<Ticket>,
}

impl Upstream {
    /// What `previous` knows of its targets stays known.
    pub(crate) fn new(settings: Settings, metrics: &Metrics, previous: Option<&Self>) -> Self {
        let server = |declared: &Weighted| {
            let target = &declared.target;
            let known = previous.and_then(|it| it.servers.iter().find(|server| server.target == *target)).cloned();
            // Where there are no health checks any more, nobody would ever say that it is well again.
            let known = known.filter(|server| settings.health.is_some() || !server.state.is_unwell());
            known.unwrap_or_else(|| {
                let state = State::new(metrics.target(&settings.name, &target.to_string()));
                let host = target.authority().try_into().ok();
                Arc::new(Server { target: target.clone(), host, addresses: Addresses::default(), state })
            })
        };
        let servers: Vec<_> = settings.targets.iter().map(server).collect();
        let targets = Targets::new(&settings.eject, servers.clone());
        let metrics = metrics.upstream(&settings.name);
        Self { settings, servers, targets, under_way: AtomicU32::new(0), metrics, network: Network::default() }
    }

    /// Be connected to by way of this network.
    pub(crate) fn reached_by(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// How each target is.
    pub(crate) fn targets(&self) -> impl Iterator<Item = TargetReport> {
        let now = Instant::now();
        self.settings.targets.iter().zip(&self.servers).map(move |(declared, server)| TargetReport {
            url: declared.target.to_string(),
            weight: declared.weight,
            well: !server.state.is_unwell(),
            ejected: server.state.is_out(now),
        })
    }
}

/// One target, for who asks how it is.
#[derive(Debug, serde::Serialize)]
pub(crate) struct TargetReport {
    url: String,
    weight: u32,
    /// As its health checks say.
    well: bool,
    /// Left out for failures.
    ejected: bool,
}

impl Connections {
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let settings = &upstream.settings;
        let balancer = Balancer::new(&settings.balance, &settings.targets);
        let budget = Budget::new(&settings.retry);
        let pools = settings.targets.iter().map(|_| Rc::new(Pool::new(settings))).collect();
        Self { upstream, balancer, budget, spares: Spares::default(), pools }
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }
}

impl Lease {
    fn give_back(self) {
        self.pool.keep(self.sender);
    }
}
