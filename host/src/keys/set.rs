//! A set of keys to verify with: immutable, and each key bound to its algorithms before any signature is seen.

use std::collections::HashSet;

use thiserror::Error;

use super::material::Material;
use super::{Algorithm, KeyError, Unusable, jwk, pem};

/// Longest text of a key set, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Most keys in a set; without an id all of one algorithm may be tried, so this bounds the work of one call.
pub(super) const MAX_KEYS: usize = 100;

/// Verifying keys, replaced as a whole when they change.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
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
        let set = Self { keys };
        if set.usable().next().is_none() {
            return Err(KeyError::NoUsableKey(refused));
        }
        match set.ambiguity() {
            Some(algorithm) => Err(KeyError::DuplicateKeyId(algorithm)),
            None => Ok(set),
        }
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
        let mut named = self.keys.iter().filter(|key| key.id.as_deref().is_none_or(|known| known == id)).peekable();
        if named.peek().is_none() {
            return Err(VerifyError::UnknownKey);
        }
        let answers = named
            .filter_map(|key| key.material.as_ref())
            .filter_map(|material| material.verify(algorithm, message, signature));
        verdict(answers, VerifyError::WrongAlgorithm)
    }

    fn one(material: Material) -> Self {
        let material = Some(material);
        Self { keys: vec![Key { id: None, material }] }
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
