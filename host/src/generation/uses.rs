//! Which policies a configuration uses, with which configurations: each distinct use becomes one loaded policy.

use std::collections::{BTreeMap, HashMap};

use crate::builtin;
use crate::config::{self, Config, ConfigFault, Grant, Isolation, Place, PolicySource};
use crate::content::{Content, Digest};
use crate::sandbox::{Limits, Trial};

/// One policy with one configuration, in one API.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Use {
    pub(super) policy: String,
    /// Empty for the gateway's own chain.
    pub(super) api: String,
    /// JSON text.
    pub(super) config: String,
    /// Of the component. An API that is held may have another than others.
    pub(super) digest: Digest,
    /// Whether it runs in the shadow of another use.
    pub(super) is_shadow: bool,
}

/// All uses, in order of their slots, each with the place that first named it; those in the shadow of others after all
/// that serve.
pub(super) struct Uses<'a> {
    pub(super) list: Vec<(Use, Place)>,
    slots: HashMap<Use, usize>,
    /// Until all that serve are known.
    shadows: Vec<(Use, Place)>,
    pub(super) sources: Sources<'a>,
}

/// In whose name a policy is used.
#[derive(Clone, Copy)]
pub(super) enum User<'a> {
    /// The gateway's chain, by what no API has.
    Gateway,
    /// The gateway's chain on the way to an API.
    Outer(&'a config::Api),
    Api(&'a config::Api),
}

impl<'a> Uses<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        let mut uses =
            Self { list: Vec::new(), slots: HashMap::new(), shadows: Vec::new(), sources: Sources::of(config) };
        uses.chain(User::Gateway, &config.chain);
        uses.chain(User::Gateway, &config.observers);
        for api in &config.apis {
            if let Some(held) = &api.held {
                uses.chain(User::Outer(api), &held.chain);
            }
            uses.chain(User::Api(api), &api.chain);
            for route in &api.routes {
                uses.chain(User::Api(api), &route.chain);
                if let config::Backend::Responder(responder) = &route.backend {
                    uses.add(User::Api(api), &responder.policy, &responder.config, &responder.place);
                }
            }
        }
        for (used, place) in std::mem::take(&mut uses.shadows) {
            uses.put(used, &place);
        }
        uses
    }

    /// The slot of a use; an error where there is no code for it.
    pub(super) fn slot(
        &self,
        user: User<'_>,
        policy: &str,
        config: &serde_json::Value,
    ) -> Result<Option<usize>, &ConfigFault> {
        let Some(source) = self.sources.get(user, policy) else { return Ok(None) };
        let used = Use::new(user, policy, config, source.as_ref()?.digest());
        Ok(self.slots.get(&used).copied())
    }

    fn chain(&mut self, user: User<'_>, entries: &[config::ChainEntry]) {
        for entry in entries {
            self.add(user, &entry.policy, &entry.config, &entry.place);
            self.shadows.extend(self.shadow(user, entry).map(|used| (used, entry.place.clone())));
        }
    }

    fn add(&mut self, user: User<'_>, policy: &str, config: &serde_json::Value, place: &Place) {
        let Some(Ok(source)) = self.sources.get(user, policy) else { return };
        self.put(Use::new(user, policy, config, source.digest()), place);
    }

    fn put(&mut self, used: Use, place: &Place) {
        if !self.slots.contains_key(&used) {
            self.slots.insert(used.clone(), self.list.len());
            self.list.push((used, place.clone()));
        }
    }

    /// What runs in the shadow of an entry, if there is code for it.
    fn shadow(&self, user: User<'_>, entry: &config::ChainEntry) -> Option<Use> {
        let (config, source) =
            (entry.shadow.as_ref()?, self.sources.shadows.get(entry.policy.as_str())?.as_ref().ok()?);
        Some(Use { is_shadow: true, ..Use::new(user, &entry.policy, config, source.digest()) })
    }

    /// The slot of what runs in the shadow of an entry.
    pub(super) fn shadow_slot(&self, user: User<'_>, entry: &config::ChainEntry) -> Option<usize> {
        self.slots.get(&self.shadow(user, entry)?).copied()
    }
}

