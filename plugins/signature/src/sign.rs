//! Signing a message (RFC 9421 section 3.1): at once, or when its body is there to be digested.

use crate::base::Base;
use crate::component::CONTENT_DIGEST;
use crate::config::Sign;
use crate::message::{Message, NotAvailable};
use crate::refusal::Refusal;
use crate::structured;
use crate::verify::{SIGNATURE, SIGNATURE_INPUT};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, SignError};
use lockgate_sdk::{Edits, clock, log, random};
use serde::{Deserialize, Serialize};
use sfv::{InnerList, Item, KeyRef, Parameters};

const NOT_AVAILABLE: Refusal =
    Refusal::Malformed("component_not_available", "the message does not have what is to be signed");

/// A signature that is complete but for the digest of the body.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// The lines of the base before that of the digest, and those after it.
    before: String,
    after: String,
    /// What is covered and when the signature is made, as it will stand in `Signature-Input`.
    parameters: String,
}

impl Draft {
    /// Everything that the head tells.
    pub(crate) fn of(config: &Sign, message: &Message<'_>) -> Result<Self, Refusal> {
        let (mut before, mut after) = (Base::default(), None);
        let mut covered = Vec::new();
        for component in config.covered() {
            let item = component.item();
            if component.is_digest() {
                after = Some(Base::default());
                covered.push(item.clone());
                continue;
            }
            let base = after.as_mut().unwrap_or(&mut before);
            match base.push(component.identifier(), component, message) {
                Ok(()) => covered.push(item.clone()),
                Err(NotAvailable) if config.may_cover.contains(component) => {}
                Err(NotAvailable) => return Err(NOT_AVAILABLE),
            }
        }
        let parameters = parameters(config, covered)?;
        Ok(Self { before: before.lines(), after: after.unwrap_or_default().lines(), parameters })
    }

    /// Sign, with the digest of the body where it is covered. Whatever signatures and digest the message had give way to these.
    pub(crate) fn sign(self, config: &Sign, digest: Option<&str>, edits: Edits) -> Result<Edits, Refusal> {
        let mut base = Base::from(self.before);
        let mut edits = edits;
        if let Some(digest) = digest {
            base.push_digest(digest);
            edits = edits.set(CONTENT_DIGEST, digest);
        }
        base.append(&self.after);
        let base = base.finish(&self.parameters);
        let signature = crypto::sign(config.key.as_str(), config.algorithm.of_keys(), base.as_bytes()).map_err(
            |error| match error {
                SignError::Unavailable => Refusal::Unavailable,
                SignError::Denied | SignError::WrongAlgorithm => {
                    let (key, algorithm) = (config.key.as_str(), config.algorithm.name());
                    log::error(&format!("the key `{key}` does not sign with {algorithm}"));
                    Refusal::Internal
                }
            },
        )?;
        let label = config.label.as_str();
        Ok(edits
            .set(SIGNATURE_INPUT, format!("{label}={}", self.parameters))
            .set(SIGNATURE, format!("{label}=:{}:", STANDARD.encode(signature))))
    }
}

fn parameters(config: &Sign, covered: Vec<Item>) -> Result<String, Refusal> {
    let created = i64::try_from(clock::unix_ms() / 1000).map_err(|_| Refusal::Internal)?;
    let mut parameters = Parameters::new();
    let mut put = |key: &str, value: sfv::BareItem| -> Result<(), Refusal> {
        let key = KeyRef::from_str(key).map_err(|_| Refusal::Internal)?;
        parameters.insert(key.to_owned(), value);
        Ok(())
    };
    let seconds = |seconds: i64| sfv::Integer::try_from(seconds).map_err(|_| Refusal::Internal);
    put("created", seconds(created)?.into())?;
    if let Some(expires_in) = config.expires_in {
        put("expires", seconds(created.saturating_add_unsigned(expires_in.seconds()))?.into())?;
    }
    if let Some(key_id) = &config.keyid {
        put("keyid", key_id.item())?;
    }
    if config.nonce {
        let nonce = sfv::String::try_from(URL_SAFE_NO_PAD.encode(random::bytes(16))).map_err(|_| Refusal::Internal)?;
        put("nonce", nonce.into())?;
    }
    if let Some(tag) = &config.tag {
        put("tag", tag.item())?;
    }
    let whole = InnerList::with_params(covered, parameters).into();
    structured::member(&whole).ok_or(Refusal::Internal)
}
