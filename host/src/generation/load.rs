//! Loads the policy of every use: what is known is taken over, the rest is built.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::accepted::Accepted;
use super::builds::{Builds, Done, Order};
use super::granted::{Counted, bounded, granted, limiters, stores};
use super::keys::Keys;
use super::limiters::Tables;
use super::uses::{self, Use, Uses};
use crate::config::{self, Breaker, Config, ConfigFault, Grant, Isolation, Place};
use crate::consumers::Directory;
use crate::content::{Content, Digest};
use crate::egress::Egress;
use crate::limiter::{Limiter, Shared};
use crate::sandbox::{BuildError, Code, Interest, Keyring, Limits, Parts, Policy, Powers, Sandbox, Snapshot, Tried};
use crate::store::Memory;
use crate::telemetry::metrics::{Metrics, PolicyCounters};

/// What loading goes by.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) config: &'a Config,
    pub(super) keys: &'a BTreeMap<String, Keys>,
    pub(super) uses: &'a Uses<'a>,
    pub(super) services: &'a BTreeMap<String, Arc<Egress>>,
    pub(super) limiters: &'a BTreeMap<String, Arc<Shared>>,
}

/// What came of loading.
pub(super) struct Loaded {
    /// The policy of each use, in order of slots, or what is wrong with it.
    slots: Vec<Result<(PolicyKey, Arc<Policy>), Faults>>,
    /// What is wrong with policies nobody uses.
    pub(super) idle: Faults,
}

/// Loads policies, and remembers what need not be done again.
pub(super) struct Loader {
    sandbox: Arc<Sandbox>,
    builds: Builds,
    stores: Memory,
    tables: Tables,
    consumers: Arc<Directory>,
    metrics: Arc<Metrics>,
    /// Of the generation that serves.
    serving: HashMap<PolicyKey, Arc<Policy>>,
    /// Of the last attempt: what was good in a configuration that was refused is not built again for the next.
    tried: HashMap<PolicyKey, Arc<Policy>>,
    /// Components that are policies.
    sound: HashSet<Digest>,
    accepted: Accepted,
}

/// Everything that makes one loaded policy differ from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct PolicyKey {
    used: Use,
    limits: Limits,
    isolation: Isolation,
    breaker: Breaker,
    grants: String,
    keys: Vec<Digest>,
    stores: String,
    /// Services by address: another one has other terms or credentials.
    services: Vec<usize>,
    /// Where its limiters count; stores by address likewise.
    limiters: String,
}

/// A component that a child process is started for, once for all its configurations.
struct Job<'a> {
    source: &'a Content,
    /// Of the policies that have it.
    places: Vec<&'a Place>,
    wanted: Vec<Wanted<'a>>,
}

/// A use that is not known.
struct Wanted<'a> {
    slot: usize,
    key: PolicyKey,
    place: &'a Place,
    declared: &'a config::Policy,
}

type Faults = Vec<ConfigFault>;

impl Loader {
    /// `state` is the state directory, if there is one. Nobody's keys are known.
    pub(super) fn new(sandbox: Sandbox, state: Option<&Path>, metrics: Arc<Metrics>) -> Self {
        let (builds, serving, tried, sound) = Default::default();
        let (sandbox, accepted) = (Arc::new(sandbox), Accepted::open(state));
        let (stores, tables, consumers) = Default::default();
        Self { sandbox, builds, stores, tables, consumers, metrics, serving, tried, sound, accepted }
    }

    /// From now on policies that ask whose a key is ask this.
    pub(super) fn know(&mut self, consumers: Arc<Directory>) {
        self.consumers = consumers;
    }

    pub(super) fn step_back(&self) {
        self.sandbox.step_back();
    }

    /// What is still being built is not wanted any more.
    pub(super) fn end_builds(&mut self) {
        self.builds.end();
    }

