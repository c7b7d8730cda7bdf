//! Owns what an audit says of servers, of what they are shown and of keys, as programs read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A service policies may ask.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) methods: Vec<String>,
    pub(super) paths: Vec<String>,
    pub(super) private_ips: bool,
    /// Absent where it is asked without TLS.
    pub(super) tls: Option<Tls>,
    /// What the gateway attaches and no policy sees.
    pub(super) credentials: Vec<Credential>,
    pub(super) timeout_ms: u64,
    pub(super) max_request: u64,
    pub(super) max_response: u64,
    pub(super) max_in_flight: u32,
    #[serde(default)]
    pub(super) max_remembered: u64,
    /// `id` of the uses that may.
    pub(super) asked_by: Vec<String>,
}

/// A field of each request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Credential {
    pub(super) field: String,
    /// `Bearer` or `Basic`; absent where the secret is the whole value.
    pub(super) scheme: Option<String>,
    /// Name of the secret.
    pub(super) secret: String,
}

/// How a server is known.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tls {
    /// Of `[tls.NAME]`.
    pub(super) name: Option<String>,
    /// Who must have signed its certificate; absent where none is verified.
    pub(super) authorities: Option<Material>,
    /// The name its certificate must have, in place of the host.
    pub(super) server_name: Option<String>,
    /// The gateway's own certificate.
    pub(super) certificate: Option<Material>,
    pub(super) min_version: String,
}

/// What keys and certificates are made from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Material {
    /// `file:PATH`, `secret:NAME`, `generated`, `the system`.
    pub(super) source: String,
    /// Of what is public and lies in the folder.
    pub(super) digest: Option<String>,
}

/// Keys that policies may be granted.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) material: Material,
    /// The one they are bound to; absent where each key says its own.
    pub(super) algorithm: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upstream {
    /// API and name.
    pub(super) name: String,
    pub(super) targets: Vec<String>,
    pub(super) tls: Option<Tls>,
    /// When a target is left out. Absent in audits that were made before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) eject: Option<Eject>,
    /// What the gateway shows it to be let in.
    #[serde(default)]
    pub(super) access: Option<Access>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Eject {
    /// In a row; 0 for never.
    pub(super) failures: u32,
    pub(super) status: Vec<u32>,
    pub(super) first_ms: u64,
    pub(super) longest_ms: u64,
    /// Of a hundred targets.
    pub(super) share: u32,
}

/// An access token the gateway gets for itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Access {
    pub(super) name: String,
    /// Name of the service it gets it from, and what it asks that for.
    pub(super) service: String,
    pub(super) path: String,
    pub(super) client_id: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) parameters: BTreeMap<String, String>,
    /// The servers that may be shown it.
    pub(super) to: Vec<String>,
}
