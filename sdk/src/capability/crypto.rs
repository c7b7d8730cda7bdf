//! Cryptography with keys that stay in the host. [`verify`] needs the grant `key:NAME`, [`sign`] `sign:NAME`, [`seal`] and
//! [`open`] `seal:NAME`.

use super::host::crypto as host;
pub use host::{Algorithm, HashAlgorithm, SealError, SignError, VerifyError};

/// Check `signature` over `message` with a key of the set `keys`.
///
/// With `key_id` the keys of that id are tried, and those that have none; without, every key that fits the algorithm.
///
/// # Errors
/// See [`VerifyError`]; `Unavailable` should become [`Failure::Dependency`](crate::Failure::Dependency).
pub fn verify(
    keys: &str,
    algorithm: Algorithm,
    key_id: Option<&str>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    host::verify(keys, algorithm, key_id, message, signature)
}

/// As [`verify`] with a key of exactly this id: keys that have none are not tried. For who takes the id for the name of
/// whoever signed.
///
/// # Errors
/// As [`verify`].
pub fn verify_by_id(
    keys: &str,
    algorithm: Algorithm,
    key_id: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    host::verify_by_id(keys, algorithm, key_id, message, signature)
}

/// Check `signature` over `message` with a public key the message itself brought, a JWK: whoever sent it holds the key.
///
/// # Errors
/// `UnknownKey` where `jwk` is no public key of the algorithm, `BadSignature` where the signature does not match.
pub fn verify_jwk(jwk: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    host::verify_jwk(jwk, algorithm, message, signature)
}

/// Sign `message` with the key `keys`, or make its MAC where the algorithm is of the HS family.
///
/// # Errors
/// `Unavailable` should become [`Failure::Dependency`](crate::Failure::Dependency); the others are faults of grant or
/// configuration.
pub fn sign(keys: &str, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
    host::sign(keys, algorithm, message)
}

/// Encrypt `plain`, at most 64 KiB, for [`open`] in the same `context`: a text that says what it is for, and whatever else has
/// to be the same.
///
/// # Errors
/// `Unavailable` should become [`Failure::Dependency`](crate::Failure::Dependency); the others are faults of grant or
/// policy.
pub fn seal(keys: &str, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    host::seal(keys, context, plain)
}

/// What was sealed. When that was, and whether it was opened before, it does not say.
///
/// # Errors
/// `Invalid` where it was not sealed so; otherwise as [`seal`].
pub fn open(keys: &str, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    host::open(keys, context, sealed)
}

/// A digest; needs no grant.
pub fn hash(algorithm: HashAlgorithm, data: &[u8]) -> Vec<u8> {
    host::hash(algorithm, data)
}
