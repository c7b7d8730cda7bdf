//! `clock`: the time of day.

use super::{HostState, wit};

impl wit::clock::Host for HostState {
    fn unix_ms(&mut self) -> wasmtime::Result<u64> {
        self.serving()?;
        Ok(self.powers.world.unix_ms())
    }
}
