//! Owns versions of a policy: its code, with the configurations it was given; and which of two a configuration runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::backend::Backend;
use super::chain::ChainEntry;
use super::policy::{Policy, PolicySource};
use super::{Api, Config};

/// What a policy was at some time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub source: PolicySource,
    pub configs: Configs,
}

/// JSON objects in the order of chains, by where those are: nothing for the gateway, the name of an API, `API/route`.
pub(crate) type Configs = BTreeMap<String, Vec<Value>>;

/// A policy as the folder has it, where another version of it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub policy: Policy,
    /// Whether it runs in the shadow of that.
    pub is_shadow: bool,
}

impl Config {
    /// A policy as it is now.
    pub(crate) fn version(&self, name: &str) -> Option<Version> {
        let source = self.policies.get(name)?.source.clone();
        let mut configs = Configs::new();
        for (place, chain) in self.chains() {
            let own = chain.iter().filter(|entry| entry.policy == name).map(|entry| entry.config.clone());
            let own: Vec<_> = own.collect();
            if !own.is_empty() {
                configs.insert(place, own);
            }
        }
        Some(Version { source, configs })
    }

    /// Run an earlier version of a policy, `with_configs` with the configurations it had then, wherever it stands as often now as it stood then. What it
    /// may do, keys and all else is as it is now.
    pub(crate) fn run_before(&mut self, name: &str, before: &Version, with_configs: bool, is_shadow: bool) {
        let Some(policy) = self.policies.get_mut(name) else { return };
        let written = Written { policy: policy.clone(), is_shadow };
        // What it is pinned to now is not what it was pinned to then.
        (policy.source, policy.digest) = (before.source.clone(), None);
        self.written.insert(name.to_owned(), written);
        for (place, chain) in self.chains_mut() {
            let mut own: Vec<_> = chain.iter_mut().filter(|entry| entry.policy == name).collect();
            if is_shadow {
                own.iter_mut().for_each(|entry| entry.shadow = Some(entry.config.clone()));
            }
            let known = before.configs.get(&place).filter(|known| with_configs && known.len() == own.len());
            for (entry, config) in own.into_iter().zip(known.into_iter().flatten()) {
                entry.config.clone_from(config);
            }
        }
    }

    /// Policies that requests pass, or that answer them, as the folder has them.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = &str> {
        let chains = self.chains().flat_map(|(_, chain)| chain).map(|entry| entry.policy.as_str());
        let routes = self.current().flat_map(|api| &api.routes);
        let responders = routes.filter_map(|route| match &route.backend {
            Backend::Responder(responder) => Some(responder.policy.as_str()),
            _ => None,
        });
        chains.chain(responders)
    }

    /// APIs that are held are of another time.
    fn current(&self) -> impl Iterator<Item = &Api> {
        self.apis.iter().filter(|api| api.held.is_none())
    }

    fn chains(&self) -> impl Iterator<Item = (String, &Vec<ChainEntry>)> {
        let of_apis = self.current().flat_map(|api| {
            let routes = api.routes.iter().map(|route| (format!("{}/{}", api.name, route.name), &route.chain));
            std::iter::once((api.name.clone(), &api.chain)).chain(routes)
        });
        std::iter::once((String::new(), &self.chain)).chain(of_apis)
    }

    fn chains_mut(&mut self) -> impl Iterator<Item = (String, &mut Vec<ChainEntry>)> {
        let of_apis = self.apis.iter_mut().filter(|api| api.held.is_none()).flat_map(|api| {
            let name = api.name.clone();
            let own = (name.clone(), &mut api.chain);
            let routes = api.routes.iter_mut().map(move |route| (format!("{name}/{}", route.name), &mut route.chain));
            std::iter::once(own).chain(routes)
        });
        std::iter::once((String::new(), &mut self.chain)).chain(of_apis)
    }

    /// Have APIs that are held run other code of a policy than theirs, where `instead` has some for it.
    pub(crate) fn replace_held(&mut self, instead: impl Fn(&str, &PolicySource) -> Option<PolicySource>) {
        for held in self.apis.iter_mut().filter_map(|api| api.held.as_mut()) {
            let others = held.policies.iter().filter_map(|(name, it)| Some((name.clone(), instead(name, &it.source)?)));
            let others: Vec<_> = others.collect();
            for (name, source) in others {
                if let Some(policy) = Arc::make_mut(held).policies.get_mut(&name) {
                    (policy.source, policy.digest) = (source, None);
                }
            }
        }
    }
}
