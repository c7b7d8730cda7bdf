//! Owns the way from the policies folder to validated types; finds all faults at once and never starts anything.

mod access;
mod address;
mod alert;
mod analytics;
mod api;
mod apis;
mod backend;
mod blank;
mod bounds;
mod chain;
mod condition;
mod egress;
mod endpoint;
mod fault;
mod fields;
mod forwarding;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod gateway;
mod grant;
mod key;
mod kinds;
mod limiter;
mod limits;
mod listen;
mod material;
mod network;
mod openapi;
mod otlp;
mod policy;
mod privacy;
mod protocol;
mod published;
mod reader;
mod redirect;
mod reference;
mod respond;
mod rewrite;
mod rollout;
mod route;
mod runtime;
mod secret;
mod section;
mod split;
mod store;
mod target;
mod template;
mod tls;
mod traffic;
mod tree;
mod trust;
mod units;
mod version;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderName;

pub(crate) use access::Access;
pub(crate) use address::{Address, SocketPath};
pub(crate) use alert::{Alert, Measure, Receiver, When};
pub(crate) use analytics::Analytics;
pub(crate) use api::{Api, Limits, Upstream};
pub(crate) use apis::{Faulty, Sources};
pub(crate) use backend::Backend;
pub(crate) use blank::Blank;
pub(crate) use bounds::{Refusal, UpstreamBounds};
pub(crate) use chain::{Addition, ChainEntry, OnError, Responder};
pub(crate) use egress::{AuthScheme, Credential, Egress, EgressTerms};
pub(crate) use fault::{ConfigFault, Place, complained_below, plain};
pub(crate) use forwarding::{Forwarding, ForwardingField, Said};
pub(crate) use gateway::{Places, Tracing};
pub(crate) use grant::{BodyAccess, Direction, Grant, Pattern};
pub(crate) use key::{KeySource, Keys, Made};
pub(crate) use limiter::{Limiter, RedisAddress};
pub(crate) use limits::{Breaker, Isolation, MAX_MEMORY, MAX_TABLE_ELEMENTS, MAX_WALL_MS};
pub(crate) use listen::Listener;
pub(crate) use material::Material;
pub(crate) use network::Network;
pub(crate) use otlp::Otlp;
pub(crate) use policy::{Policy, PolicySource};
pub(crate) use privacy::{ApiPrivacy, Privacy};
pub(crate) use protocol::Protocol;
pub(crate) use published::{KeyRefresh, PublishedAt, document_of};
pub(crate) use redirect::Redirect;
pub(crate) use reference::reference;
pub(crate) use respond::Respond;
pub(crate) use rewrite::{HostUse, Rewrite};
pub(crate) use route::Route;
pub(crate) use runtime::Runtime;
pub(crate) use secret::{Secret, SecretSource, sounds_secret};
pub(crate) use split::{Arm, Sticky};
pub(crate) use store::Store;
pub(crate) use target::{Host, Target};
pub(crate) use template::QueryUse;
pub(crate) use tls::{ClientTls, ServerTls, Verify};
pub(crate) use traffic::{Balance, Eject, HashKey, Health, Retry, Weighted};
pub(crate) use tree::{LARGEST_FILE, Tree, TreeFile};
pub(crate) use trust::Trust;
pub(crate) use version::{Configs, Version, Written};
pub(crate) use zone::Zone;

use api::Powers;
use chain::DeclaredPolicies;
use fault::Faults;
use gateway::RawGateway;

/// Where gateway.toml says that the state is, if that at least can be read.
pub(crate) fn state_dir(tree: &Tree) -> Option<PathBuf> {
    RawGateway::read(tree, &mut Faults::new())?.state.dir.map(PathBuf::from)
}

/// What could be read of the policies folder.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Without those that are faulty.
    pub(crate) config: Config,
    /// By folder.
    pub(crate) faulty: BTreeMap<Arc<str>, Faulty>,
    /// Of what nobody needs.
    pub(crate) idle: Vec<ConfigFault>,
}

