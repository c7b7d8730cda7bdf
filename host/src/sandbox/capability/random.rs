//! `random`: unpredictable bytes.

use super::{HostState, wit};

const MAX_BYTES: u64 = 4096;

impl wit::random::Host for HostState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        self.serving()?;
        bytes(count.into())
    }
}

/// So many bytes, where that is not too many.
pub(super) fn bytes(count: u64) -> wasmtime::Result<Vec<u8>> {
    let count = usize::try_from(count.min(MAX_BYTES + 1))?;
    if count as u64 > MAX_BYTES {
        return Err(wasmtime::Error::msg("more than 4096 random bytes asked for at once"));
    }
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|_| none())?;
    Ok(bytes)
}

/// The machine has none.
pub(super) fn none() -> wasmtime::Error {
    wasmtime::Error::msg("no random bytes")
}
