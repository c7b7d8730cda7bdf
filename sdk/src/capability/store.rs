//! Small values that outlive instances and policy versions. Needs the grant `store:NAME:read` or `store:NAME:write`.
//!
//! `store` is always a name of the interest. One call is atomic, two calls are not. A key has at most 256 bytes, a
//! value 64 KiB.

use super::host::store as host;
pub use host::Error;

/// The value, or none when the key is absent or has expired.
///
/// # Errors
/// `Unavailable` should become [`Failure::Dependency`](crate::Failure::Dependency); the others are faults of policy or
/// grant.
pub fn get(store: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::get(store, key)
}

/// Write. `ttl_ms` is the life of the value, at least 1; none keeps it until it is deleted.
///
/// # Errors
/// As [`get`]; `Limit` when key or value are too long or the namespace is full.
pub fn set(store: &str, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Error> {
    host::set(store, key, value, ttl_ms)
}

/// Remove; absent keys are no error.
///
/// # Errors
/// As [`get`].
pub fn delete(store: &str, key: &str) -> Result<(), Error> {
    host::delete(store, key)
}

/// Add to a counter and return the sum. An absent counter starts at 0 and takes `ttl_ms` as its life, an existing one
/// keeps its end.
///
/// # Errors
/// As [`set`]; `NotACounter` when the key holds something else.
pub fn add(store: &str, key: &str, delta: i64, ttl_ms: Option<u64>) -> Result<i64, Error> {
    host::add(store, key, delta, ttl_ms)
}
