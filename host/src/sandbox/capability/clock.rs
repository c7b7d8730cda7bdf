//! `clock`: the time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{HostState, wit};

impl wit::clock::Host for HostState {
    fn unix_ms(&mut self) -> wasmtime::Result<u64> {
        self.serving()?;
        Ok(milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

/// In whole milliseconds: what is finer helps to measure others.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
