//! Builds generations: what changed is made anew, what did not is taken over.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::keys::{self, Keys};
use super::steps::Steps;
use super::uses::{self, Source, Use, Uses};
use super::{Generation, Route};
use crate::chain::Chain;
use crate::config::{self, Config, ConfigFault, Place};
use crate::exchange::hygiene::IdentityHeaders;
use crate::route::{Match, Router};
use crate::sandbox::{Digest, Interest, Limits, Policy, Powers, Sandbox};
use crate::store::{self, Memory};
use crate::telemetry::metrics::Metrics;
use crate::upstream::Upstream;

/// Builds one generation after the other, and remembers the parts of the last.
pub(crate) struct Builder {
    sandbox: Sandbox,
    state: Option<PathBuf>,
    stores: Memory,
    metrics: Arc<Metrics>,
    built: u64,
    policies: HashMap<PolicyKey, Arc<Policy>>,
    upstreams: Vec<Arc<Upstream>>,
}

/// Everything that makes one loaded policy differ from another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct PolicyKey {
    used: Use,
    digest: Digest,
    limits: Limits,
    grants: String,
    keys: Vec<Digest>,
    stores: String,
}

type Faults = Vec<ConfigFault>;

impl Builder {
    /// `state` is the state directory, if there is one.
    pub(crate) fn new(sandbox: Sandbox, state: Option<PathBuf>, metrics: Arc<Metrics>) -> Self {
        Self {
            sandbox,
            state,
            stores: Memory::default(),
            metrics,
            built: 0,
            policies: HashMap::new(),
            upstreams: Vec::new(),
        }
    }

    /// Build a generation, or say everything that is wrong with the configuration. A failure changes nothing.
    pub(crate) async fn build(&mut self, config: &Config) -> Result<Generation, Faults> {
        let identity = config.identity_headers.iter().map(ToString::to_string);
        let identity = IdentityHeaders::new(identity).map_err(|error| vec![whole(error.to_string())])?;
        // Each of these finds faults of its own kind; what the first finds, the next could only repeat.
        let keys = keys::load(config, self.state.as_deref())?;
        let sources = uses::sources(config)?;
        let uses = Uses::of(config);
        let policies = self.load_policies(config, &keys, &sources, &uses).await?;
        let (slots, upstreams) = self.upstreams(config);
        let router = self.router(config, &uses, &policies, &slots)?;
        let mut steps = Steps::new(&uses, &policies);
        let unmatched = Chain::new(steps.all("", &config.chain));
        if !steps.faults.is_empty() {
            return Err(steps.faults);
        }
        let stores = stores(config, &uses, &policies);
        self.built += 1;
        self.upstreams.clone_from(&upstreams);
        self.policies = policies.iter().map(|(key, policy)| (key.clone(), policy.clone())).collect();
        let policies = policies
            .into_iter()
            .map(|(_, policy)| {
                let metrics = self.metrics.policy(policy.name());
                (policy, metrics)
            })
            .collect();
        let generation = Generation {
            number: self.built,
            since: SystemTime::now(),
            identity,
            unmatched,
            unmatched_metrics: self.metrics.route("", ""),
            router,
            policies,
            upstreams,
        };
        self.forget(config);
        self.stores.settle(&stores);
        Ok(generation)
    }

