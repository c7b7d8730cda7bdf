//! Numbers and times as the pages show them.

use std::time::{Duration, UNIX_EPOCH};

use crate::report::{percent, scaled};
use crate::telemetry::rfc3339;

/// What is shown where there is nothing.
pub(super) const NOTHING: &str = "\u{2013}";
/// Between a number and its unit, where no line may end.
const SPACE: char = '\u{a0}';

pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn duration(us: f64) -> String {
    let (number, unit) = scaled(us);
    format!("{number}{SPACE}{}", if unit == "us" { "\u{b5}s" } else { unit })
}

/// Where it may not be known.
pub(super) fn time(us: Option<f64>) -> String {
    us.map_or_else(|| NOTHING.to_owned(), duration)
}

pub(super) fn part(part: f64) -> String {
    format!("{}{SPACE}%", percent(part))
}

pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut number, mut unit) = (bytes as f64, 0);
    while number >= 999.5 && unit + 1 < UNITS.len() {
        (number, unit) = (number / 1e3, unit + 1);
    }
    let digits = if unit == 0 || number >= 99.5 { 0 } else { 1 };
    format!("{number:.digits$}{SPACE}{}", UNITS[unit])
}

/// Date and minute of a time as RFC 3339 has it.
pub(super) fn moment(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// A second since 1970, as a time of its day; midnight as the day that begins.
pub(super) fn tick(second: u64) -> String {
    let text = rfc3339(UNIX_EPOCH + Duration::from_secs(second));
    text.get(if second.is_multiple_of(86_400) { 5..10 } else { 11..16 }).unwrap_or_default().to_owned()
}

/// By how much a number is another than before.
pub(super) fn change(now: f64, before: f64) -> Option<String> {
    let change = 100.0 * (now - before) / before;
    match change.is_finite() {
        false => None,
        true if change.abs() < 0.5 => Some(format!("\u{b1}0{SPACE}%")),
        true if change > 900.0 => Some(format!("\u{d7}{:.0}", now / before)),
        true => Some(format!("{}{SPACE}%", signed(change, 0))),
    }
}

/// By how much a part is another, in hundredths of the whole.
pub(super) fn points(now: f64, before: f64) -> String {
    format!("{}{SPACE}pp", signed(100.0 * (now - before), 2))
}

fn signed(number: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", number.abs());
    let sign = match number {
        _ if text.chars().all(|digit| matches!(digit, '0' | '.')) => '\u{b1}',
        ..0.0 => '\u{2212}',
        _ => '+',
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let shown = [0, 999, 1_000, 99_400, 999_600, 12_000_000_000].map(bytes);
        assert_eq!(shown.map(|it| it.replace(SPACE, " ")), ["0 B", "999 B", "1.0 kB", "99.4 kB", "1.0 MB", "12.0 GB"]);
        assert_eq!([time(Some(850.0)), time(Some(1_500.0)), time(None)], ["850\u{a0}\u{b5}s", "1.5\u{a0}ms", NOTHING]);
    }

    #[test]
    fn changes_have_a_sign() {
        let told = [(110.0, 100.0), (90.0, 100.0), (100.1, 100.0), (2_000.0, 100.0), (1.0, 0.0), (0.0, 0.0)];
        let told = told.map(|(now, before)| change(now, before).map(|it| it.replace(SPACE, "")));
        let expected = ["+10%", "\u{2212}10%", "\u{b1}0%", "\u{d7}20"].map(|it| Some(it.to_owned()));
        assert_eq!(told[..4], expected);
        assert_eq!(told[4..], [None, None]);
        assert_eq!(points(0.02, 0.01).replace(SPACE, ""), "+1.00pp");
        assert_eq!(points(0.0, 0.0).replace(SPACE, ""), "\u{b1}0.00pp");
    }

    #[test]
    fn times_are_of_their_day() {
        let noon = 1_800_014_400;
        assert_eq!([noon, noon + 12 * 3_600].map(tick), ["12:00", "01-16"]);
        assert_eq!(moment("2026-01-31T12:05:00Z"), "2026-01-31 12:05");
    }
}
