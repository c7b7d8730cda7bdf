//! Which policies a configuration uses, with which configurations: each distinct use becomes one loaded policy.

use std::collections::HashMap;
use std::sync::Arc;

use crate::builtin;
use crate::config::{self, Config, ConfigFault, Grant, Isolation, Place, PolicySource};
use crate::sandbox::{Digest, Limits, Trial};

/// One policy with one configuration, in one API.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Use {
    pub(super) policy: String,
    /// Empty for the gateway's own chain.
    pub(super) api: String,
    /// JSON text.
    pub(super) config: String,
}

/// All uses, in order of their slots, each with the place that first named it.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) list: Vec<(Use, Place)>,
    slots: HashMap<Use, usize>,
}

impl Uses {
    pub(super) fn of(config: &Config) -> Self {
        let mut uses = Self::default();
        let chain = |uses: &mut Self, api: &str, entries: &[config::ChainEntry]| {
            for entry in entries {
                uses.add(&entry.policy, api, &entry.config, &entry.place);
            }
        };
        chain(&mut uses, "", &config.chain);
        for api in &config.apis {
            chain(&mut uses, &api.name, &api.chain);
            for route in &api.routes {
                chain(&mut uses, &api.name, &route.chain);
                if let config::Backend::Responder(responder) = &route.backend {
                    uses.add(&responder.policy, &api.name, &responder.config, &responder.place);
                }
            }
        }
        uses
    }

    pub(super) fn slot(&self, policy: &str, api: &str, config: &serde_json::Value) -> Option<usize> {
        self.slots.get(&Use { policy: policy.into(), api: api.into(), config: config.to_string() }).copied()
    }

    fn add(&mut self, policy: &str, api: &str, config: &serde_json::Value, place: &Place) {
        let used = Use { policy: policy.into(), api: api.into(), config: config.to_string() };
        if !self.slots.contains_key(&used) {
            self.slots.insert(used.clone(), self.list.len());
            self.list.push((used, place.clone()));
        }
    }
}

/// The code of a declared policy.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) wasm: Arc<[u8]>,
    pub(super) digest: Digest,
}

/// Find the code of every declared policy. Code that is not what `digest` pins, or not signed as `[trust]` wants it, is never run, not even
/// to try it.
pub(super) fn sources<'a>(config: &'a Config, faults: &mut Vec<ConfigFault>) -> HashMap<&'a str, Source> {
    let mut sources = HashMap::new();
    for (name, policy) in &config.policies {
        let wasm: Option<Arc<[u8]>> = match &policy.source {
            PolicySource::File(file) => Some(file.bytes.clone()),
            PolicySource::Builtin(name) => builtin::component(name).map(Into::into),
        };
        let Some(wasm) = wasm else { continue };
        if let (Some(trust), PolicySource::File(file)) = (&config.trust, &policy.source)
            && let Err(fault) = trust.check(file, &policy.place)
        {
            faults.push(fault);
            continue;
        }
        let digest = Digest::of(&wasm);
        match policy.digest.as_ref().filter(|pinned| pinned.value != digest.bytes()) {
            Some(pinned) => {
                let advice = format!("check where it comes from; if it is the right one, write sha256:{digest}");
                faults.push(pinned.place.fault("is not the digest of the component", advice));
            }
            None => {
                sources.insert(name.as_str(), Source { wasm, digest });
            }
        }
    }
    sources
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
    let image = waits || policy.isolation == Isolation::Request;
    Trial { config: used.config.clone(), limits: limits(policy), image }
}