    /// Load the policy of every use, in order of slots; build what was not there before.
    async fn load_policies(
        &self,
        config: &Config,
        keys: &BTreeMap<String, Keys>,
        sources: &HashMap<&str, Source>,
        uses: &Uses,
    ) -> Result<Vec<(PolicyKey, Arc<Policy>)>, Faults> {
        let mut faults = Vec::new();
        let mut loaded: Vec<Option<(PolicyKey, Arc<Policy>)>> = Vec::new();
        // By component: a child process is started once for all configurations of one.
        let mut missing: BTreeMap<Digest, (&Source, Vec<usize>)> = BTreeMap::new();
        for (name, declared) in &config.policies {
            let unused = !uses.list.iter().any(|(used, _)| used.policy == *name);
            if let (true, Some(source)) = (unused, sources.get(name.as_str()))
                // Nothing is wrong with a policy nobody uses yet, as long as it is one.
                && let Err(error) = self.sandbox.build(&source.wasm, &[]).await
            {
                faults.push(declared.place.fault(error.to_string(), "replace the component or remove the policy"));
            }
        }
        for (slot, (used, _)) in uses.list.iter().enumerate() {
            let (Some(declared), Some(source)) = (config.policies.get(&used.policy), sources.get(used.policy.as_str()))
            else {
                loaded.push(None);
                continue;
            };
            let key = PolicyKey::new(used, declared, source.digest, config, keys);
            let known = self.policies.get(&key).cloned();
            if known.is_none() {
                missing.entry(source.digest).or_insert((source, Vec::new())).1.push(slot);
            }
            loaded.push(known.map(|policy| (key, policy)));
        }
        for (source, slots) in missing.into_values() {
            let wanted: Vec<_> = slots
                .iter()
                .filter_map(|slot| {
                    let (used, place) = uses.list.get(*slot)?;
                    Some((*slot, used, place, config.policies.get(&used.policy)?))
                })
                .collect();
            let trials: Vec<_> =
                wanted.iter().map(|(_, used, _, declared)| (used.config.clone(), uses::limits(declared))).collect();
            let built = match self.sandbox.build(&source.wasm, &trials).await {
                Ok(built) => built,
                Err(error) => {
                    let mut places: Vec<&Place> = wanted.iter().map(|(_, _, _, declared)| &declared.place).collect();
                    places.dedup();
                    let advice = "replace the component by one that implements lockgate:policy";
                    faults.extend(
                        places
                            .into_iter()
                            .map(|place| place.fault(format!("the component cannot be used: {error}"), advice)),
                    );
                    continue;
                }
            };
            for ((slot, used, place, declared), trial) in wanted.into_iter().zip(built.trials) {
                let policy = trial
                    .map_err(|reasons| refused(place, reasons))
                    .and_then(|interest| grant(interest, declared, &used.policy))
                    .and_then(|interest| {
                        let powers = self.powers(used, &interest, config, keys);
                        self.sandbox
                            .load(&built.code, &used.config, interest, uses::limits(declared), powers)
                            .map_err(|error| vec![declared.place.fault(error.to_string(), "replace the component")])
                    });
                match policy {
                    Ok(policy) => {
                        let key = PolicyKey::new(used, declared, source.digest, config, keys);
                        if let Some(place) = loaded.get_mut(slot) {
                            *place = Some((key, Arc::new(policy)));
                        }
                    }
                    Err(found) => faults.extend(found),
                }
            }
        }
        faults.sort();
        faults.dedup();
        if faults.is_empty() { Ok(loaded.into_iter().flatten().collect()) } else { Err(faults) }
    }

    /// The named powers of a use: those its interest names, which were granted.
    fn powers(&self, used: &Use, interest: &Interest, config: &Config, keys: &BTreeMap<String, Keys>) -> Powers {
        let sets = interest.keys.iter().filter_map(|name| Some((name.clone(), keys.get(name)?.set.clone())));
        let stores = interest.stores.iter().filter_map(|(name, write)| {
            let declared = config.stores.get(name)?;
            let namespace = namespace(used, name, declared);
            Some((name.clone(), (self.stores.namespace(&namespace, store_limits(declared)), *write)))
        });
        Powers {
            api: used.api.as_str().into(),
            policy: used.policy.as_str().into(),
            keys: sets.collect(),
            stores: stores.collect(),
            counters: self.metrics.policy_counters(&used.api, &used.policy),
        }
    }

    /// Upstreams by API and name, and the list of all; those that did not change are the ones of before.
    fn upstreams(&self, config: &Config) -> (HashMap<(String, String), usize>, Vec<Arc<Upstream>>) {
        let mut slots = HashMap::new();
        let mut list = Vec::new();
        let bounds = Arc::new(config.upstreams.clone());
        for api in &config.apis {
            for (name, declared) in &api.upstreams {
                let upstream = Upstream {
                    name: format!("{}/{name}", api.name),
                    targets: declared.targets.clone(),
                    bounds: bounds.clone(),
                    connect_timeout: declared.timeouts.connect,
                    first_byte_timeout: declared.timeouts.first_byte,
                    idle_timeout: declared.timeouts.idle,
                    max_idle: declared.max_idle as usize,
                };
                let known = self.upstreams.iter().find(|known| ***known == upstream).cloned();
                slots.insert((api.name.clone(), name.clone()), list.len());
                list.push(known.unwrap_or_else(|| Arc::new(upstream)));
            }
        }
        (slots, list)
    }

