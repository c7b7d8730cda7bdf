//! `random`: unpredictable bytes.

use super::{HostState, wit};

const MAX_BYTES: usize = 4096;

impl wit::random::Host for HostState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        self.serving()?;
        self.random_bytes(count.into())
    }
}

impl HostState {
    /// So many bytes, where that is not too many.
    pub(super) fn random_bytes(&self, count: u64) -> wasmtime::Result<Vec<u8>> {
        let count = usize::try_from(count).ok().filter(|count| *count <= MAX_BYTES);
        let count = count.ok_or_else(|| wasmtime::Error::msg("more than 4096 random bytes asked for at once"))?;
        let mut bytes = vec![0; count];
        self.powers.world.fill(&mut bytes)?;
        Ok(bytes)
    }
}
