//! Owns what a policy may use of the machine, and what its calls share.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Faults, Place};
use super::kinds::{Integer, Size, Spelled, Time};
use super::section::section;

/// Longest wall-clock time one hook call can be given, in milliseconds.
pub(crate) const MAX_WALL_MS: u64 = 60_000;
/// Largest linear memory any policy can be given, in bytes. The engine reserves room for as many.
pub(crate) const MAX_MEMORY: u64 = 64 << 20;
/// Largest table any policy can have. Likewise.
pub(crate) const MAX_TABLE_ELEMENTS: u32 = 20_000;

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
    /// Bytes of all linear memories of one instance.
    pub memory: u64,
    /// Elements of all tables of one instance.
    pub table_elements: u32,
    /// Calls of imports in one hook call.
    pub host_calls: u32,
    /// Bytes the guest can hand over at once: in one call of an import, or as what a hook says.
    pub host_memory: u64,
    /// Bytes of all log lines of one hook call.
    pub log: u64,
    /// Calls after which an instance is replaced.
    pub calls: u32,
}

/// When a policy is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Breaker {
    /// So many failed calls in ten seconds, if no more succeeded.
    pub failures: u32,
    /// The first pause; each that follows soon is twice as long.
    pub pause: Duration,
    /// The longest.
    pub max_pause: Duration,
}

/// What a policy may use where nothing is said.
const DEFAULT: Limits = Limits {
    cpu: Duration::from_millis(5),
    wall: Duration::from_secs(1),
    memory: 16 << 20,
    table_elements: 20_000,
    host_calls: 10_000,
    host_memory: 2 << 20,
    log: 16 << 10,
    calls: 1_000,
};

section! {
    /// What one policy may use. Defaults are lower where `[ceilings]` are.
    pub(super) struct RawLimits = "limits" {
        /// CPU time of one hook call; by default at most `wall`.
        presumed cpu: Time<1, 1_000> = DEFAULT.cpu,
        /// Wall-clock time of one hook call, waiting included; not less than `cpu`.
        presumed wall: Time<1, MAX_WALL_MS> = DEFAULT.wall,
        /// Memory of one instance.
        presumed memory: Size<65_536, MAX_MEMORY> = DEFAULT.memory,
        /// Elements of all tables of one instance.
        presumed table_elements: Integer<1, MAX_TABLE_ELEMENTS> = DEFAULT.table_elements,
        /// Calls of imports in one hook call.
        presumed host_calls: Integer<1, 10_000_000> = DEFAULT.host_calls,
        /// What the policy can hand to the gateway at once: in one call of an import, or as what a hook says. A hook on
        /// a whole body may say twice the size of that body besides.
        presumed host_memory: Size<4_096, MAX_MEMORY> = DEFAULT.host_memory,
        /// All lines to the log in one hook call, each counted 100 bytes longer than it is; what is beyond it is left
        /// out, and counted.
        presumed log: Size<0, 1_048_576> = DEFAULT.log,
        /// Calls after which an instance is replaced.
        default calls: Integer<1, 1_000_000> = DEFAULT.calls,
    }
}

section! {
    /// What no policy may be given more of.
    pub(super) struct RawCeilings = "[ceilings]" {
        /// Of `limits.cpu`.
        default cpu: Time<1, 1_000> = Duration::from_secs(1),
        /// Of `limits.wall`.
        default wall: Time<1, MAX_WALL_MS> = Duration::from_millis(MAX_WALL_MS),
        /// Of `limits.memory`.
        default memory: Size<65_536, MAX_MEMORY> = MAX_MEMORY,
        /// Of `limits.table_elements`.
        default table_elements: Integer<1, MAX_TABLE_ELEMENTS> = MAX_TABLE_ELEMENTS,
        /// Of `limits.host_calls`.
        default host_calls: Integer<1, 10_000_000> = 10_000_000,
        /// Of `limits.host_memory`.
        default host_memory: Size<4_096, MAX_MEMORY> = MAX_MEMORY,
        /// Of `limits.log`.
        default log: Size<0, 1_048_576> = 1 << 20,
    }
}

section! {
    /// When a policy that fails again and again is left alone for a while. Its routes then answer at once as if it had
    /// failed. After the pause one call is tried; if it fails, the next pause is twice as long.
    pub(super) struct RawBreaker = "breaker" {
        /// So many failed calls on one worker in ten seconds, if no more succeeded, of which ten times as many count
        /// from before.
        default failures: Integer<1, 1_000_000> = 10,
        /// The first pause.
        default pause: Time<1, 3_600_000> = Duration::from_secs(1),
        /// The longest pause; not less than `pause`.
        default max_pause: Time<1, 3_600_000> = Duration::from_secs(60),
    }
}

impl RawLimits {
    pub(super) fn resolve(self, ceilings: &RawCeilings, faults: &mut Faults) -> Limits {
        let mut bound = Bound { place: &self.place, faults };
        let limits = Limits {
            cpu: bound.within("cpu", self.cpu, DEFAULT.cpu, ceilings.cpu),
            wall: bound.within("wall", self.wall, DEFAULT.wall, ceilings.wall),
            memory: bound.within("memory", self.memory, DEFAULT.memory, ceilings.memory),
            table_elements: bound.within(
                "table_elements",
                self.table_elements,
                DEFAULT.table_elements,
                ceilings.table_elements,
            ),
            host_calls: bound.within("host_calls", self.host_calls, DEFAULT.host_calls, ceilings.host_calls),
            host_memory: bound.within("host_memory", self.host_memory, DEFAULT.host_memory, ceilings.host_memory),
            log: bound.within("log", self.log, DEFAULT.log, ceilings.log),
            calls: self.calls,
        };
        if limits.cpu <= limits.wall {
            return limits;
        }
        if self.cpu.is_some() {
            let advice = match limits.cpu <= ceilings.wall {
                true => "make `wall` at least `cpu`",
                false => "lower `cpu`, or raise `wall` of [ceilings]",
            };
            faults.push(self.place.below("wall").fault("is less than `cpu`", advice));
        }
        Limits { cpu: limits.wall, ..limits }
    }
}

/// Holds limits against ceilings.
struct Bound<'a> {
    place: &'a Place,
    faults: &'a mut Faults,
}

impl Bound<'_> {
    /// A value that is at most `ceiling`. What nobody said is lowered to it.
    fn within<T: Ord + Copy>(&mut self, key: &str, said: Option<T>, default: T, ceiling: T) -> T {
        if said.is_some_and(|said| said > ceiling) {
            let advice = format!("lower it, or raise `{key}` of [ceilings]");
            self.faults.push(self.place.below(key).fault("is above the ceiling for all policies", advice));
        }
        said.unwrap_or(default).min(ceiling)
    }
}

impl RawBreaker {
    pub(super) fn resolve(self, faults: &mut Faults) -> Breaker {
        if self.pause > self.max_pause {
            let advice = "make `max_pause` at least `pause`";
            faults.push(self.place.below("max_pause").fault("is less than `pause`", advice));
        }
        Breaker { failures: self.failures, pause: self.pause, max_pause: self.max_pause }
    }
}
