//! Spans of time that are counted as one: minutes, hours and days of UTC, and for how long each is kept; and what time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Minute,
    Hour,
    Day,
}

impl Unit {
    pub(crate) const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Also in names of tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    pub(crate) fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// For how many seconds they are kept.
    pub(crate) fn kept(self) -> u64 {
        match self {
            Self::Minute => 48 * 3_600,
            Self::Hour => 90 * 86_400,
            Self::Day => 3 * 365 * 86_400,
        }
    }

    /// The start of the one a second is in.
    pub(crate) fn start(self, second: u64) -> u64 {
        second - second % self.seconds()
    }
}

/// How far in the future a request may be over, and the range of a question may end, in seconds: what is beyond is taken
/// for a mistake.
pub(crate) const AHEAD: u64 = 86_400;

/// A moment, by two clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since 1970, by the clock of the machine, which may be wrong, and be set.
    pub(crate) second: u64,
    /// By one that only goes on.
    pub(crate) run: Instant,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { second: seconds(SystemTime::now()), run: Instant::now() }
    }
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
