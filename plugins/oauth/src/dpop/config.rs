//! The `dpop` table of the configuration.

use super::algorithms::ProofAlgorithms;
use super::nonce::Nonces;
use crate::names::Origin;
use lockgate_sdk::names::Name;
use lockgate_sdk::times::Span;
use lockgate_sdk::{ConfigError, Interest};
use serde::Deserialize;

/// The field that holds a proof.
pub(crate) const FIELD: &str = "dpop";
/// The field that gives a nonce.
pub(crate) const NONCE_FIELD: &str = "dpop-nonce";

/// For how long a nonce is good where nothing else is said.
const NONCE_LIFETIME: Span<10, 3600> = Span::of::<300>();

/// How proofs are accepted; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) required: bool,
    pub(super) replays: Name,
    pub(super) nonces: Option<Name>,
    nonce_lifetime: Option<Span<10, 3600>>,
    #[serde(default = "default_max_age")]
    pub(super) max_age: Span<1, 600>,
    #[serde(default)]
    pub(crate) algorithms: ProofAlgorithms,
    pub(super) url: Option<Origin>,
}

impl Config {
    /// What has to be read, asked and written for it.
    pub(crate) fn declare(&self, interest: Interest, forward_token: bool) -> Interest {
        let mut interest = interest.request_read(FIELD).request_read(":method").request_read(":path");
        interest = interest.store_write(self.replays.as_str());
        if self.url.is_none() {
            interest = interest.request_read(":scheme").request_read(":authority");
        }
        if !forward_token {
            interest = interest.request_write(FIELD);
        }
        match &self.nonces {
            Some(key) => interest.seal(key.as_str()).response_write(NONCE_FIELD),
            None => interest.idle_on_response(),
        }
    }

    /// The nonces proofs have to hold, if any.
    pub(super) fn nonces(&self) -> Option<Nonces<'_>> {
        let lifetime = self.nonce_lifetime.unwrap_or(NONCE_LIFETIME);
        self.nonces.as_ref().map(|key| Nonces { key: key.as_str(), lifetime_ms: lifetime.ms() })
    }

    pub(crate) fn faults(&self) -> Option<ConfigError> {
        let is_idle = self.nonces.is_none() && self.nonce_lifetime.is_some();
        is_idle.then(|| ConfigError::new("dpop.nonce_lifetime", "is for `nonces`; name a key to seal them with"))
    }
}

fn default_max_age() -> Span<1, 600> {
    Span::of::<60>()
}
