//! Owns how the process runs: threads, load, and the end.

use std::time::Duration;

use super::kinds::{Integer, Time};
use super::section::section;

/// What the process as a whole may use, and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Runtime {
    /// None for one per core.
    pub workers: Option<u32>,
    /// Requests at once.
    pub max_requests: u32,
    /// For what is under way when the process is asked to end.
    pub drain: Duration,
    /// From being asked to end until no more connections are accepted.
    pub drain_delay: Duration,
}

section! {
    /// Threads, load, and the end.
    pub(super) struct RawRuntime = "[runtime]" {
        /// Worker threads; when absent, one per core.
        optional workers: Integer<1, 256>,
        /// Most requests at once, in the whole process; beyond them the answer is 503 at once. Upgraded connections
        /// count too.
        default max_requests: Integer<1, 1_000_000> = 20_000,
        /// How long what is under way may take to end after SIGTERM or SIGINT; what is left then is cut off.
        default drain: Time<0, 86_400_000> = Duration::from_secs(30),
        /// How long connections are accepted after that signal, while `/readyz` answers 503 already: for load balancers
        /// to notice.
        default drain_delay: Time<0, 3_600_000> = Duration::ZERO,
    }
}

impl RawRuntime {
    pub(super) fn resolve(&self) -> Runtime {
        Runtime {
            workers: self.workers,
            max_requests: self.max_requests,
            drain: self.drain,
            drain_delay: self.drain_delay,
        }
    }
}
