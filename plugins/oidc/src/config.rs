//! The operator's configuration of `oidc`, and the faults that only its whole shows.

use crate::names::{ClientId, CookieName};
use crate::url::{Issuer, LocalPath, Origin};
use lockgate_sdk::ConfigError;
use lockgate_sdk::names::{AttributeName, FieldName, Name};
use lockgate_sdk::times::{Leeway, Span};
use lockgate_tokens::{Allowed, ClaimPath, Passing, Scope, default_attributes};
use serde::Deserialize;
use std::collections::BTreeMap;

const MAX_SCOPES: usize = 32;

/// What the operator wrote; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) issuer: Issuer,
    pub(crate) service: Name,
    pub(crate) client_id: ClientId,
    pub(crate) keys: Name,
    pub(crate) seal: Name,
    pub(crate) url: Origin,
    #[serde(default = "LocalPath::callback")]
    pub(crate) callback: LocalPath,
    #[serde(default = "LocalPath::logout")]
    pub(crate) logout: LocalPath,
    #[serde(default = "LocalPath::root")]
    pub(crate) after_logout: LocalPath,
    #[serde(default)]
    pub(crate) cookie: CookieName,
    #[serde(default = "openid")]
    scopes: Vec<Scope>,
    #[serde(default)]
    pub(crate) par: Par,
    #[serde(default = "default_login_lifetime")]
    pub(crate) login_lifetime: Span<60, 3600>,
    #[serde(default = "default_idle")]
    pub(crate) idle: Span<60, 2_592_000>,
    #[serde(default = "default_lifetime")]
    pub(crate) lifetime: Span<60, 2_592_000>,
    #[serde(default)]
    pub(crate) refresh: bool,
    #[serde(default)]
    pub(crate) forward_access_token: bool,
    #[serde(default = "yes")]
    pub(crate) csrf: bool,
    pub(crate) revoked: Option<Name>,
    #[serde(default)]
    pub(crate) claims: BTreeMap<ClaimPath, Allowed>,
    #[serde(default = "default_attributes")]
    attributes: BTreeMap<ClaimPath, AttributeName>,
    #[serde(default)]
    headers: BTreeMap<ClaimPath, FieldName>,
    #[serde(default)]
    pub(crate) leeway: Leeway,
}

/// Whether what is asked for in a login goes from server to server first (RFC 9126).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Par {
    /// Where the provider has a place for it.
    #[default]
    IfOffered,
    Always,
    Never,
}

impl Config {
    /// What of the sessions is passed on. Their cookie is what holds the token here: it goes, and what else is in the field
    /// is put back.
    pub(crate) fn passing(&self) -> Passing {
        Passing {
            field: FieldName::cookie(),
            forward_token: false,
            attributes: self.attributes.clone(),
            headers: self.headers.clone(),
        }
    }

    /// Names of the outermost claims that requests need.
    pub(crate) fn needed_claims(&self) -> impl Iterator<Item = &str> {
        let paths = self.claims.keys().chain(self.attributes.keys()).chain(self.headers.keys());
        paths.filter_map(|path| path.steps().first()).map(String::as_str).chain(["sub"])
    }

    /// What is asked for, as the parameter `scope` has it.
    pub(crate) fn scope(&self) -> String {
        self.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether a session is of no use without an access token that is good.
    pub(crate) fn needs_access(&self) -> bool {
        self.refresh || self.forward_access_token
    }

    /// Settings that contradict each other.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, message: &str| faults.push(ConfigError::new(path, message));
        if !self.scopes.iter().any(|scope| scope.as_str() == "openid") {
            fault("scopes", "must hold `openid`, without which there is no ID token");
        }
        if self.scopes.len() > MAX_SCOPES {
            fault("scopes", "must hold at most 32 scopes");
        }
        if self.logout == self.callback {
            fault("logout", "must be another path than `callback`");
        }
        if [&self.callback, &self.logout].contains(&&self.after_logout) {
            fault("after_logout", "must be a page, not `callback` or `logout`");
        }
        if self.idle > self.lifetime {
            fault("idle", "must be at most `lifetime`, when the session ends in any case");
        }
        if self.forward_access_token && self.headers.values().any(|field| *field == FieldName::authorization()) {
            fault("headers", "`authorization` holds the access token with `forward_access_token = true`");
        }
        faults
    }
}

fn openid() -> Vec<Scope> {
    Scope::try_from("openid".to_owned()).into_iter().collect()
}

fn default_login_lifetime() -> Span<60, 3600> {
    Span::of::<600>()
}

fn default_idle() -> Span<60, 2_592_000> {
    Span::of::<1800>()
}

fn default_lifetime() -> Span<60, 2_592_000> {
    Span::of::<28_800>()
}

fn yes() -> bool {
    true
}