    /// Load the policy of every use. Changes nothing that serves: see [`Loader::keep`]. Given up while it waits, what it
    /// began is there for the next attempt.
    pub(super) async fn load(&mut self, plan: Plan<'_>) -> Loaded {
        // Each is known already, or wanted by a job.
        let mut slots: Vec<_> = plan.uses.list.iter().map(|_| Err(Faults::new())).collect();
        let mut idle: Faults = plan.uses.sources.today.values().filter_map(|it| it.as_ref().err().cloned()).collect();
        let jobs = self.jobs(plan, &mut slots);
        for (job, (_, built)) in self.perform(&jobs).await {
            let built = match built {
                Ok(built) => built,
                Err(error) => {
                    let reason = format!("the component cannot be used: {error}");
                    let advice = match &error {
                        BuildError::Refused(_) => "replace it by one that implements lockgate:policy",
                        BuildError::Broke(_) => {
                            "if it builds on another machine, this one has too little memory or time for it"
                        }
                    };
                    let faults: Faults = job.places.iter().map(|place| place.fault(reason.clone(), advice)).collect();
                    for wanted in &job.wanted {
                        put(&mut slots, wanted.slot, Err(faults.clone()));
                    }
                    if job.wanted.is_empty() {
                        idle.extend(faults);
                    }
                    continue;
                }
            };
            self.sound.insert(job.source.digest());
            for (wanted, trial) in job.wanted.iter().zip(built.trials) {
                let policy = trial
                    .map_err(|reasons| refused(wanted.place, reasons))
                    .and_then(|tried| self.assemble(&built.code, tried, wanted, plan));
                put(&mut slots, wanted.slot, policy.map(|policy| (wanted.key.clone(), Arc::new(policy))));
            }
        }
        self.tried = slots.iter().flatten().cloned().collect();
        for (name, digest, fault) in self.accepted.faults(plan.config, self.tried.values()) {
            for ((used, _), slot) in plan.uses.list.iter().zip(&mut slots) {
                if (&used.policy, used.digest) == (&name, digest) {
                    *slot = Err(vec![fault.clone()]);
                }
            }
        }
        // Nobody waits for what runs in the shadow of others.
        let shadows = plan.uses.list.iter().zip(&slots).filter(|((used, _), _)| used.is_shadow);
        idle.extend(shadows.filter_map(|(_, slot)| slot.as_ref().err()).flatten().cloned());
        idle.extend(plan.uses.sources.shadows.values().filter_map(|source| source.as_ref().err().cloned()));
        Loaded { slots, idle }
    }

    /// Make the policy of a use, if it may have what it asks for.
    fn assemble(
        &self,
        code: &Code,
        tried: Tried<Snapshot>,
        wanted: &Wanted<'_>,
        plan: Plan<'_>,
    ) -> Result<Policy, Faults> {
        let (PolicyKey { used, limits, .. }, declared) = (&wanted.key, wanted.declared);
        granted(&tried.interest, declared, &used.policy)?;
        bounded(&tried.interest, *limits, wanted.place, &used.policy)?;
        let powers = self.powers(used, &tried.interest, plan);
        let (isolation, breaker) = (declared.isolation, declared.breaker);
        let is_shadow = used.is_shadow;
        // What it logs would be read as if it had happened.
        let limits = Limits { log: if is_shadow { 0 } else { limits.log }, ..*limits };
        let parts = Parts { config: used.config.clone(), tried, limits, isolation, breaker, powers, is_shadow };
        let policy = self.sandbox.load(code, parts);
        policy.map_err(|error| vec![declared.place.fault(error.to_string(), "replace the component")])
    }

    /// These policies serve from now on. What belongs to no use any more is forgotten, the data of its stores too.
    pub(super) fn keep(&mut self, plan: Plan<'_>) {
        self.serving = std::mem::take(&mut self.tried);
        self.accepted.keep(plan.config, self.serving.values().filter(|policy| !policy.is_shadow()));
        let there: HashSet<_> = plan.uses.sources.digests().copied().collect();
        self.sound.retain(|digest| there.contains(digest));
        if !plan.config.blanks.is_empty() {
            // What comes back when a fault is mended wants its data.
            return;
        }
        let used = plan.uses.list.iter().filter_map(|(used, _)| Some((used, plan.config.policies.get(&used.policy)?)));
        let used: Vec<_> = used.collect();
        let counted = used.iter().flat_map(|(used, declared)| limiters(used, declared, plan.config));
        self.tables.settle(&counted.map(|counted| (counted.namespace, counted.declared.max_keys)).collect());
        let spaces = used.iter().flat_map(|(used, declared)| stores(used, declared, plan.config));
        self.stores.settle(&spaces.map(|space| (space.namespace, space.limits)).collect());
    }