    fn router(
        &self,
        config: &Config,
        uses: &Uses,
        policies: &[(PolicyKey, Arc<Policy>)],
        upstreams: &HashMap<(String, String), usize>,
    ) -> Result<Router<Arc<Route>>, Faults> {
        let mut steps = Steps::new(uses, policies);
        let mut routes = Vec::new();
        let mut places = Vec::new();
        let outer = steps.all("", &config.chain);
        for api in &config.apis {
            let name: Arc<str> = api.name.as_str().into();
            let version: Arc<str> = api.version.as_str().into();
            let middle = steps.all(&api.name, &api.chain);
            for route in &api.routes {
                let inner = steps.all(&api.name, &route.chain);
                let chain = outer.iter().chain(&middle).chain(&inner).cloned().collect();
                let Some(backend) = steps.backend(api, route, upstreams) else { continue };
                let hosts = if route.matching.hosts.is_empty() { &api.hosts } else { &route.matching.hosts };
                let matching = Match {
                    hosts: hosts.clone(),
                    path: route.matching.path.clone(),
                    methods: route.matching.methods.clone(),
                    headers: route.matching.headers.clone(),
                };
                let built = Route {
                    api: name.clone(),
                    version: version.clone(),
                    name: route.name.as_str().into(),
                    pattern: route.matching.path.as_str().into(),
                    chain: Chain::new(chain),
                    backend,
                    timeout: route.timeout,
                    metrics: self.metrics.route(&api.name, &route.name),
                };
                places.push((&route.place, &route.name, &api.name));
                routes.push((matching, Arc::new(built)));
            }
        }
        if !steps.faults.is_empty() {
            return Err(steps.faults);
        }
        Router::build(routes).map_err(|conflicts| {
            let fault = |conflict: crate::route::Conflict| {
                let (place, name, _) = places.get(conflict.second)?;
                let (_, other, api) = places.get(conflict.first)?;
                let reason = format!(
                    "`{name}` matches the same requests as `{other}` of API `{api}`, and neither is more specific"
                );
                Some(place.fault(reason, "change the path, methods, hosts or headers of one, or remove it"))
            };
            conflicts.into_iter().filter_map(fault).collect()
        })
    }

    /// Drop numbers that belong to parts which are gone.
    fn forget(&self, config: &Config) {
        let api = |name: &str| config.apis.iter().find(|api| api.name == name);
        self.metrics.retain_policies(|name| config.policies.contains_key(name));
        self.metrics.retain_routes(|api_name, route| {
            route.is_empty() || api(api_name).is_some_and(|api| api.routes.iter().any(|known| known.name == route))
        });
        self.metrics.retain_policy_counters(|api_name, policy| {
            config.policies.contains_key(policy) && (api_name.is_empty() || api(api_name).is_some())
        });
    }
}

/// The namespaces that policies use, and their limits.
fn stores(config: &Config, uses: &Uses, policies: &[(PolicyKey, Arc<Policy>)]) -> HashMap<String, store::Limits> {
    let each = uses.list.iter().zip(policies).flat_map(|((used, _), (_, policy))| {
        policy.interest().stores.iter().filter_map(|(name, _)| {
            let declared = config.stores.get(name)?;
            Some((namespace(used, name, declared), store_limits(declared)))
        })
    });
    each.collect()
}

fn store_limits(declared: &config::Store) -> store::Limits {
    store::Limits {
        max_entries: declared.max_entries as usize,
        max_bytes: usize::try_from(declared.max_bytes).unwrap_or(usize::MAX),
    }
}

impl PolicyKey {
    fn new(
        used: &Use,
        declared: &config::Policy,
        digest: Digest,
        config: &Config,
        keys: &BTreeMap<String, Keys>,
    ) -> Self {
        let granted_keys = declared.grants.iter().filter_map(|grant| match grant {
            config::Grant::Key(name) => Some(keys.get(name)?.digest),
            _ => None,
        });
        let stores = declared.grants.iter().filter_map(|grant| match grant {
            config::Grant::Store { name, .. } => {
                let declared = config.stores.get(name)?;
                Some(format!(
                    "{name}={}:{}:{};",
                    namespace(used, name, declared),
                    declared.max_entries,
                    declared.max_bytes
                ))
            }
            _ => None,
        });
        Self {
            used: used.clone(),
            digest,
            limits: uses::limits(declared),
            grants: declared.grants.iter().map(|grant| format!("{grant};")).collect(),
            keys: granted_keys.collect(),
            stores: stores.collect(),
        }
    }
}

/// The namespace a store's name stands for: the operator's choice, else one of the API and policy alone.
fn namespace(used: &Use, name: &str, declared: &config::Store) -> String {
    declared.namespace.clone().unwrap_or_else(|| format!("{}/{}/{name}", used.api, used.policy))
}

fn grant(interest: Interest, declared: &config::Policy, name: &str) -> Result<Interest, Faults> {
    let missing = interest.missing(&declared.grants);
    if missing.is_empty() {
        return Ok(interest);
    }
    let list = missing.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let reason = format!("the policy needs powers it is not granted: {list}");
    Err(vec![declared.place.fault(reason, format!("if it should have them, add them to `grant` of [policy.{name}]"))])
}

fn refused(place: &Place, reasons: Vec<String>) -> Faults {
    let place = place.below("config");
    reasons.into_iter().map(|reason| place.fault(reason, "see the README of the policy")).collect()
}

fn whole(reason: String) -> ConfigFault {
    ConfigFault {
        file: "gateway.toml".into(),
        line: None,
        key: "request.identity_headers".into(),
        reason,
        advice: "use lower-case names, or prefixes that end in `*`".into(),
    }
}
