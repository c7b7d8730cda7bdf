//! Owns what a policy may use of the machine, and what its calls share.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Faults;
use super::kinds::{Integer, Size, Spelled, Time};
use super::section::section;

/// Longest wall-clock time one hook call can be given, in milliseconds.
pub(crate) const MAX_WALL_MS: u64 = 60_000;

/// What the calls of a policy share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Isolation {
    /// An instance serves one call after the other.
    Pooled,
    /// Each call has a fresh instance.
    Request,
}

impl fmt::Display for Isolation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pooled => "pooled",
            Self::Request => "request",
        })
    }
}

/// A word that is neither `pooled` nor `request`.
#[derive(Debug, thiserror::Error)]
#[error("there is no such choice")]
pub(crate) struct UnknownIsolation;

impl FromStr for Isolation {
    type Err = UnknownIsolation;

    fn from_str(text: &str) -> Result<Self, UnknownIsolation> {
        [Self::Pooled, Self::Request].into_iter().find(|choice| choice.to_string() == text).ok_or(UnknownIsolation)
    }
}

impl Spelled for Isolation {
    const SPELLING: &'static str = "\"pooled\" or \"request\"";
}

/// What one policy may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// CPU time of one hook call.
    pub cpu: Duration,
    /// Wall-clock time of one hook call, host calls included.
    pub wall: Duration,
    /// Bytes of linear memory of one instance.
    pub memory: u64,
    /// Calls after which an instance is replaced.
    pub calls: u32,
}

section! {
    /// What one policy may use.
    pub(super) struct RawLimits = "limits" {
        /// CPU time of one hook call.
        default cpu: Time<1, 1_000> = Duration::from_millis(5),
        /// Wall-clock time of one hook call, waiting included; not less than `cpu`.
        default wall: Time<1, MAX_WALL_MS> = Duration::from_secs(1),
        /// Memory of one instance.
        default memory: Size<65_536, 67_108_864> = 16 << 20,
        /// Calls after which an instance is replaced.
        default calls: Integer<1, 1_000_000> = 1_000,
    }
}

impl RawLimits {
    pub(super) fn resolve(self, faults: &mut Faults) -> Limits {
        if self.cpu > self.wall {
            faults.push(self.place.below("wall").fault("is less than `cpu`", "make `wall` at least `cpu`"));
        }
        Limits { cpu: self.cpu, wall: self.wall, memory: self.memory, calls: self.calls }
    }
}
