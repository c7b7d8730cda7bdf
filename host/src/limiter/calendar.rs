//! Months in UTC, in milliseconds since 1970.

use crate::telemetry::date;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// When the month began in which `now` lies, and when the next one begins.
pub(super) fn month(now: u64) -> (u64, u64) {
    let today = now / DAY;
    let first = today - (day(today) - 1);
    // No month is longer, and the next is not shorter than what this leaves over.
    let beyond = first + 31;
    let next = beyond - (day(beyond) - 1);
    (first * DAY, next * DAY)
}

/// Of the month, from 1.
fn day(days: u64) -> u64 {
    date(days).2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_the_days_they_have() {
        let ms = |days: u64| days * DAY;
        for (now, begins, ends) in [
            (0, 0, 31),
            (ms(31) - 1, 0, 31),
            (ms(31), 31, 59),
            // 2000-02-29, a leap day of a century.
            (ms(11_016), 10_988, 11_017),
            // 2026-11-27 and 2026-12-31.
            (ms(20_784) + 5, 20_758, 20_788),
            (ms(20_818), 20_788, 20_819),
        ] {
            assert_eq!(month(now), (ms(begins), ms(ends)), "{now}");
        }
    }
}
