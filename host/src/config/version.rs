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

/// JSON objects in the order of a chain, by where that is: nothing for the gateway, the name of an API, `API/route`.
pub(crate) type Configs = BTreeMap<String, Vec<Value>>;

/// A policy as the folder has it, where another version of it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub policy: Policy,
    /// Whether it runs in the shadow of that.
    pub is_shadow: bool,
}

impl Version {
    /// Whether a source has the same code.
    pub(crate) fn is_of(&self, source: &PolicySource) -> bool {
        self.source.digest() == source.digest()
    }
}

impl Config {
    /// What each policy is configured with, but for APIs that are held: those are of another time.
    pub(crate) fn configs(&self) -> BTreeMap<&str, Configs> {
        let mut all = BTreeMap::<&str, Configs>::new();
        for (place, chain) in self.chains() {
            for entry in chain {
                let own = all.entry(&entry.policy).or_default();
                own.entry(place.clone()).or_default().push(entry.config.clone());
            }
        }
        all
    }

    /// Run an earlier version of a policy. Where `is_past` says so of a place it has the configurations it had there
    /// then, if it stands there as often now as it stood then. What it may do, keys and all else is as it is now.
    pub(crate) fn run_before(&mut self, name: &str, before: &Version, is_past: impl Fn(&str) -> bool, is_shadow: bool) {
        let Some(policy) = self.policies.get_mut(name) else { return };
        let written = Written { policy: policy.clone(), is_shadow };
        policy.source.clone_from(&before.source);
        self.written.insert(name.to_owned(), written);
        for (place, chain) in self.chains_mut() {
            if is_shadow {
                let own = chain.iter_mut().filter(|entry| entry.policy == name);
                own.for_each(|entry| entry.shadow = Some(entry.config.clone()));
            }
            if is_past(&place) {
                put_back(chain, name, before.configs.get(&place));
            }
        }
    }

    /// The same for an API that is held, where its files have code that `is_replaced`.
    pub(crate) fn run_before_in(
        &mut self,
        folder: &str,
        name: &str,
        before: &Version,
        is_replaced: impl Fn(&Policy) -> bool,
        is_past: impl Fn(&str) -> bool,
    ) {
        let Some(api) = self.apis.iter_mut().find(|api| *api.folder == *folder) else { return };
        let outer = outer_of(api);
        let Some(held) = api.held.as_mut().map(Arc::make_mut) else { return };
        let Some(policy) = held.policies.get_mut(name).filter(|policy| is_replaced(policy)) else { return };
        policy.source.clone_from(&before.source);
        if is_past(&outer) {
            put_back(&mut held.chain, name, before.configs.get(""));
        }
        for (place, chain) in chains_of(api).filter(|(place, _)| is_past(place)) {
            put_back(chain, name, before.configs.get(&place));
        }
    }

    /// All chains: the folder of the API, where they are, and what they are; of an API that is held that of the gateway
    /// too.
    pub(crate) fn all_chains(&self) -> impl Iterator<Item = (Option<&Arc<str>>, String, &Vec<ChainEntry>)> {
        let of_apis = self.apis.iter().flat_map(|api| {
            let outer = api.held.as_ref().map(|held| (outer_of(api), &held.chain));
            let routes = api.routes.iter().map(|route| (format!("{}/{}", api.name, route.name), &route.chain));
            let all = outer.into_iter().chain([(api.name.clone(), &api.chain)]).chain(routes);
            all.map(|(place, chain)| (Some(&api.folder), place, chain))
        });
        let own = [(None, String::new(), &self.chain), (None, OBSERVERS.to_owned(), &self.observers)];
        own.into_iter().chain(of_apis)
    }

    /// Entries that belong to no API.
    pub(crate) fn own_entries(&self) -> impl Iterator<Item = &ChainEntry> {
        self.chain.iter().chain(&self.observers)
    }

    /// Policies that requests pass, that answer them, or that look at their records, as the folder has them.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = &str> {
        let chains = self.chains().flat_map(|(_, chain)| chain).map(|entry| entry.policy.as_str());
        let routes = self.current().flat_map(|api| &api.routes);
        let responders = routes.filter_map(|route| match &route.backend {
            Backend::Responder(responder) => Some(responder.policy.as_str()),
            _ => None,
        });
        chains.chain(responders)
    }

    /// The chains of what is not held, by where they are.
    fn chains(&self) -> impl Iterator<Item = (String, &Vec<ChainEntry>)> {
        let of_apis = self.current().flat_map(|api| {
            let routes = api.routes.iter().map(|route| (format!("{}/{}", api.name, route.name), &route.chain));
            std::iter::once((api.name.clone(), &api.chain)).chain(routes)
        });
        [(String::new(), &self.chain), (OBSERVERS.to_owned(), &self.observers)].into_iter().chain(of_apis)
    }

    fn chains_mut(&mut self) -> impl Iterator<Item = (String, &mut Vec<ChainEntry>)> {
        let of_apis = self.apis.iter_mut().filter(|api| api.held.is_none()).flat_map(chains_of);
        [(String::new(), &mut self.chain), (OBSERVERS.to_owned(), &mut self.observers)].into_iter().chain(of_apis)
    }

    fn current(&self) -> impl Iterator<Item = &Api> {
        self.apis.iter().filter(|api| api.held.is_none())
    }
}

/// Where observers are: no API has such a name.
const OBSERVERS: &str = "/analytics";

/// Where an API that is held passes the gateway's chain.
fn outer_of(api: &Api) -> String {
    format!("{}/", api.name)
}

fn chains_of(api: &mut Api) -> impl Iterator<Item = (String, &mut Vec<ChainEntry>)> {
    let name = api.name.clone();
    let own = (name.clone(), &mut api.chain);
    let routes = api.routes.iter_mut().map(move |route| (format!("{name}/{}", route.name), &mut route.chain));
    std::iter::once(own).chain(routes)
}

fn put_back(chain: &mut [ChainEntry], name: &str, known: Option<&Vec<Value>>) {
    let own: Vec<_> = chain.iter_mut().filter(|entry| entry.policy == name).collect();
    let known = known.filter(|known| known.len() == own.len());
    for (entry, config) in own.into_iter().zip(known.into_iter().flatten()) {
        entry.config.clone_from(config);
    }
}
