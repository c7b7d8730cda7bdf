//! Cryptography with keys that stay in the host. `verify` needs the grant `key:NAME`.

use super::host::crypto as host;
pub use host::{Algorithm, HashAlgorithm, VerifyError};

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

/// A digest; needs no grant.
pub fn hash(algorithm: HashAlgorithm, data: &[u8]) -> Vec<u8> {
    host::hash(algorithm, data)
}
