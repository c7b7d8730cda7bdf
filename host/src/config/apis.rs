//! Owns reading the folders of APIs: each by itself, so that one which is faulty leaves the others as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::api::{Api, Held, Powers, RawApi};
use super::blank::Blank;
use super::fault::{ConfigFault, Faults, complained_below};
use super::gateway::{self, Gateway, RawGateway};
use super::route::RawMatch;
use super::tree::Tree;

/// The policies folder, and what of it is from another time.
#[derive(Debug, Clone)]
pub(crate) struct Sources<'a> {
    pub(crate) folder: &'a Tree,
    /// APIs that go on as they were in these trees, by their folders.
    pub(crate) held: BTreeMap<Arc<str>, Arc<Tree>>,
    /// APIs that cannot serve.
    pub(crate) absent: BTreeSet<Arc<str>>,
    /// APIs that served before, and whether they did as they are here: where two are in each other's way, these were
    /// there first.
    pub(crate) before: BTreeMap<Arc<str>, bool>,
}

/// An API that cannot be used as its folder has it.
#[derive(Debug)]
pub(crate) struct Faulty {
    /// At least one.
    pub(crate) faults: Vec<ConfigFault>,
    /// None where it cannot be read.
    pub(crate) name: Option<String>,
    /// What of its routes is known.
    pub(crate) blanks: Vec<Blank>,
    /// Whether these are all it would match.
    pub(crate) is_known: bool,
}

impl Faulty {
    /// What is known of the API in a folder, without a fault as yet.
    pub(crate) fn of(tree: &Tree, folder: &str) -> Self {
        let name = RawApi::read(tree, folder, &mut Faults::new()).and_then(|raw| raw.name).map(|name| name.value);
        let (blanks, is_known) = blanks(tree, folder);
        Self { faults: Vec::new(), name, blanks, is_known }
    }
}

impl<'a> Sources<'a> {
    /// The folder as it stands.
    pub(crate) fn of(folder: &'a Tree) -> Self {
        Self { folder, held: BTreeMap::new(), absent: BTreeSet::new(), before: BTreeMap::new() }
    }

    /// Folders of APIs; those with more right to their names and matches come first.
    fn folders(&self) -> Vec<Arc<str>> {
        let there = self.folder.folders().into_iter();
        // What cannot be read may be an API.
        let unreadable = self.folder.faults().iter().filter_map(|fault| fault.file.iter().next()).map(Path::new);
        let there = there.chain(unreadable).filter_map(Path::to_str).filter(|name| *name != gateway::FILE);
        let all: BTreeSet<Arc<str>> = there.map(Arc::from).chain(self.held.keys().cloned()).collect();
        let mut all: Vec<_> = all.into_iter().filter(|folder| !self.absent.contains(folder)).collect();
        all.sort_by_key(|folder| match self.before.get(folder) {
            _ if self.held.contains_key(folder) => 0,
            Some(true) => 1,
            Some(false) => 2,
            None => 3,
        });
        all
    }
}

/// Read every folder that has an api.toml, those of other times too.
pub(super) fn read_all(sources: &Sources<'_>, powers: Powers<'_>) -> (Vec<Api>, BTreeMap<Arc<str>, Faulty>) {
    let (mut apis, mut faulty) = (Vec::<Api>::new(), BTreeMap::new());
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in sources.folders() {
        let mut faults = of_folder(sources.folder.faults(), &folder);
        let (tree, held) = match sources.held.get(&folder) {
            None => (sources.folder, None),
            Some(tree) => {
                faults.clear();
                (&**tree, held(tree, powers, &mut faults))
            }
        };
        let Some(raw) = RawApi::read(tree, &folder, &mut faults) else {
            if !faults.is_empty() {
                faulty.insert(folder, Faulty { faults, name: None, blanks: Vec::new(), is_known: false });
            }
            continue;
        };
        if let Some(at) = &raw.name {
            let file = Path::new(&*folder).join("api.toml");
            if let Some(other) = names.get(&at.value) {
                let reason = format!("is the name of the API in {} too", other.display());
                faults.push(at.place.fault(reason, "give each API its own name"));
            }
            names.entry(at.value.clone()).or_insert(file);
        }
        let api = raw.resolve(&folder, tree, powers, &mut faults);
        match api.filter(|_| faults.is_empty()) {
            Some(api) => apis.push(Api { held, ..api }),
            None => {
                let known = Faulty::of(tree, &folder);
                faulty.insert(folder, Faulty { faults, ..known });
            }
        }
    }
    (apis, faulty)
}

/// Those that stand in a folder.
pub(super) fn of_folder(faults: &[ConfigFault], folder: &str) -> Faults {
    faults.iter().filter(|fault| fault.file.starts_with(folder)).cloned().collect()
}

/// What else of a tree an API needs that is held.
fn held(tree: &Tree, powers: Powers<'_>, faults: &mut Faults) -> Option<Arc<Held>> {
    let gateway = RawGateway::read(tree, faults)?.resolve(tree, faults);
    powers.policies.check_chain(&gateway.chain, faults);
    let Gateway { chain, policies, identity_headers, .. } = gateway;
    Some(Arc::new(Held { chain, policies, identity_headers }))
}

/// What the routes of an API match that cannot be used, and whether that is all they would match.
fn blanks(tree: &Tree, folder: &str) -> (Vec<Blank>, bool) {
    let mut faults = Faults::new();
    let Some(raw) = RawApi::read(tree, folder, &mut faults) else { return (Vec::new(), false) };
    let is_whole = faults.iter().all(|fault| hides_no_route(fault, &raw));
    let mut is_known = is_whole;
    let api = raw.name.map_or_else(|| folder.to_owned(), |name| name.value);
    let mut blanks = Vec::new();
    for route in raw.route {
        let is_clear = !complained_below(&faults, &route.place.below("match"));
        match route.matching.filter(|_| is_clear && is_whole).and_then(RawMatch::resolve) {
            Some(matching) => blanks.push(Blank {
                api: api.clone(),
                route: route.name.map(|name| name.value).unwrap_or_default(),
                matching: matching.within(&raw.hosts),
                was_served: false,
                is_owned: false,
            }),
            None => is_known = false,
        }
    }
    (blanks, is_known)
}

/// Whether all routes are there in spite of a fault, with the hosts of the API.
fn hides_no_route(fault: &ConfigFault, raw: &RawApi) -> bool {
    let is_below =
        |name: &str| fault.key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let of_routes = raw.route.iter().map(|route| route.place.key.as_str());
    ["name", "version", "chain", "upstream", "openapi", "privacy"].into_iter().chain(of_routes).any(is_below)
}
