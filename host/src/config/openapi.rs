//! Owns `openapi` of an api.toml, and what `with` of chains adds to configurations from the document it names.

use std::path::Path;
use std::sync::Arc;

use super::Api;
use super::chain::{Addition, ChainEntry};
use super::fault::{At, ConfigFault, Faults, quoted};
use super::route::{Route, RouteMatch};
use super::tree::Tree;
use super::units::show_size;
use crate::openapi::{Document, Fault, RouteView};

/// Longest classification: as long as a file may be in which a configuration stands.
const LARGEST: usize = 1 << 20;

impl Route {
    /// As documents are asked about it.
    pub(crate) fn view(&self) -> RouteView<'_> {
        let path = self.matching.path.as_str();
        let RouteMatch { path: _, methods, scheme, hosts, headers, query } = &self.matching;
        let is_unconditional = scheme.is_none() && hosts.is_empty() && headers.is_empty() && query.is_empty();
        RouteView { name: &self.name, methods, path, is_unconditional }
    }
}

impl Api {
    /// Its routes, as documents are asked about them.
    pub(crate) fn views(&self) -> Vec<RouteView<'_>> {
        self.routes.iter().map(Route::view).collect()
    }
}

/// Read the document of an API, and put what it says where `with` asks for it.
pub(super) fn resolve(
    named: Option<At<String>>,
    chain: &mut [ChainEntry],
    routes: &mut [Route],
    tree: &Tree,
    faults: &mut Faults,
) -> Option<Arc<Document>> {
    let Some(named) = named else {
        let chains = routes.iter().flat_map(|route| &route.chain).chain(&*chain);
        for At { place, .. } in chains.flat_map(|entry| &entry.with) {
            let advice = "add `openapi = \"openapi.yaml\"`, which names a file of this folder";
            faults.push(place.fault("needs an OpenAPI document, and this API names none", advice));
        }
        return None;
    };
    let document = read(&named, tree, faults)?;
    let mut chains: Vec<_> = routes.iter_mut().map(|route| std::mem::take(&mut route.chain)).collect();
    let views: Vec<_> = routes.iter().map(Route::view).collect();
    chain.iter_mut().for_each(|entry| add(entry, &document, &views, &views, faults));
    for (chain, view) in chains.iter_mut().zip(&views) {
        chain.iter_mut().for_each(|entry| add(entry, &document, &[*view], &views, faults));
    }
    for (route, chain) in routes.iter_mut().zip(chains) {
        route.chain = chain;
    }
    Some(Arc::new(document))
}

/// Complain about additions to the gateway's own chain.
pub(super) fn check_outer(chain: &[ChainEntry], faults: &mut Faults) {
    for At { value, place } in chain.iter().flat_map(|entry| &entry.with) {
        let reason = format!("adds `{}`, which is of one API, in the chain of all of them", value.as_str());
        faults.push(place.fault(reason, "put the policy into the chain of an api.toml with `openapi`"));
    }
}

/// A file of the folder of the API, and those it refers to there.
fn read(At { value, place }: &At<String>, tree: &Tree, faults: &mut Faults) -> Option<Document> {
    let folder = place.file.parent().unwrap_or(Path::new(""));
    let find = |from: &Path, text: &str| tree.file(from, text).filter(|file| file.path.starts_with(folder));
    let Some(file) = find(folder, value) else {
        let reason = format!("names {}, which is no file of the API's folder", quoted(value));
        faults.push(place.fault(reason, "write the path of one, relative to the folder of this file"));
        return None;
    };
    let found = |from: &Path, text: &str| find(from, text).map(|file| (file.path, file.content));
    let read = Document::read(&file.path, &file.content, &found);
    read.map_err(|found| faults.extend(found.into_iter().map(ConfigFault::from))).ok()
}

/// Add what an entry asks for, which is for some of the routes.
fn add(
    entry: &mut ChainEntry,
    document: &Document,
    some: &[RouteView<'_>],
    routes: &[RouteView<'_>],
    faults: &mut Faults,
) {
    for At { value, place } in &entry.with {
        let Some(config) = entry.config.as_object_mut() else { continue };
        let word = value.as_str();
        if config.contains_key(word) {
            faults.push(place.fault(format!("`config` has a key `{word}` already"), "remove one of the two"));
            continue;
        }
        let Addition::Classification = value;
        if !some.iter().any(|route| document.knows(*route, routes)) {
            let advice = "call a route as the operation is called, or let `match.path` be its path; see PRIVACY.md";
            faults.push(place.fault("is for no route of which the OpenAPI document says anything", advice));
            continue;
        }
        let added = document.classification(some, routes);
        if added.to_string().len() > LARGEST {
            let most = show_size(LARGEST as u64);
            let advice = "name the policy in the chains of the routes that need it, or make several APIs";
            faults.push(place.fault(format!("adds more than {most} to the configuration"), advice));
            continue;
        }
        config.insert(word.to_owned(), added);
    }
}

impl From<Fault> for ConfigFault {
    fn from(Fault { file, line, pointer, reason, advice }: Fault) -> Self {
        Self { file, line, key: pointer, reason, advice }
    }
}

#[cfg(test)]
mod tests;