    /// Take over what is known, and find what must be built for the rest.
    fn jobs<'a>(
        &self,
        plan: Plan<'a>,
        slots: &mut [Result<(PolicyKey, Arc<Policy>), Faults>],
    ) -> BTreeMap<Digest, Job<'a>> {
        let mut jobs: BTreeMap<Digest, Job<'a>> = BTreeMap::new();
        fn job<'a, 'j>(
            jobs: &'j mut BTreeMap<Digest, Job<'a>>,
            source: &'a Content,
            place: &'a Place,
        ) -> &'j mut Job<'a> {
            let new = || Job { source, places: Vec::new(), wanted: Vec::new() };
            let job = jobs.entry(source.digest()).or_insert_with(new);
            if !job.places.contains(&place) {
                job.places.push(place);
            }
            job
        }
        for ((slot, (used, place)), loaded) in plan.uses.list.iter().enumerate().zip(slots) {
            let declared = plan.config.policies.get(&used.policy);
            let Some((declared, source)) = declared.zip(plan.uses.sources.of_use(used)) else { continue };
            let key = PolicyKey::new(used, declared, plan);
            match self.serving.get(&key).or_else(|| self.tried.get(&key)) {
                Some(policy) => *loaded = Ok((key, policy.clone())),
                None => {
                    let job = job(&mut jobs, source, &declared.place);
                    job.wanted.push(Wanted { slot, key, place, declared });
                }
            }
        }
        // Nothing is wrong with a policy nobody uses yet, as long as it is one.
        for (name, declared) in &plan.config.policies {
            if let Some(Ok(source)) = plan.uses.sources.today.get(name.as_str())
                && !self.sound.contains(&source.digest())
            {
                job(&mut jobs, source, &declared.place);
            }
        }
        jobs
    }

    async fn perform<'a, 'j>(&mut self, jobs: &'j BTreeMap<Digest, Job<'a>>) -> Vec<(&'j Job<'a>, Done)> {
        let orders: Vec<_> = jobs.values().map(Job::order).collect();
        let sandbox = &self.sandbox;
        let build = |Order { source, trials }: Order, at_once| {
            let sandbox = sandbox.clone();
            async move { sandbox.build(&source, &trials, at_once).await }
        };
        let done = self.builds.all(&orders, sandbox.keeps_code(), build).await;
        done.into_iter().filter_map(|done| Some((jobs.get(&done.0.source.digest())?, done))).collect()
    }

    /// The named powers of a use: those its interest names, which were granted.
    fn powers(&self, used: &Use, interest: &Interest, plan: Plan<'_>) -> Powers {
        let sets = named(&interest.keys, plan, |keys| keys.ring.clone());
        let spaces: Vec<_> =
            plan.config.policies.get(&used.policy).into_iter().flat_map(|it| stores(used, it, plan.config)).collect();
        let stores = interest.stores.iter().filter_map(|(name, write)| {
            let space = spaces.iter().find(|space| space.name == name)?;
            Some((name.clone(), (self.stores.namespace(&space.namespace, space.limits), *write)))
        });
        let egress = interest.egress.iter().filter_map(|name| Some((name.clone(), plan.services.get(name)?.clone())));
        let egress: HashMap<_, _> = egress.collect();
        let counted = plan.config.policies.get(&used.policy).into_iter();
        let counted = counted.flat_map(|declared| limiters(used, declared, plan.config));
        let limiters = counted.filter(|counted| interest.limiters.iter().any(|name| name == counted.name)).map(|it| {
            let shared = plan.limiters.get(it.name).map(|store| (store.clone(), it.namespace.as_str().into()));
            (it.name.to_owned(), Limiter::new(self.tables.table(&it.namespace, it.declared.max_keys), shared))
        });
        let limiters: HashMap<_, _> = limiters.collect();
        let is_fetched = sets.values().any(|ring| matches!(ring, Keyring::Published(_)));
        let is_shared = limiters.values().any(|limiter| limiter.shared().is_some());
        Powers {
            api: used.api.as_str().into(),
            policy: used.policy.as_str().into(),
            keys: sets,
            signers: named(&interest.signs, plan, |keys| keys.signer.clone()),
            sealers: named(&interest.seals, plan, |keys| keys.sealer.clone()),
            stores: stores.collect(),
            may_wait: is_fetched || is_shared || !egress.is_empty(),
            egress,
            limiters,
            consumers: interest.consumers.then(|| self.consumers.clone()),
            counters: match used.is_shadow {
                true => PolicyCounters::apart(),
                false => self.metrics.policy_counters(&used.api, &used.policy),
            },
            world: self.sandbox.world().clone(),
        }
    }
}