/// Everything the policies folder says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// None for the usual place.
    pub state_dir: Option<PathBuf>,
    pub runtime: Runtime,
    /// At least one, in the order of their names.
    pub listeners: Vec<Listener>,
    /// A loopback address.
    pub admin: SocketAddr,
    pub access_log: bool,
    /// None where no account of requests is kept.
    pub analytics: Option<Analytics>,
    /// Policies that look at records before they are kept.
    pub observers: Vec<ChainEntry>,
    /// None without account of requests.
    pub alerts: BTreeMap<String, Alert>,
    /// Names and prefixes of fields clients may not send.
    pub identity_headers: Vec<Pattern>,
    pub underscored_headers: Vec<HeaderName>,
    pub forwarding: Forwarding,
    /// The field with the id of a request, if there is to be one.
    pub id_header: Option<HeaderName>,
    /// None where traces are not propagated.
    pub tracing: Option<Tracing>,
    /// None where no traces and metrics are sent.
    pub otlp: Option<Otlp>,
    /// Every configured target is within; addresses that names resolve to are checked as they are connected to.
    pub upstreams: UpstreamBounds,
    pub secrets: BTreeMap<String, Secret>,
    pub keys: BTreeMap<String, Keys>,
    /// Those declared and those only granted.
    pub stores: BTreeMap<String, Store>,
    /// Those declared and those only granted.
    pub limiters: BTreeMap<String, Limiter>,
    /// What APIs may name to reach upstreams by TLS.
    pub tls: BTreeMap<String, ClientTls>,
    /// What policies may ask.
    pub egress: BTreeMap<String, Egress>,
    /// What upstreams may be shown.
    pub access: BTreeMap<String, Access>,
    pub policies: BTreeMap<String, Policy>,
    /// As the folder has those of which another version runs.
    pub written: BTreeMap<String, Written>,
    /// Who answers for the data that passes.
    pub privacy: Privacy,
    /// None where components need no signature.
    pub trust: Option<Trust>,
    /// The gateway's own chain.
    pub chain: Vec<ChainEntry>,
    /// Those with more right to what they match come first, then in the order of their folders.
    pub apis: Vec<Api>,
    /// What is matched and cannot be served.
    pub blanks: Vec<Blank>,
    pub places: Places,
}

