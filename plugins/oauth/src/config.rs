//! The operator's configuration of `oauth`, and the faults that only its whole shows.

use crate::{dpop, introspection::Introspection, names::Url, scopes::Scopes};
use lockgate_sdk::ConfigError;
use lockgate_sdk::names::{AttributeName, FieldName, Name, Realm};
use lockgate_sdk::times::Leeway;
use lockgate_tokens::{Allowed, ClaimPath, Passing, Scope, Strings, default_attributes, named_or_any};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most operations with scopes of their own.
const MAX_OPERATIONS: usize = 1024;

/// What the operator wrote; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) issuer: Option<Strings>,
    pub(crate) audience: Option<Strings>,
    #[serde(default)]
    any_audience: bool,
    pub(crate) keys: Option<Name>,
    pub(crate) introspect: Option<Introspection>,
    #[serde(default)]
    scopes: Vec<Scope>,
    #[serde(default)]
    operations: BTreeMap<String, Vec<Scope>>,
    #[serde(default)]
    pub(crate) claims: BTreeMap<ClaimPath, Allowed>,
    #[serde(default)]
    pub(crate) require_binding: bool,
    pub(crate) dpop: Option<dpop::Config>,
    #[serde(default = "default_attributes")]
    attributes: BTreeMap<ClaimPath, AttributeName>,
    #[serde(default)]
    headers: BTreeMap<ClaimPath, FieldName>,
    #[serde(default)]
    forward_token: bool,
    #[serde(default)]
    pub(crate) realm: Realm,
    pub(crate) resource_metadata: Option<Url>,
    #[serde(default)]
    pub(crate) leeway: Leeway,
    #[serde(default)]
    pub(crate) optional: bool,
}

impl Config {
    /// What becomes of requests with tokens.
    pub(crate) fn passing(&self) -> Passing {
        Passing {
            field: FieldName::authorization(),
            forward_token: self.forward_token,
            attributes: self.attributes.clone(),
            headers: self.headers.clone(),
        }
    }

    /// What a token must be good for.
    pub(crate) fn scopes(&self) -> Scopes {
        Scopes::new(&self.scopes, &self.operations)
    }

    /// Settings that are missing, out of bounds or contradict each other.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, message: &str| faults.push(ConfigError::new(path, message));
        if self.keys.is_none() && self.introspect.is_none() {
            fault("keys", "must name a key set, for tokens that are JWTs; or `introspect` a service, for all others");
        }
        if self.keys.is_some() && self.issuer.is_none() {
            fault("issuer", "must name whose JWTs are accepted");
        }
        if self.operations.len() > MAX_OPERATIONS {
            fault("operations", &format!("must hold at most {MAX_OPERATIONS} operations"));
        }
        if self.operations.contains_key("") {
            fault("operations", "must be named as the API names its operations");
        }
        if let Some((path, _)) = self.headers.iter().find(|(_, field)| field.as_str() == dpop::FIELD) {
            let path = format!("headers.{}", path.steps().join("."));
            fault(&path, "this field holds proofs; name another one");
        }
        faults.extend(named_or_any("audience", self.audience.is_some(), self.any_audience));
        faults.extend(self.dpop.iter().flat_map(dpop::Config::faults));
        faults.extend(self.passing().faults());
        faults
    }
}
