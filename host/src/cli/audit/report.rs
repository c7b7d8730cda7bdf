//! Owns what an audit says, as programs read it: names that stay, so that a report of today can be compared with one of next year.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::listeners::Listener;
use super::reach::{Keys, Service, Upstream};
use crate::content::Digest;

/// Of the shape of a report. One of another number is not compared with.
pub(super) const FORMAT: u32 = 1;

/// Everything an audit says of a folder.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(super) format: u32,
    /// SHA-256 of the rest: the same for whoever audits the same folder with the same gateway.
    pub(super) digest: String,
    #[serde(flatten)]
    pub(super) content: Content,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    /// Versions of what runs the policies.
    pub(super) lockgate: String,
    pub(super) wasmtime: String,
    /// Whether components of the folder need a signature.
    pub(super) signatures_required: bool,
    /// Ids of the keys they may be signed with.
    pub(super) trusted_keys: Vec<String>,
    /// Best match first; what no route is for comes after them, without a name; and the way of records last, where policies look at those.
    pub(super) routes: Vec<Route>,
    /// One for each policy, API and configuration that differ.
    pub(super) uses: Vec<Use>,
    pub(super) services: Vec<Service>,
    pub(super) keys: Vec<Keys>,
    /// None only in audits that were made before these were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) listeners: Vec<Listener>,
    pub(super) upstreams: Vec<Upstream>,
    /// Declared, and named by no route.
    pub(super) unused: Vec<Unused>,
    pub(super) skips: Vec<Skip>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Route {
    /// Both empty for requests that no route is for; the first alone for records of requests.
    pub(super) api: String,
    pub(super) route: String,
    pub(super) host: String,
    pub(super) methods: String,
    pub(super) path: String,
    pub(super) scheme: Option<String>,
    /// Conditions on fields and on parameters.
    pub(super) headers: Vec<Condition>,
    pub(super) query: Vec<Condition>,
    /// What it leads to.
    pub(super) to: String,
    /// Names of `upstreams`.
    pub(super) upstreams: Vec<String>,
    /// Protocols that may follow, after which no policy sees what is said.
    pub(super) upgrades: Vec<String>,
    /// Outermost first.
    pub(super) chain: Vec<Link>,
    /// `id` of the use that answers in the place of an upstream.
    pub(super) responder: Option<String>,
}

/// That a name is there, and with what value.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) value: Wanted,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Wanted {
    Any,
    Exactly(String),
    /// SHA-256 of a value by which somebody might be let in.
    Hidden(String),
}

/// One position in a chain.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Link {
    /// `id` of a use.
    #[serde(rename = "use")]
    pub(super) id: String,
    pub(super) on_error: OnError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnError {
    Reject,
    Skip,
}

/// A policy as an API uses it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Use {
    /// Name of the policy; with the API and a number where there are several uses of it.
    pub(super) id: String,
    pub(super) policy: String,
    /// Empty for the gateway's own chain.
    pub(super) api: String,
    pub(super) source: String,
    /// Of the component.
    pub(super) digest: String,
    /// Whether the configuration says which digest it must have.
    pub(super) pinned: bool,
    pub(super) config: Value,
    pub(super) hooks: Vec<String>,
    pub(super) imports: Vec<Import>,
    pub(super) grants: Vec<String>,
    /// Those of `grants` that it has no use for.
    pub(super) spare: Vec<String>,
    pub(super) reads: Reads,
    pub(super) changes: Changes,
    /// It may answer instead of what is behind it.
    pub(super) responds: bool,
    pub(super) bodies: Bodies,
    /// Most bytes of a request body it is given where it stands in the place of an upstream; absent where it does not.
    pub(super) responder_body: Option<u64>,
    /// To verify with, to sign with and to seal with.
    pub(super) keys: Vec<String>,
    #[serde(default)]
    pub(super) signs: Vec<String>,
    #[serde(default)]
    pub(super) seals: Vec<String>,
    pub(super) stores: Vec<Store>,
    #[serde(default)]
    pub(super) limiters: Vec<Limiter>,
    /// It may ask whose key something is.
    #[serde(default)]
    pub(super) identifies: bool,
    /// Names of `services`.
    pub(super) services: Vec<String>,
    pub(super) isolation: Isolation,
    pub(super) limits: Limits,
    pub(super) breaker: Breaker,
    /// Absent in audits that were made before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rollout: Option<Rollout>,
    /// Components that may use more names under wildcards than those before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) accept: Vec<String>,
}

