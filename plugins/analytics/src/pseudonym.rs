//! Pseudonyms: the beginning of a MAC, the same for the same value in the same period.

use lockgate_sdk::Failure;
use lockgate_sdk::crypto::{self, Algorithm};

use crate::config::Rotate;

/// Bytes of the MAC that are kept: two of a million values are the same with a chance of one in 37 million.
const KEPT: usize = 8;

/// The time a pseudonym holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Period {
    Always,
    /// Days since 1970.
    Day(u64),
    /// Weeks since that of its first day, a Thursday.
    Week(u64),
}

impl Period {
    /// The one a record is of, by the milliseconds since 1970 at which it ended.
    pub(crate) fn of(rotate: Rotate, ended_ms: Option<&str>) -> Option<Self> {
        let day = ended_ms?.parse::<u64>().ok()? / 86_400_000;
        Some(match rotate {
            Rotate::Never => Self::Always,
            Rotate::Daily => Self::Day(day),
            Rotate::Weekly => Self::Week((day + 3) / 7),
        })
    }
}

/// The pseudonym of a value of a column. The name of the column is part of what is digested, so that who is a consumer here is not found
/// among the applications there.
pub(crate) fn of(key: &str, column: &str, period: Period, value: &str) -> Result<String, Failure> {
    let period = match period {
        Period::Always => String::new(),
        Period::Day(day) => format!("day {day}"),
        Period::Week(week) => format!("week {week}"),
    };
    let message = format!("lockgate analytics\0{column}\0{period}\0{value}");
    // Of a key that is not there the gateway knew when it started: it cannot be had now.
    let mac = crypto::sign(key, Algorithm::Hs256, message.as_bytes()).map_err(|_| Failure::Dependency)?;
    Ok(mac.iter().take(KEPT).map(|byte| format!("{byte:02x}")).collect())
}