impl Config {
    /// Read a tree; the error holds every fault there is, ordered by file and line.
    pub(crate) fn parse(tree: &Tree) -> Result<Self, Vec<ConfigFault>> {
        let (config, found) = Self::read_all(&Sources::of(tree));
        let missing = config.iter().flat_map(|config| config.policies.values()).filter_map(Policy::missing).cloned();
        let missing: Vec<_> = missing.collect();
        let faults = found.faults(missing);
        config.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// Read each API from where it comes. Where gateway.toml is faulty the error is all there is, else what is wrong
    /// leaves the rest as it is.
    pub(crate) fn read(sources: &Sources<'_>) -> Result<Reading, Vec<ConfigFault>> {
        match Self::read_all(sources) {
            (Some(config), Found { gateway, faulty, idle }) if gateway.is_empty() => {
                Ok(Reading { config, faulty, idle })
            }
            (_, found) => Err(found.faults(Vec::new())),
        }
    }

    fn read_all(sources: &Sources<'_>) -> (Option<Self>, Found) {
        let (tree, mut faults) = (sources.folder, Faults::new());
        let gateway = RawGateway::read(tree, &mut faults).map(|raw| raw.resolve(tree, &mut faults));
        let (no_bounds, no_policies) = (UpstreamBounds::default(), DeclaredPolicies::default());
        let powers = Powers {
            bounds: gateway.as_ref().map_or(&no_bounds, |gateway| &gateway.upstreams),
            policies: gateway.as_ref().map_or(&no_policies, |gateway| &gateway.declared),
            tls: gateway.as_ref().map(|gateway| &gateway.declared_tls),
            access: gateway.as_ref().map(|gateway| &gateway.access),
        };
        let (apis, faulty) = apis::read_all(sources, powers);
        let mut found = Found { gateway: faults, faulty, idle: Vec::new() };
        let apis = found.add_secrets(tree, sources, apis);
        let is_known = |fault: &&ConfigFault| found.faulty.iter().any(|(folder, _)| fault.file.starts_with(&**folder));
        found.idle = tree.faults().iter().filter(|fault| !is_known(fault)).cloned().collect();
        found.gateway.sort();
        let config = gateway.map(|gateway| Self {
            state_dir: gateway.state_dir,
            runtime: gateway.runtime,
            listeners: gateway.listeners,
            admin: gateway.admin,
            access_log: gateway.access_log,
            analytics: gateway.analytics,
            observers: gateway.observers,
            alerts: gateway.alerts,
            identity_headers: gateway.identity_headers,
            underscored_headers: gateway.underscored_headers,
            forwarding: gateway.forwarding,
            id_header: gateway.id_header,
            tracing: gateway.tracing,
            otlp: gateway.otlp,
            upstreams: gateway.upstreams,
            secrets: gateway.secrets,
            keys: gateway.keys,
            stores: gateway.stores,
            limiters: gateway.limiters,
            tls: gateway.tls,
            egress: gateway.egress,
            access: gateway.access.into_iter().filter_map(|(name, access)| Some((name, access?))).collect(),
            policies: gateway.policies,
            written: BTreeMap::new(),
            privacy: gateway.privacy,
            trust: gateway.trust,
            chain: gateway.chain,
            apis,
            blanks: Vec::new(),
            places: gateway.places,
        });
        (config, found)
    }

    /// Names and prefixes of all fields clients may not send, those too that APIs which are held count on.
    pub(crate) fn all_identity_headers(&self) -> BTreeSet<String> {
        let held = self.apis.iter().filter_map(|api| api.held.as_ref()).flat_map(|held| &held.identity_headers);
        self.identity_headers.iter().chain(held).map(ToString::to_string).collect()
    }

    /// The gateway's chain as an API passes it.
    pub(crate) fn outer<'a>(&'a self, api: &'a Api) -> &'a [ChainEntry] {
        api.held.as_ref().map_or(&self.chain, |held| &held.chain)
    }
}

/// What is wrong with a folder.
struct Found {
    gateway: Faults,
    faulty: BTreeMap<Arc<str>, Faulty>,
    idle: Faults,
}

impl Found {
    /// All of them and more, ordered by file and line.
    fn faults(self, mut more: Faults) -> Faults {
        more.extend(self.gateway);
        more.extend(self.faulty.into_values().flat_map(|faulty| faulty.faults));
        more.extend(self.idle);
        more.sort();
        more
    }

    /// Look for secrets in all files. Returns the APIs that hold none.
    fn add_secrets(&mut self, tree: &Tree, sources: &Sources<'_>, apis: Vec<Api>) -> Vec<Api> {
        let of_apis = self.faulty.values().flat_map(|faulty| &faulty.faults);
        let known: Faults = self.gateway.iter().chain(of_apis).cloned().collect();
        let mut secrets = Faults::new();
        secret::check_files(tree, &known, &mut secrets);
        if secrets.is_empty() {
            return apis;
        }
        let is_replaced = |folder: &str| sources.held.contains_key(folder) || sources.absent.contains(folder);
        let is_api = |folder: &str| tree.get(&Path::new(folder).join("api.toml")).is_some();
        let mut without = apis;
        for fault in secrets {
            match fault.file.iter().next().and_then(|first| first.to_str()).filter(|folder| is_api(folder)) {
                None => self.gateway.push(fault),
                Some(folder) if is_replaced(folder) => {}
                Some(folder) => {
                    without.retain(|api| *api.folder != *folder);
                    self.faulty.entry(folder.into()).or_insert_with(|| Faulty::of(tree, folder)).faults.push(fault);
                }
            }
        }
        without
    }
}

#[cfg(test)]
mod tests;