/// An interface of the contract.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) gives: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reads {
    pub(super) request: Vec<String>,
    pub(super) response: Vec<String>,
    pub(super) attributes: Vec<String>,
    #[serde(default)]
    pub(super) records: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Changes {
    pub(super) request: Vec<String>,
    pub(super) response: Vec<String>,
    pub(super) attributes: Vec<String>,
    #[serde(default)]
    pub(super) records: Vec<String>,
    pub(super) target: bool,
    pub(super) status: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bodies {
    pub(super) request: Option<Body>,
    pub(super) response: Option<Body>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) access: Access,
    pub(super) mode: Mode,
    /// Of a whole body; of one in pieces 0 is no bound.
    pub(super) max_bytes: u64,
    pub(super) content_types: Vec<String>,
    pub(super) others: Others,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Access {
    Inspect,
    Edit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Pieces,
    Whole,
}

/// What happens to bodies of other types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Others {
    Pass,
    Refuse,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Store {
    pub(super) name: String,
    pub(super) writes: bool,
    pub(super) namespace: String,
    /// Whether other policies may have the same namespace.
    pub(super) shared: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Limiter {
    pub(super) name: String,
    pub(super) namespace: String,
    /// Whether other policies may count under the same namespace.
    pub(super) shared: bool,
    /// The server that counts, if it is not this process.
    pub(super) at: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Isolation {
    pub(super) mode: Sharing,
    /// What instances are made from.
    pub(super) from: From,
    /// Why it is not as it would be otherwise.
    pub(super) because: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sharing {
    /// An instance serves one call after the other.
    Pooled,
    /// Each call has a fresh one.
    Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum From {
    /// The component as it was after it was configured.
    Image,
    /// The component, which is configured each time.
    Component,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) cpu_ms: u64,
    pub(super) wall_ms: u64,
    pub(super) memory: u64,
    pub(super) table_elements: u64,
    pub(super) host_calls: u64,
    pub(super) host_memory: u64,
    pub(super) log: u64,
    pub(super) calls: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Breaker {
    pub(super) failures: u32,
    pub(super) pause_ms: u64,
    pub(super) max_pause_ms: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rollout {
    /// Absent where a new component serves at once.
    pub(super) shadow_ms: Option<u64>,
    pub(super) probation_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Unused {
    pub(super) policy: String,
    pub(super) source: String,
    pub(super) digest: String,
    pub(super) grants: Vec<String>,
}

/// A place where requests go on without a policy that failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Skip {
    pub(super) api: String,
    pub(super) route: String,
    /// In the chain, counted from 1.
    pub(super) position: usize,
    #[serde(rename = "use")]
    pub(super) id: String,
}

impl Report {
    pub(super) fn of(content: Content) -> serde_json::Result<Self> {
        Ok(Self { format: FORMAT, digest: content.digest()?, content })
    }

    /// Whether the digest is that of the rest.
    pub(super) fn is_whole(&self) -> serde_json::Result<bool> {
        Ok(self.digest == self.content.digest()?)
    }
}

impl Content {
    fn digest(&self) -> serde_json::Result<String> {
        Ok(Digest::of(&serde_json::to_vec(self)?).to_string())
    }

    pub(super) fn named(&self, id: &str) -> Option<&Use> {
        self.uses.iter().find(|known| known.id == id)
    }
}

impl Route {
    /// As people call it.
    pub(super) fn name(&self) -> String {
        name(&self.api, &self.route)
    }
}

impl Skip {
    pub(super) fn place(&self) -> String {
        name(&self.api, &self.route)
    }
}

/// The way that records of requests go, which is a route without an API.
pub(super) const RECORDS: &str = "records";

fn name(api: &str, route: &str) -> String {
    match (api, route) {
        (_, "") => "unmatched requests".to_owned(),
        ("", _) => "records of requests".to_owned(),
        (api, route) => format!("{api}/{route}"),
    }
}
