//! A set of keys to verify with: immutable, and each key bound to its algorithms before any signature is seen.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use super::material::Material;
use super::{Algorithm, KeyError, Unusable, jwk, pem};

/// Longest text of a key set, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Most keys in a set; without an id all of one algorithm may be tried, so this bounds the work of one call.
pub(super) const MAX_KEYS: usize = 100;

/// Verifying keys, replaced as a whole when they change.
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// No other set of this process has it.
    number: u64,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// None for a key with an id that cannot be used: its id is known, which must not look like a key yet to be
    /// fetched.
    material: Option<Material>,
}

/// The answers of `crypto.verify`, except that the set cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum VerifyError {
    /// No key has the id; or, without an id, no key fits the algorithm.
    #[error("no such key")]
    UnknownKey,
    /// The key of that id is bound to another algorithm or is not for verifying.
    #[error("the key is not for this algorithm")]
    WrongAlgorithm,
    #[error("the signature does not match")]
    BadSignature,
}

impl KeySet {
    /// A JWK Set (RFC 7517 section 5), at most 256 KiB and 100 keys. Keys we cannot use are passed over; at least one
    /// must remain.
    pub(crate) fn from_jwks(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > MAX_BYTES {
            return Err(KeyError::TooLarge);
        }
        let elements = jwk::elements(text)?;
        if elements.len() > MAX_KEYS {
            return Err(KeyError::TooManyKeys);
        }
        let mut refused: Option<Unusable> = None;
        let mut keys = Vec::with_capacity(elements.len());
        for element in elements {
            let parsed = jwk::parse(element);
            let id = parsed.id;
            match parsed.material {
                Ok(material) => keys.push(Key { id, material: Some(material) }),
                Err(reason) => {
                    refused.get_or_insert(reason);
                    keys.extend(id.map(|id| Key { id: Some(id), material: None }));
                }
            }
        }
        let set = Self::of(keys);
        if set.usable().next().is_none() {
            return Err(KeyError::NoUsableKey(refused));
        }
        match set.ambiguity() {
            Some(algorithm) => Err(KeyError::DuplicateKeyId(algorithm)),
            None => Ok(set),
        }
    }

    /// A set that anybody may read: as [`Self::from_jwks`], where what is no public key can verify nothing.
    pub(crate) fn published(text: &[u8]) -> Result<Self, KeyError> {
        let mut set = Self::from_jwks(text)?;
        for key in &mut set.keys {
            key.material = key.material.take().filter(|material| !material.is_secret());
        }
        if set.usable().next().is_none() {
            return Err(KeyError::NoUsableKey(Some(Unusable::Secret)));
        }
        Ok(set)
    }

    /// Whether a key has this id, even one that cannot be used.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// One public key as PEM, bound to `algorithm`; it has no id.
    pub(crate) fn from_pem(text: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        if text.len() > MAX_BYTES {
            return Err(KeyError::TooLarge);
        }
        if algorithm.is_hmac() {
            return Err(KeyError::UnsupportedAlgorithm(algorithm));
        }
        pem::public(text, algorithm).map(Self::one)
    }

    /// One shared secret, at least as long as the hash (RFC 7518 section 3.2), bound to `algorithm`; it has no id.
    pub(crate) fn from_hmac(secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        if !algorithm.is_hmac() {
            return Err(KeyError::UnsupportedAlgorithm(algorithm));
        }
        Material::hmac(secret, algorithm).map(Self::one).map_err(|reason| KeyError::Unusable(algorithm, reason))
    }

    /// Check `signature` over `message`. With `id`, keys of that id and keys that have none are asked; without it,
    /// every key that fits the algorithm. ECDSA signatures have the fixed form of RFC 7518 section 3.4. An empty id is
    /// an id.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let Some(id) = id else {
            let answers = self.usable().filter_map(|material| material.verify(algorithm, message, signature));
            return verdict(answers, VerifyError::UnknownKey);
        };
        let named = self.keys.iter().filter(|key| key.id.as_deref().is_none_or(|known| known == id));
        ask(named, algorithm, message, signature)
    }

    /// The same with keys of exactly this id.
    pub(crate) fn verify_by_id(
        &self,
        algorithm: Algorithm,
        id: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        ask(self.keys.iter().filter(|key| key.id.as_deref() == Some(id)), algorithm, message, signature)
    }

    pub(super) fn one(material: Material) -> Self {
        let material = Some(material);
        Self::of(vec![Key { id: None, material }])
    }

    fn of(keys: Vec<Key>) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self { keys, number: MADE.fetch_add(1, Ordering::Relaxed) }
    }

    /// What tells it from all other sets of this process, so that what was found with it can be remembered.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Keys that can be used.
    pub(crate) fn count(&self) -> usize {
        self.usable().count()
    }

    fn usable(&self) -> impl Iterator<Item = &Material> {
        self.keys.iter().filter_map(|key| key.material.as_ref())
    }

    /// An algorithm for which two keys have one id. Keys of different algorithms may share an id (RFC 7517 section
    /// 4.5).
    fn ambiguity(&self) -> Option<Algorithm> {
        let mut seen = HashSet::new();
        self.keys
            .iter()
            .filter_map(|key| Some((key.id.as_deref()?, key.material.as_ref()?)))
            .flat_map(|(id, material)| material.algorithms().map(move |algorithm| (id, algorithm)))
            .find(|named| !seen.insert(*named))
            .map(|(_, algorithm)| algorithm)
    }
}

/// Check a signature with a public key a message brought; whoever sent it holds that key, and nothing is known of who
/// that is.
pub(crate) fn verify_jwk(
    text: &str,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let element: serde_json::Value = serde_json::from_str(text).map_err(|_| VerifyError::UnknownKey)?;
    // Who shows a private key to everybody has none.
    let is_private = element.get("d").is_some();
    let key = jwk::parse(element).material.map_err(|_| VerifyError::UnknownKey)?;
    if is_private || key.is_secret() {
        return Err(VerifyError::UnknownKey);
    }
    verdict(key.verify(algorithm, message, signature).into_iter(), VerifyError::UnknownKey)
}

impl fmt::Debug for KeySet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeySet").field("keys", &self.keys).finish()
    }
}

/// What keys that were named say.
fn ask<'a>(
    named: impl Iterator<Item = &'a Key>,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let mut named = named.peekable();
    if named.peek().is_none() {
        return Err(VerifyError::UnknownKey);
    }
    let answers = named
        .filter_map(|key| key.material.as_ref())
        .filter_map(|material| material.verify(algorithm, message, signature));
    verdict(answers, VerifyError::WrongAlgorithm)
}

/// The first right answer wins; `none` when nobody was asked.
fn verdict(answers: impl Iterator<Item = bool>, none: VerifyError) -> Result<(), VerifyError> {
    let mut result = Err(none);
    for right in answers {
        if right {
            return Ok(());
        }
        result = Err(VerifyError::BadSignature);
    }
    result
}
