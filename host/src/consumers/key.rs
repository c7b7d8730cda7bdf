//! Keys of applications as text: made, read, and known again by their digest.
//!
//! `lg_<env>_<id>_<secret>_<checksum>`. The beginning is for people and for programs that search for what should not be
//! where it is; the id finds the key, the secret proves it, and the checksum tells a slip of the pen from a wrong key, without
//! looking anything up.

use std::fmt::{self, Write};
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use flate2::Crc;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What all keys begin with.
const MARK: &str = "lg";
/// Letters that cannot be taken for each other, five bits each (Crockford's base 32, small).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Letters of an id: 80 bits.
const ID: usize = 16;
/// Letters of a secret: 260 bits, which nobody guesses, so that one round of a digest is enough to keep it.
const SECRET: usize = 52;
/// Letters of a checksum: the 32 bits of a CRC.
const CHECKSUM: usize = 7;
/// Longest name of an environment.
const LONGEST_ENV: usize = 16;

/// The name of an environment, `live` or `test` by custom: 1 to 16 of a-z and 0-9.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Env(String);

/// What finds a key; no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct KeyId([u8; ID]);

/// A key that was just made, to be shown once.
pub(crate) struct NewKey {
    pub(crate) id: KeyId,
    pub(crate) digest: KeyDigest,
    text: String,
}

/// What is kept of a key: SHA-256 of all before the checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyDigest([u8; 32]);

/// A key somebody showed. It may be anybody's invention, but it is no slip of the pen.
pub(crate) struct ShownKey<'a> {
    pub(crate) id: KeyId,
    /// All before the checksum.
    proof: &'a str,
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no key of this gateway, or a letter of it is wrong")]
pub(crate) struct Malformed;

/// Why a text names no key, or no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PartError {
    #[error(
        "the id of a key is {ID} letters, the third part of `lg_ENV_ID_SECRET_CHECKSUM`; `lockgate key list` shows it"
    )]
    Id,
    #[error("it begins as a key does, and a letter of it is wrong or missing; its id alone is enough")]
    Key,
    #[error("an environment is 1 to {LONGEST_ENV} of a-z and 0-9, `live` or `test` by custom")]
    Env,
}

/// There are no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("there are no random bytes")]
pub(crate) struct NoRandomness(#[from] getrandom::Error);

impl FromStr for Env {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        is_env(text).then(|| Self(text.to_owned())).ok_or(PartError::Env)
    }
}

impl FromStr for KeyId {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let letters = text.as_bytes().try_into().map_err(|_| PartError::Id)?;
        are_letters(text).then_some(Self(letters)).ok_or(PartError::Id)
    }
}

impl KeyId {
    /// Of an id, or of a whole key.
    pub(crate) fn of_text(text: &str) -> Result<Self, PartError> {
        match text.starts_with(MARK) && text.contains('_') {
            true => ShownKey::parse(text).map(|shown| shown.id).map_err(|Malformed| PartError::Key),
            false => text.parse(),
        }
    }
}

impl NewKey {
    pub(crate) fn generate(env: &Env) -> Result<Self, NoRandomness> {
        let (id, secret) = (KeyId(random()?), random::<SECRET>()?);
        let proof = format!("{MARK}_{}_{id}_{}", env.0, String::from_utf8_lossy(&secret));
        let text = format!("{proof}_{}", String::from_utf8_lossy(&checksum(&proof)));
        Ok(Self { id, digest: KeyDigest::of(&proof), text })
    }

    /// To be shown to who will use it, and to nobody and nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }
}

impl<'a> ShownKey<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (proof, sum) = text.rsplit_once('_').ok_or(Malformed)?;
        let mut parts = proof.split('_');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(MARK), Some(env), Some(id), Some(secret), None) = parts else { return Err(Malformed) };
        let id = id.parse().map_err(|_| Malformed)?;
        let is_whole = is_env(env) && secret.len() == SECRET && are_letters(secret);
        if !is_whole || sum.as_bytes() != checksum(proof) {
            return Err(Malformed);
        }
        Ok(Self { id, proof })
    }

    /// Whether it is the key of this digest, in constant time.
    pub(crate) fn is(&self, digest: &KeyDigest) -> bool {
        verify_slices_are_equal(&KeyDigest::of(self.proof).0, &digest.0).is_ok()
    }
}

impl KeyDigest {
    fn of(proof: &str) -> Self {
        Self(Sha256::digest(proof).into())
    }
}

impl KeyDigest {
    /// As it is kept.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What is kept; none where it has another length.
    pub(crate) fn kept(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| out.write_char(char::from(*letter)))
    }
}

impl fmt::Display for Env {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

super::spelled!(PartError: Env, KeyId);

impl fmt::Debug for NewKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn is_env(text: &str) -> bool {
    (1..=LONGEST_ENV).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn are_letters(text: &str) -> bool {
    // Of `LETTERS`, without going through them for each.
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'h' | b'j'..=b'k' | b'm'..=b'n' | b'p'..=b't' | b'v'..=b'z'))
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], NoRandomness> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.map(|byte| letter(u32::from(byte))))
}

/// Of the last five bits.
fn letter(bits: u32) -> u8 {
    LETTERS.get(bits as usize % LETTERS.len()).copied().unwrap_or_default()
}

fn checksum(proof: &str) -> [u8; CHECKSUM] {
    let mut crc = Crc::new();
    crc.update(proof.as_bytes());
    std::array::from_fn(|place| letter(crc.sum().checked_shr(5 * (CHECKSUM - 1 - place) as u32).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> NewKey {
        NewKey::generate(&"live".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_key_is_known_by_its_digest_and_by_no_other() {
        let (key, other) = (key(), key());
        let shown = ShownKey::parse(key.reveal()).unwrap();
        assert_eq!(shown.id, key.id);
        assert!(shown.is(&key.digest) && !shown.is(&other.digest));
        assert_eq!(key.reveal().len(), "lg_live_".len() + ID + 1 + SECRET + 1 + CHECKSUM);
    }

    #[test]
    fn letters_are_those_that_keys_are_made_of() {
        for letter in (0..=127).map(char::from) {
            let is_one = LETTERS.contains(&(letter as u8));
            assert_eq!(are_letters(&letter.to_string()), is_one, "{letter:?}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_no_key() {
        let key = key();
        let text = key.reveal();
        for at in 0..text.len() {
            let mut wrong = text.to_owned();
            let letter = if text.as_bytes()[at] == b'7' { "8" } else { "7" };
            wrong.replace_range(at..=at, letter);
            assert!(ShownKey::parse(&wrong).is_err(), "{at}");
            assert!(ShownKey::parse(&text[..at]).is_err(), "{at}");
        }
        for wrong in [format!("{text}0"), format!(" {text}"), text.to_uppercase(), text.replace("live", "")] {
            assert!(ShownKey::parse(&wrong).is_err());
        }
    }

    #[test]
    fn nothing_shows_a_key_that_is_not_asked_to() {
        let key = key();
        let secret = key.reveal().split('_').nth(3).unwrap();
        assert!(!format!("{key:?}").contains(secret));
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_is_not(text in ".*") {
            let _ = ShownKey::parse(&text);
        }
    }
}
