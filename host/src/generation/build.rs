//! Builds generations: what changed is made anew, what did not is taken over.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::keys::Keys;
use super::load::{Loaded, Loader, Plan};
use super::steps::{self, Steps, Tallies};
use super::tls::{Known, Maker};
use super::uses::{User, Uses};
use super::{Generation, access, alerts, egress, keys, limiters, otlp, routes, upstreams};
use crate::access::Access;
use crate::alerts::Alert;
use crate::chain::Chain;
use crate::config::{Config, ConfigFault, Isolation, Tracing};
use crate::consumers::Directory;
use crate::egress::Egress;
use crate::exchange::hygiene::IdentityHeaders;
use crate::jwks::Published;
use crate::limiter::Shared;
use crate::observe::Catalog;
use crate::sandbox::{MAX_INSTANCES, Room, Sandbox};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::{Otlp, Sample};
use crate::upstream::{Network, Upstream};

/// Builds one generation after the other, and remembers the parts of the last.
pub(crate) struct Builder {
    loader: Loader,
    state: Option<PathBuf>,
    workers: usize,
    metrics: Arc<Metrics>,
    built: u64,
    /// By name.
    upstreams: HashMap<String, Arc<Upstream>>,
    /// By name.
    egress: BTreeMap<String, Arc<Egress>>,
    /// Those that are fetched, by name.
    key_sets: BTreeMap<String, Arc<Published>>,
    /// Those with a shared store, by name.
    limiters: BTreeMap<String, Arc<Shared>>,
    access: BTreeMap<String, Arc<Access>>,
    alerts: BTreeMap<String, Arc<Alert>>,
    tls: Known,
    otlp: Option<Arc<Otlp>>,
    tallies: Tallies,
    network: Network,
    catalog: Arc<Catalog>,
}

type Faults = Vec<ConfigFault>;

/// Why there is no generation.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// What concerns all APIs.
    pub(crate) gateway: Faults,
    /// By the folder of the API that cannot serve so.
    pub(crate) apis: BTreeMap<Arc<str>, Faults>,
    /// What nobody needs.
    pub(crate) idle: Faults,
}

