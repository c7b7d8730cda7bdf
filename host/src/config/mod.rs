//! Owns the way from the policies folder to validated types; finds all faults at once and never starts anything.

mod address;
mod api;
mod backend;
mod bounds;
mod chain;
mod condition;
mod egress;
mod endpoint;
mod fault;
mod forwarding;
mod gateway;
mod grant;
mod key;
mod kinds;
mod limits;
mod listen;
mod material;
mod near;
mod network;
mod otlp;
mod policy;
mod protocol;
mod reader;
mod redirect;
mod reference;
mod respond;
mod rewrite;
mod route;
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
mod zone;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http::HeaderName;

pub(crate) use address::{Address, SocketPath};
pub(crate) use api::{Api, Limits, Upstream};
pub(crate) use backend::Backend;
pub(crate) use bounds::{Refusal, UpstreamBounds};
pub(crate) use chain::{ChainEntry, OnError, Responder};
pub(crate) use egress::{AuthScheme, Credential, Egress, EgressTerms};
pub(crate) use fault::{ConfigFault, Place};
pub(crate) use forwarding::{Forwarding, ForwardingField, Said};
pub(crate) use gateway::{Places, Runtime, Tracing};
pub(crate) use grant::{BodyAccess, Direction, Grant, Pattern};
pub(crate) use key::{KeySource, Keys};
pub(crate) use limits::{Breaker, Isolation, MAX_WALL_MS};
pub(crate) use listen::Listener;
pub(crate) use material::Material;
pub(crate) use near::nearest;
pub(crate) use otlp::Otlp;
pub(crate) use policy::{Policy, PolicySource};
pub(crate) use protocol::Protocol;
pub(crate) use redirect::Redirect;
pub(crate) use reference::reference;
pub(crate) use respond::Respond;
pub(crate) use rewrite::{HostUse, Rewrite};
pub(crate) use route::Route;
pub(crate) use secret::{Secret, SecretSource, sounds_secret};
pub(crate) use split::{Arm, Sticky};
pub(crate) use store::Store;
pub(crate) use target::{Host, Target};
pub(crate) use template::QueryUse;
pub(crate) use tls::{ClientTls, ServerTls, Verify};
pub(crate) use traffic::{Balance, Eject, HashKey, Health, Retry, Weighted};
pub(crate) use tree::{LARGEST_FILE, Tree};
pub(crate) use trust::Trust;
pub(crate) use zone::Zone;

use api::RawApi;
use chain::DeclaredPolicies;
use fault::Faults;
use gateway::RawGateway;
use reader::with_document;
use section::Section;

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
    /// Names and prefixes of fields clients may not send.
    pub identity_headers: Vec<Pattern>,
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
    /// What APIs may name to reach upstreams by TLS.
    pub tls: BTreeMap<String, ClientTls>,
    /// What policies may ask.
    pub egress: BTreeMap<String, Egress>,
    pub policies: BTreeMap<String, Policy>,
    /// None where components need no signature.
    pub trust: Option<Trust>,
    /// The gateway's own chain.
    pub chain: Vec<ChainEntry>,
    /// In the order of their folders.
    pub apis: Vec<Api>,
    pub places: Places,
}

impl Config {
    /// Read a tree; the error holds every fault there is, ordered by file and line.
    pub(crate) fn parse(tree: &Tree) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::new();
        let file = Path::new("gateway.toml");
        let gateway = match tree.get(file) {
            Some(bytes) => with_document(file, bytes, belongs_to_apis, &mut faults, |table, faults| {
                RawGateway::from_table(table, faults).resolve(tree, faults)
            }),
            None => {
                faults.push(ConfigFault::of_file(file, "is missing", "create it with at least [listen.NAME]"));
                None
            }
        };
        let (no_bounds, no_policies) = (UpstreamBounds::default(), DeclaredPolicies::default());
        let (bounds, policies) =
            gateway.as_ref().map_or((&no_bounds, &no_policies), |gateway| (&gateway.upstreams, &gateway.declared));
        let tls = gateway.as_ref().map(|gateway| &gateway.declared_tls);
        let apis = api::read_all(tree, bounds, policies, tls, &mut faults);
        secret::check_files(tree, &mut faults);
        faults.sort();
        match gateway {
            Some(gateway) if faults.is_empty() => Ok(Self {
                state_dir: gateway.state_dir,
                runtime: gateway.runtime,
                listeners: gateway.listeners,
                admin: gateway.admin,
                access_log: gateway.access_log,
                identity_headers: gateway.identity_headers,
                forwarding: gateway.forwarding,
                id_header: gateway.id_header,
                tracing: gateway.tracing,
                otlp: gateway.otlp,
                upstreams: gateway.upstreams,
                secrets: gateway.secrets,
                keys: gateway.keys,
                stores: gateway.stores,
                tls: gateway.tls,
                egress: gateway.egress,
                policies: gateway.policies,
                trust: gateway.trust,
                chain: gateway.chain,
                apis,
                places: gateway.places,
            }),
            _ => Err(faults),
        }
    }
}

/// Advice about keys of `gateway.toml`.
fn belongs_to_apis(section: &Section, name: &str) -> Option<String> {
    let there = section.title == RawGateway::SECTION.title && RawApi::SECTION.has(name);
    there.then(|| format!("`{name}` belongs in the api.toml of an API's folder"))
}

#[cfg(test)]
mod tests;
