//! Times and spans as people write them: `2026-01-31T12:00:00Z`, `2026-01-31`, `-24h`, `now`, `5m`.

use crate::telemetry::date;

const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 7 * 86_400)];
/// Last year that is read.
const LAST_YEAR: u64 = 9999;

/// A span of some seconds.
pub(super) fn span(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    digits(text.strip_suffix(unit)?)?.checked_mul(seconds)
}

/// A second since 1970.
pub(super) fn time(text: &str, now: u64) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(before) => Some(now.saturating_sub(span(before)?)),
        None if text == "now" => Some(now),
        None => rfc3339(text),
    }
}

/// A span in the largest unit that needs no fraction.
pub(crate) fn show(seconds: u64) -> String {
    let fitting = UNITS.iter().rev().find(|(unit, of)| *unit != 'w' && seconds >= *of && seconds.is_multiple_of(*of));
    let (unit, of) = fitting.copied().unwrap_or(UNITS[0]);
    format!("{}{unit}", seconds / of)
}

/// A date, or a date and a time, of UTC where it does not say its distance from that. Seconds may be left out, and fractions of them are.
fn rfc3339(text: &str) -> Option<u64> {
    let (day, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00Z"));
    let [year, month, of_month] = fields::<3>(day, '-', [4, 2, 2])?;
    let day = days(year, month, of_month)?;
    let (clock, offset) = time.find(['Z', 'z', '+', '-']).map_or((time, "Z"), |end| time.split_at(end));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let short = || fields::<2>(clock, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0]);
    let [hour, minute, second] = fields::<3>(clock, ':', [2, 2, 2]).or_else(short)?;
    // The 60th is a leap second.
    let fits = hour < 24 && minute < 60 && second <= 60;
    digits(fraction.get(..fraction.len().min(9))?)?;
    let local = (day * 86_400 + hour * 3_600 + minute * 60 + second.min(59)) as i64;
    let ahead = match offset {
        "Z" | "z" => 0,
        _ => {
            let [hours, minutes] = fields::<2>(offset.get(1..)?, ':', [2, 2])?;
            let seconds = (hours < 24 && minutes < 60).then_some((hours * 3_600 + minutes * 60) as i64)?;
            if offset.starts_with('-') { -seconds } else { seconds }
        }
    };
    u64::try_from(local - ahead).ok().filter(|_| fits)
}

/// Numbers of so many digits each.
fn fields<const N: usize>(text: &str, between: char, lengths: [usize; N]) -> Option<[u64; N]> {
    let mut fields = text.split(between);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        *number = digits(fields.next().filter(|field| field.len() == length)?)?;
    }
    fields.next().is_none().then_some(numbers)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Days since 1970 of a date, if there is such a day.
fn days(year: u64, month: u64, of_month: u64) -> Option<u64> {
    if !(1970..=LAST_YEAR).contains(&year) {
        return None;
    }
    // Not later than it is, whatever years and months are leap and long; then on to it.
    let least = (year - 1970) * 365 + (month.checked_sub(1)? * 28) + of_month.checked_sub(1)?;
    let most = least + (year - 1970) / 4 + 1 + 12 * 3;
    (least..=most).find(|day| date(*day) == (year, month, of_month))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, expected) in [
            ("now", NOW),
            ("-24h", NOW - 86_400),
            ("-30m", NOW - 1_800),
            ("-7d", NOW - 7 * 86_400),
            ("-2w", NOW - 14 * 86_400),
            ("-90s", NOW - 90),
            ("1970-01-01", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2000-02-29T00:00:00", 951_782_400),
            ("2000-02-29 00:00", 951_782_400),
            ("2000-02-29 01:00:00+01:00", 951_782_400),
            ("2000-02-28t22:29:59.999z", 951_776_999),
            ("2000-02-28T21:30:00-02:30", 951_782_400),
        ] {
            assert_eq!(time(text, NOW), Some(expected), "{text}");
        }
        for text in [
            "",
            "-",
            "24h",
            "-h",
            "--1h",
            "-1.5h",
            "-1y",
            "yesterday",
            "2026",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00+1",
            "1969-12-31",
            "2026-01-01T00:00:00Zé",
            "-99999999999999999w",
            "2026-01-01T00:00:00.Z5",
            "٢٠٢٦-01-01",
        ] {
            assert_eq!(time(text, NOW), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_reads_back_as_it_is_shown(second in 0..200_000_000_000_u64) {
            let shown = crate::telemetry::rfc3339(UNIX_EPOCH + Duration::from_secs(second));
            prop_assert_eq!(time(&shown, NOW), Some(second));
        }

        #[test]
        fn spans_read_back_as_they_are_shown(seconds in 1..10_000_000_u64) {
            prop_assert_eq!(span(&show(seconds)), Some(seconds));
        }
    }
}
