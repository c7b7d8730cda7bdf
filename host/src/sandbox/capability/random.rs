//! `random`: unpredictable bytes.

use super::{HostState, wit};

const MAX_BYTES: u32 = 4096;

impl wit::random::Host for HostState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        self.serving()?;
        if count > MAX_BYTES {
            return Err(wasmtime::Error::msg("more than 4096 random bytes asked for at once"));
        }
        let mut bytes = vec![0; count as usize];
        self.powers.world.fill(&mut bytes)?;
        Ok(bytes)
    }
}
