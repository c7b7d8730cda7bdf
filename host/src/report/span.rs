//! Spans of time that are counted as one: minutes, hours and days of UTC, and for how long each is kept.

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
