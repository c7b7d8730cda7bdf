//! What is put into cookies: sealed, so that nobody but the gateways that have the key can read or change it.

use crate::config::Config;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, SealError};
use lockgate_sdk::{Failure, log};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeSet;

/// What a cookie is for: what was sealed for one is never opened for the other.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Login,
    Session,
}

/// Seals and opens for one site and its client of one issuer.
pub(crate) struct Sealer {
    key: String,
    login: String,
    session: String,
}

impl Sealer {
    pub(crate) fn new(config: &Config) -> Self {
        let (issuer, client_id, site) = (config.issuer.name(), config.client_id.as_str(), config.url.as_str());
        // No part holds a line end, so no two lists of parts are one text.
        let context = |purpose: &str| format!("lockgate oidc {purpose}\n{site}\n{issuer}\n{client_id}");
        // A session holds the claims that were needed when it began: where others are, it is none.
        let needed: BTreeSet<_> = config.needed_claims().map(|name| format!("{name:?}")).collect();
        let session = format!("{}\n{}", context("session"), Vec::from_iter(needed).join(" "));
        Self { key: config.seal.as_str().to_owned(), login: context("login"), session }
    }

    /// The value as the value of a cookie.
    pub(crate) fn seal(&self, purpose: Purpose, value: &impl Serialize) -> Result<String, Failure> {
        let plain = serde_json::to_vec(value).map_err(|_| Failure::Internal)?;
        let sealed = crypto::seal(&self.key, self.context(purpose), &plain).map_err(failed)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was sealed here for the same; none where it is anything else.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: Purpose, value: &str) -> Result<Option<T>, Failure> {
        let Ok(sealed) = URL_SAFE_NO_PAD.decode(value) else { return Ok(None) };
        match crypto::open(&self.key, self.context(purpose), &sealed) {
            // A form of an earlier version is none of ours either.
            Ok(plain) => Ok(serde_json::from_slice(&plain).ok()),
            Err(SealError::Invalid) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn context(&self, purpose: Purpose) -> &[u8] {
        match purpose {
            Purpose::Login => self.login.as_bytes(),
            Purpose::Session => self.session.as_bytes(),
        }
    }
}

fn failed(error: SealError) -> Failure {
    match error {
        SealError::Unavailable => Failure::Dependency,
        SealError::Denied | SealError::Limit | SealError::Invalid => {
            log::error("the key in `seal` cannot be used");
            Failure::Internal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_for_one_purpose_is_nothing_for_another() {
        let config =
            r#"{"issuer":"https://idp","service":"idp","client_id":"a","keys":"k","seal":"s","url":"https://a"}"#;
        let sealer = Sealer::new(&serde_json::from_str(config).unwrap());
        let sealed = sealer.seal(Purpose::Login, &7).unwrap();
        assert_eq!(sealer.open::<u8>(Purpose::Login, &sealed), Ok(Some(7)));
        assert_eq!(sealer.open::<u8>(Purpose::Session, &sealed), Ok(None));
        assert_eq!(sealer.open::<String>(Purpose::Login, &sealed), Ok(None), "of another form");
        assert_eq!(sealer.open::<u8>(Purpose::Login, "not base64url!"), Ok(None));
    }
}