impl Refused {
    /// All that is wrong, ordered by file and line.
    pub(crate) fn faults(self) -> Faults {
        let mut all: Faults =
            self.gateway.into_iter().chain(self.apis.into_values().flatten()).chain(self.idle).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// What policies and upstreams are given to work with, by name.
struct Means {
    services: BTreeMap<String, Arc<Egress>>,
    keys: BTreeMap<String, Keys>,
    limiters: BTreeMap<String, Arc<Shared>>,
    access: BTreeMap<String, Arc<Access>>,
}

impl Means {
    fn of(builder: &Builder, config: &Config, tls: &mut Maker<'_>, faults: &mut Faults) -> Self {
        let metrics = &builder.metrics;
        let services = egress::load(config, tls, &builder.egress, metrics, &builder.network, faults);
        let (state, before) = (builder.state.as_deref(), &builder.key_sets);
        let keys = keys::load(config, &keys::Around { state, services: &services, before, metrics }, faults);
        let limiters = limiters::load(config, tls, &builder.limiters, metrics, faults);
        let access = access::load(config, &services, &builder.access, faults);
        Self { services, keys, limiters, access }
    }

    fn plan<'a>(&'a self, config: &'a Config, uses: &'a Uses<'a>) -> Plan<'a> {
        Plan { config, keys: &self.keys, uses, services: &self.services, limiters: &self.limiters }
    }
}

impl Builder {
    /// `state` is the state directory, if there is one.
    pub(crate) fn new(sandbox: Sandbox, state: Option<PathBuf>, workers: usize, metrics: Arc<Metrics>) -> Self {
        let loader = Loader::new(sandbox, state.as_deref(), metrics.clone());
        let (upstreams, egress, key_sets, limiters, access, alerts, tls, tallies, network) = Default::default();
        let (built, otlp, catalog) = (0, None, Arc::default());
        Self {
            loader,
            state,
            workers,
            metrics,
            built,
            upstreams,
            egress,
            key_sets,
            limiters,
            access,
            alerts,
            tls,
            otlp,
            tallies,
            network,
            catalog,
        }
    }

    /// Number what requests are accounted for by.
    pub(crate) fn numbering(self, catalog: Arc<Catalog>) -> Self {
        Self { catalog, ..self }
    }

    /// Requests are served from now on, and come before what is built.
    pub(crate) fn step_back(&self) {
        self.loader.step_back();
    }

    /// No attempt follows on one that was given up: what is still being built for it is not wanted any more.
    pub(crate) fn end_builds(&mut self) {
        self.loader.end_builds();
    }

    /// Have policies ask these whose keys they are shown.
    pub(crate) fn knowing(mut self, consumers: Arc<Directory>) -> Self {
        self.loader.know(consumers);
        self
    }

    /// Have all connections of what is built go by way of this network.
    pub(crate) fn through(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// Build a generation of a configuration without any fault, or say everything that is wrong with it.
    pub(crate) async fn build_whole(&mut self, config: &Config) -> Result<Generation, Faults> {
        match self.build(config, Faults::new()).await {
            Ok((generation, idle)) if idle.is_empty() => Ok(generation),
            Ok((_, idle)) => Err(Refused { idle, ..Refused::default() }.faults()),
            Err(refused) => Err(refused.faults()),
        }
    }

    /// Build a generation, and say what is wrong with what nobody uses; or say everything that is wrong with the
    /// configuration, `faults` that were found before included. A failure changes nothing that serves, nor does whoever
    /// gives up waiting: what was being built goes on with the next attempt, where that wants it.
    pub(crate) async fn build(
        &mut self,
        config: &Config,
        mut faults: Faults,
    ) -> Result<(Generation, Faults), Box<Refused>> {
        let identity = self.identity(config, &mut faults);
        let uses = Uses::of(config);
        let mut tls = Maker::new(config, &self.tls);
        let means = Means::of(self, config, &mut tls, &mut faults);
        let plan = means.plan(config, &uses);
        let policies = self.loader.load(plan).await;
        faults.extend(too_many(config, &uses, &policies, self.workers));
        let servers = tls.servers(&mut faults);
        tls.check(&mut faults);
        let mut apis = BTreeMap::new();
        let made = upstreams::Made { before: &self.upstreams, metrics: &self.metrics, network: &self.network };
        let (slots, upstreams) = made.load(config, &mut tls, &mut apis);
        let otlp = otlp::of(config, &mut tls, self.otlp.as_ref(), &self.metrics, &mut faults);
        let mut steps = Steps::new(config, &uses, &policies, (&self.tallies, &self.catalog));
        let unmatched = Chain::new(steps.all(User::Gateway, &config.chain));
        let observers = steps.observers(&self.metrics);
        faults.append(&mut steps.faults);
        let parts = routes::Parts { slots: &slots, metrics: &self.metrics, catalog: &self.catalog };
        let router = routes::router(config, &mut steps, parts, &mut apis);
        let mut idle = policies.idle.clone();
        idle.append(&mut steps.idle);
        let (Some(identity), Some(router), true, true) = (identity, router, faults.is_empty(), apis.is_empty()) else {
            return Err(Refused { gateway: faults, apis, idle }.into());
        };
        idle.sort();
        idle.dedup();
        self.loader.keep(plan);
        self.tallies = steps.tallies;
        self.tls = tls.made;
        self.keep(config, means, &upstreams, otlp);
        let policies = policies.into_policies().map(|policy| (policy.clone(), self.metrics.policy(policy.name())));
        let generation = Generation {
            number: self.built,
            since: SystemTime::now(),
            identity: Arc::new(identity),
            forwarding: config.forwarding.clone(),
            id_header: config.id_header.clone(),
            tracing: self.otlp.as_ref().and_then(|otlp| otlp.sample()).or(config.tracing.map(sample)),
            otlp: self.otlp.clone(),
            unmatched,
            unmatched_metrics: self.metrics.route("", ""),
            router,
            policies: policies.collect(),
            upstreams,
            shown: access::shown(config, &self.access),
            access: self.access.values().cloned().collect(),
            alerts: self.alerts.values().cloned().collect(),
            key_sets: self.key_sets.values().cloned().collect(),
            limiters: self.limiters.values().cloned().collect(),
            servers,
            shadows: steps::shadows(config, &self.tallies),
            observers: observers.into(),
        };
        Ok((generation, idle))
    }

    /// The next generation has these, and the one after it takes over what it can of them.
    fn keep(&mut self, config: &Config, means: Means, upstreams: &[Arc<Upstream>], otlp: Option<Arc<Otlp>>) {
        self.built += 1;
        self.egress = means.services;
        self.key_sets = keys::fetched(&means.keys);
        self.limiters = means.limiters;
        self.access = means.access;
        self.alerts = alerts::load(config, &self.alerts, &self.metrics);
        self.alerts.values().for_each(|alert| alert.ask(&self.egress));
        self.otlp = otlp;
        self.upstreams = upstreams.iter().map(|upstream| (upstream.settings.name.clone(), upstream.clone())).collect();
        self.forget(config);
    }

    fn identity(&self, config: &Config, faults: &mut Faults) -> Option<IdentityHeaders> {
        let own = config.id_header.iter().map(ToString::to_string);
        let identity = IdentityHeaders::new(config.all_identity_headers().into_iter().chain(own));
        let place = config.places.request.below("identity_headers");
        let advice = "use lower-case names, or prefixes that end in `*`";
        let identity = identity.map(|identity| identity.with_underscored(config.underscored_headers.clone()));
        identity.map_err(|error| faults.push(place.fault(error.to_string(), advice))).ok()
    }

    /// Drop numbers that belong to parts which are gone.
    fn forget(&self, config: &Config) {
        let apis: HashSet<&str> = config.apis.iter().map(|api| api.name.as_str()).collect();
        let routes = config.apis.iter().flat_map(|api| api.routes.iter().map(|route| (&*api.name, &*route.name)));
        let blanks = config.blanks.iter().map(|blank| (&*blank.api, &*blank.route));
        let routes: HashSet<(&str, &str)> = routes.chain(blanks).collect();
        let targets = self.upstreams.values().flat_map(|upstream| {
            let urls = upstream.settings.targets.iter().map(|declared| declared.target.to_string());
            urls.map(|url| (&*upstream.settings.name, url))
        });
        let targets: HashSet<(&str, String)> = targets.collect();
        self.metrics.retain_upstreams(|upstream, target| match target {
            None => self.upstreams.contains_key(upstream),
            Some(target) => targets.contains(&(upstream, target.to_owned())),
        });
        self.metrics.retain_egress(|name| config.egress.contains_key(name));
        self.metrics.certificates(self.tls.ends());
        self.metrics.retain_key_sets(|name| self.key_sets.contains_key(name));
        self.metrics.retain_alerts(|name| self.alerts.contains_key(name));
        self.metrics.retain_limiters(|name| self.limiters.contains_key(name));
        self.metrics.retain_policies(|name| config.policies.contains_key(name));
        self.metrics.retain_routes(|api, route| route.is_empty() || routes.contains(&(api, route)));
        let routes = config.apis.iter().flat_map(|api| api.routes.iter().map(move |route| (api, route)));
        let arms = routes
            .flat_map(|(api, route)| route.arms().iter().map(move |arm| (&*api.name, &*route.name, &*arm.upstream)));
        let arms: HashSet<(&str, &str, &str)> = arms.collect();
        self.metrics.retain_splits(|api, route, upstream| arms.contains(&(api, route, upstream)));
        self.metrics.retain_policy_counters(|api, policy| {
            config.policies.contains_key(policy) && (api.is_empty() || apis.contains(api))
        });
    }
}

/// Add what is wrong with an API, each fault once.
pub(super) fn add(apis: &mut BTreeMap<Arc<str>, Faults>, folder: &Arc<str>, faults: Faults) {
    if !faults.is_empty() {
        let known = apis.entry(folder.clone()).or_default();
        known.extend(faults);
        known.sort();
        known.dedup();
    }
}

/// Of the traces that begin here: all or none.
fn sample(tracing: Tracing) -> Sample {
    if tracing.sampled { Sample::ALL } else { Sample::NONE }
}

/// Where more instances are kept or used than can be alive, some policies would never get one. Those that could not be
/// loaded count too.
fn too_many(config: &Config, uses: &Uses<'_>, policies: &Loaded, workers: usize) -> Option<ConfigFault> {
    let (mut kept, mut passing) = (0, 0);
    for (slot, (used, _)) in uses.list.iter().enumerate().filter(|(_, (used, _))| !used.is_shadow) {
        let is_pooled = || config.policies.get(&used.policy).is_some_and(|it| it.isolation == Isolation::Pooled);
        match policies.policy(slot).map(|policy| policy.map(|policy| policy.room())) {
            Some(Ok(Room::Kept(slots))) => kept += slots as usize,
            Some(Ok(Room::Passing(slots))) => passing = passing.max(slots as usize),
            Some(Err(_)) | None => kept += usize::from(is_pooled()),
        }
    }
    let wanted = (kept + passing).saturating_mul(workers);
    (wanted > MAX_INSTANCES as usize).then(|| {
        let reason = format!(
            "{workers} workers, each with {kept} instances of pooled policies and {passing} for the others, make {wanted} instances, and there can be {MAX_INSTANCES}"
        );
        let advice = "set fewer workers, or use pooled policies with fewer different configurations: equal ones of an API are one use";
        config.places.runtime.below("workers").fault(reason, advice)
    })
}
