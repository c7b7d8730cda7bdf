//! `clock`: the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{HostState, wit};

impl wit::clock::Host for HostState {
    fn unix_ms(&mut self) -> wasmtime::Result<u64> {
        self.serving()?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
