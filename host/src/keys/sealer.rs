//! What seals for policies: values that whoever keeps them can neither read nor change.
//!
//! Sealed is a byte that says how, a nonce of 12 bytes, and what AES-256-GCM-SIV (RFC 8452) makes of it, with a tag of
//! 16. Nonces are random: should two ever be the same, that tells no more than whether the values were.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use thiserror::Error;

use super::{KeyError, Unusable};

/// Most bytes that are sealed at once.
const MAX_PLAIN: usize = 64 * 1024;
/// What sealed bytes begin with.
const FORM: u8 = 1;
const OVERHEAD: usize = 1 + NONCE_LEN + 16;
/// Of a secret.
const LEAST: usize = 32;

/// Keys to seal with.
pub(crate) struct Sealer {
    /// The first seals, all open; never empty.
    keys: Vec<LessSafeKey>,
}

/// Why nothing was sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum SealError {
    #[error("it is longer than what can be sealed")]
    Limit,
    /// By none of these keys, in another context, or not as it was.
    #[error("it was not sealed so")]
    Invalid,
    #[error("cryptography failed")]
    Failed,
}

impl Sealer {
    /// A key of each secret, which has at least 32 bytes.
    pub(crate) fn new<S: AsRef<[u8]>>(secrets: &[S]) -> Result<Self, KeyError> {
        let keys = secrets.iter().map(|secret| key(secret.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeyError::NotASealingKey(Unusable::Malformed)) } else { Ok(Self { keys }) }
    }

    /// Twice sealed, it is never the same.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if plain.len() > MAX_PLAIN {
            return Err(SealError::Limit);
        }
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Failed)?;
        let key = self.keys.first().ok_or(SealError::Failed)?;
        let mut sealed = Vec::with_capacity(OVERHEAD + plain.len());
        sealed.push(FORM);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
            .map_err(|_| SealError::Failed)?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// What was sealed in the same context.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if sealed.len() > MAX_PLAIN + OVERHEAD {
            return Err(SealError::Invalid);
        }
        let (nonce, body) = match sealed.split_first() {
            Some((&FORM, rest)) => rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Invalid)?,
            _ => return Err(SealError::Invalid),
        };
        for key in &self.keys {
            let mut body = body.to_vec();
            if let Ok(plain) = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut body) {
                let length = plain.len();
                body.truncate(length);
                return Ok(body);
            }
        }
        Err(SealError::Invalid)
    }
}

/// Says nothing of the keys.
impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sealer").field("keys", &self.keys.len()).finish()
    }
}

/// A secret may be used for other things too: the key is derived from it (RFC 5869) for this alone.
fn key(secret: &[u8]) -> Result<LessSafeKey, KeyError> {
    if secret.len() < LEAST {
        return Err(KeyError::NotASealingKey(Unusable::Size));
    }
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
    let derived = salt.extract(secret);
    let derived = derived.expand(&[b"lockgate sealing"], &AES_256_GCM_SIV).map_err(|_| KeyError::Failed)?;
    Ok(LessSafeKey::new(UnboundKey::from(derived)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"an old secret of thirty-two bytes";
    const NEW: &[u8] = b"a new secret of thirty-two bytes!";

    #[test]
    fn what_was_sealed_is_opened_in_its_context_by_whoever_has_the_key() {
        let sealer = Sealer::new(&[OLD]).unwrap();
        let sealed = sealer.seal(b"login", b"a plain text").unwrap();
        assert_eq!(sealed.len(), 12 + OVERHEAD);
        assert_ne!(sealer.seal(b"login", b"a plain text").unwrap(), sealed);
        assert!(!sealed.windows(5).any(|window| window == b"plain"));
        assert_eq!(Sealer::new(&[OLD]).unwrap().open(b"login", &sealed).unwrap(), b"a plain text");
        assert_eq!(sealer.open(b"logout", &sealed), Err(SealError::Invalid));
        assert_eq!(Sealer::new(&[NEW]).unwrap().open(b"login", &sealed), Err(SealError::Invalid));
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(sealer.open(b"login", &other), Err(SealError::Invalid), "{at}");
            assert_eq!(sealer.open(b"login", &sealed[..at]), Err(SealError::Invalid), "{at}");
        }
    }

    #[test]
    fn a_new_secret_seals_and_the_old_one_still_opens() {
        let before = Sealer::new(&[OLD]).unwrap().seal(b"", b"x").unwrap();
        let both = Sealer::new(&[NEW, OLD]).unwrap();
        assert_eq!(both.open(b"", &before).unwrap(), b"x");
        let after = both.seal(b"", b"y").unwrap();
        assert_eq!(Sealer::new(&[NEW]).unwrap().open(b"", &after).unwrap(), b"y");
        assert_eq!(Sealer::new(&[OLD]).unwrap().open(b"", &after), Err(SealError::Invalid));
    }

    #[test]
    fn short_secrets_and_long_values_are_refused() {
        assert!(matches!(Sealer::new(&[b"short"]), Err(KeyError::NotASealingKey(Unusable::Size))));
        assert!(Sealer::new::<&[u8]>(&[]).is_err());
        let sealer = Sealer::new(&[NEW]).unwrap();
        let most = sealer.seal(b"", &vec![0; MAX_PLAIN]).unwrap();
        assert_eq!(sealer.open(b"", &most).unwrap().len(), MAX_PLAIN);
        assert_eq!(sealer.seal(b"", &vec![0; MAX_PLAIN + 1]), Err(SealError::Limit));
        assert_eq!(sealer.open(b"", &vec![1; MAX_PLAIN + OVERHEAD + 1]), Err(SealError::Invalid));
    }
}