impl Use {
    fn new(user: User<'_>, policy: &str, config: &serde_json::Value, digest: Digest) -> Self {
        let api = match user {
            User::Gateway | User::Outer(_) => String::new(),
            User::Api(api) => api.name.clone(),
        };
        Self { policy: policy.into(), api, config: config.to_string(), digest, is_shadow: false }
    }
}

/// The code of every policy, or what is wrong with it. Code that is not what `digest` pins, or not signed as `[trust]`
/// wants it, is never run, not even to try it.
pub(super) struct Sources<'a> {
    /// As the folder has it.
    pub(super) today: HashMap<&'a str, Result<Content, ConfigFault>>,
    /// By folder of an API that is held.
    held: HashMap<&'a str, HashMap<&'a str, Result<Content, ConfigFault>>>,
    /// What runs in the shadow of other code.
    pub(super) shadows: HashMap<&'a str, Result<Content, ConfigFault>>,
    /// By digest, all there is.
    by_digest: HashMap<Digest, Content>,
}

impl<'a> Sources<'a> {
    fn of(config: &'a Config) -> Self {
        let all = |policies: &'a BTreeMap<String, config::Policy>| {
            policies.iter().map(|(name, policy)| (name.as_str(), source(policy, config))).collect()
        };
        let held = config.apis.iter().filter_map(|api| Some((&*api.folder, all(&api.held.as_ref()?.policies))));
        let shadows = config.written.iter().filter(|(_, written)| written.is_shadow);
        let shadows = shadows.map(|(name, written)| (name.as_str(), source(&written.policy, config)));
        let (today, held, shadows) = (all(&config.policies), held.collect(), shadows.collect());
        let mut sources = Self { today, held, shadows, by_digest: HashMap::new() };
        let held = sources.held.values().flat_map(HashMap::values);
        let good = sources.today.values().chain(held).chain(sources.shadows.values()).flatten();
        sources.by_digest = good.map(|code| (code.digest(), code.clone())).collect();
        sources
    }

    pub(super) fn of_use(&self, used: &Use) -> Option<&Content> {
        self.by_digest.get(&used.digest)
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.by_digest.keys()
    }

    fn get(&self, user: User<'_>, policy: &str) -> Option<&Result<Content, ConfigFault>> {
        match user {
            User::Outer(api) | User::Api(api) if api.held.is_some() => self.held.get(&*api.folder)?.get(policy),
            User::Gateway | User::Outer(_) | User::Api(_) => self.today.get(policy),
        }
    }
}

fn source(policy: &config::Policy, config: &Config) -> Result<Content, ConfigFault> {
    let code = match &policy.source {
        PolicySource::Missing(fault) => return Err((**fault).clone()),
        PolicySource::File { component, signature } => {
            if let Some(trust) = &config.trust {
                trust.check(component, signature.as_ref(), &policy.place)?;
            }
            component.content.clone()
        }
        // The names of others are faults before.
        PolicySource::Builtin(name) => builtin::component(name).cloned().unwrap_or_else(|| Content::from(Vec::new())),
    };
    match policy.digest.as_ref().filter(|pinned| pinned.value != code.digest()) {
        Some(pinned) => {
            let advice = format!("check where it comes from; if it is the right one, write {}", code.digest());
            Err(pinned.place.fault("is not the digest of the component", advice))
        }
        None => Ok(code),
    }
}

/// The limits of a policy as the sandbox takes them.
pub(super) fn limits(policy: &config::Policy) -> Limits {
    Limits {
        cpu: policy.limits.cpu,
        wall: policy.limits.wall,
        memory: usize::try_from(policy.limits.memory).unwrap_or(usize::MAX),
        table_elements: policy.limits.table_elements as usize,
        host_calls: policy.limits.host_calls,
        host_memory: usize::try_from(policy.limits.host_memory).unwrap_or(usize::MAX),
        log: usize::try_from(policy.limits.log).unwrap_or(usize::MAX),
        calls: policy.limits.calls,
    }
}

/// The trial of one configuration.
pub(super) fn trial(used: &Use, policy: &config::Policy) -> Trial {
    // What can wait has an instance for each call, whatever others share.
    let waits = policy.grants.iter().any(|grant| matches!(grant, Grant::Egress(_)));
    let image = waits || used.is_shadow || policy.isolation == Isolation::Request;
    Trial { config: used.config.clone(), limits: limits(policy), image }
}
