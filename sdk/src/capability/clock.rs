//! The time of day. Needs no grant.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn unix_ms() -> u64 {
    super::host::clock::unix_ms()
}