impl Job<'_> {
    fn order(&self) -> Order {
        let trials = self.wanted.iter().map(|wanted| uses::trial(&wanted.key.used, wanted.declared)).collect();
        Order { source: self.source.clone(), trials }
    }
}

impl Loaded {
    pub(super) fn policy(&self, slot: usize) -> Option<Result<&Arc<Policy>, &[ConfigFault]>> {
        Some(self.slots.get(slot)?.as_ref().map(|(_, policy)| policy).map_err(Vec::as_slice))
    }

    /// All that serve, in order of slots.
    pub(super) fn into_policies(self) -> impl Iterator<Item = Arc<Policy>> {
        self.slots.into_iter().flatten().map(|(_, policy)| policy).filter(|policy| !policy.is_shadow())
    }
}

impl PolicyKey {
    fn new(used: &Use, declared: &config::Policy, plan: Plan<'_>) -> Self {
        let keys = declared.grants.iter().filter_map(|grant| match grant {
            Grant::Key(name) | Grant::Sign(name) | Grant::Seal(name) => Some(plan.keys.get(name)?.digest),
            _ => None,
        });
        let stores = stores(used, declared, plan.config).map(|space| format!("{}={};", space.name, space.namespace));
        Self {
            used: used.clone(),
            limits: uses::limits(declared),
            isolation: declared.isolation,
            breaker: declared.breaker,
            grants: declared.grants.iter().map(|grant| format!("{grant};")).collect(),
            keys: keys.collect(),
            stores: stores.collect(),
            services: services(declared, plan).map(|(_, service)| Arc::as_ptr(service).addr()).collect(),
            limiters: limiters(used, declared, plan.config)
                .map(|Counted { name, namespace, .. }| {
                    format!("{name}={namespace}@{:p};", plan.limiters.get(name).map_or(std::ptr::null(), Arc::as_ptr))
                })
                .collect(),
        }
    }
}

fn put<T>(slots: &mut [T], slot: usize, value: T) {
    if let Some(place) = slots.get_mut(slot) {
        *place = value;
    }
}

/// Of the keys of these names, what they have to do something with.
fn named<T>(names: &[String], plan: Plan<'_>, of: impl Fn(&Keys) -> Option<T>) -> HashMap<String, T> {
    names.iter().filter_map(|name| Some((name.clone(), of(plan.keys.get(name)?)?))).collect()
}

/// The services a policy is granted.
fn services<'a>(declared: &'a config::Policy, plan: Plan<'a>) -> impl Iterator<Item = (&'a String, &'a Arc<Egress>)> {
    declared.grants.iter().filter_map(move |grant| match grant {
        Grant::Egress(name) => plan.services.get_key_value(name),
        _ => None,
    })
}

fn refused(place: &Place, reasons: Vec<String>) -> Faults {
    let place = place.below("config");
    reasons.into_iter().map(|reason| place.fault(reason, "see the README of the policy")).collect()
}
