//! Unpredictable bytes. Needs no grant.

/// `count` bytes, at most 4096 (more is a plugin fault), fit for keys and nonces.
pub fn bytes(count: u32) -> Vec<u8> {
    super::host::random::bytes(count)
}
