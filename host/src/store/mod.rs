//! Key-value only: named spaces of small values with a life span and atomic counters, bounded in entries and bytes.

mod memory;
#[cfg(test)]
mod model;
mod shard;
mod usage;

use thiserror::Error;

pub(crate) use memory::{Memory, Namespace};

/// Longest key, in bytes.
pub(crate) const MAX_KEY: usize = 256;
/// Longest value, in bytes.
pub(crate) const MAX_VALUE: usize = 64 * 1024;

/// What one namespace may hold. Bytes count keys, values and a fixed overhead per entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub max_entries: usize,
    pub max_bytes: usize,
}

/// Why an operation was refused; nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum StoreError {
    /// Key or value too long, the namespace full, or a sum beyond 64 bits.
    #[error("a limit of the namespace was reached")]
    Limit,
    /// `add` met a value that was written by `set`.
    #[error("the key holds a value that is not a counter")]
    NotACounter,
}
