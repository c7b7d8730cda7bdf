//! A login under way: the secret only this browser and the gateway know, what follows from it, and where the visitor
//! wanted to go.

use crate::config::Config;
use crate::url::ReturnTo;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use lockgate_sdk::crypto::{self, HashAlgorithm};
use lockgate_sdk::random;
use serde::{Deserialize, Serialize};

/// Letters of the state that name the cookie of its login.
const ID: usize = 16;
/// Letters of a state: 32 bytes in base64url.
const STATE: usize = 43;

/// What the cookie of a login holds. It is sealed, so the secret is known to nobody.
///
/// State, nonce and code verifier are digests of that one secret: who sees one of them learns nothing of the others.
#[derive(Serialize, Deserialize)]
pub(crate) struct Login {
    secret: String,
    began_ms: u64,
    pub(crate) return_to: ReturnTo,
}

impl Login {
    pub(crate) fn new(return_to: ReturnTo, now_ms: u64) -> Self {
        Self { secret: URL_SAFE_NO_PAD.encode(random::bytes(32)), began_ms: now_ms, return_to }
    }

    /// What comes back with the answer of the provider, so that it is known whose login that is (RFC 6749 section 10.12).
    pub(crate) fn state(&self) -> String {
        self.digest("state")
    }

    /// What the ID token has to say, so that it is of this login (OpenID Connect Core 1.0 section 15.5.2).
    pub(crate) fn nonce(&self) -> String {
        self.digest("nonce")
    }

    /// What only whoever began the login can say (RFC 7636 section 4.1).
    pub(crate) fn verifier(&self) -> String {
        self.digest("verifier")
    }

    /// Whether it took too long; clocks of gateways may differ by `leeway_ms`.
    pub(crate) fn is_over(&self, lifetime_ms: u64, leeway_ms: u64, now_ms: u64) -> bool {
        self.began_ms > now_ms.saturating_add(leeway_ms) || now_ms.saturating_sub(self.began_ms) >= lifetime_ms
    }

    /// What is asked for, as a form (OpenID Connect Core 1.0 section 3.1.2.1).
    pub(crate) fn parameters(&self, config: &Config) -> String {
        let challenge = crypto::hash(HashAlgorithm::Sha256, self.verifier().as_bytes());
        Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", config.client_id.as_str())
            .append_pair("redirect_uri", &config.url.join(config.callback.as_str()))
            .append_pair("scope", &config.scope())
            .append_pair("state", &self.state())
            .append_pair("nonce", &self.nonce())
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256")
            .finish()
    }

    fn digest(&self, what: &str) -> String {
        let digest = crypto::hash(HashAlgorithm::Sha256, format!("{what} {}", self.secret).as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }
}

/// What the cookie of the login with this state is named by; none where it is no state.
pub(crate) fn id_of(state: &str) -> Option<&str> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if state.len() == STATE && state.bytes().all(is_letter) { state.get(..ID) } else { None }
}
