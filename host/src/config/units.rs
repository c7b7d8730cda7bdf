//! Owns how durations and sizes are spelled: a whole number and a unit, `5ms` or `16KiB`.

use std::time::Duration;

/// Milliseconds per unit, largest first.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Bytes per unit, largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Read `5ms`, `10s`, `2m` or `1h`; none for anything else and for overflow.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &TIMES).map(Duration::from_millis)
}

/// Read `512B`, `16KiB`, `4MiB` or `1GiB`; none for anything else and for overflow.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    parse(text, &SIZES)
}

/// Spell milliseconds in the largest unit that needs no fraction.
pub(super) fn show_millis(millis: u64) -> String {
    show(millis, &TIMES)
}

/// Spell bytes in the largest unit that needs no fraction.
pub(super) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(split);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let fitting = units.iter().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor));
    match fitting.or(units.last()) {
        Some((name, factor)) => format!("{}{name}", amount / factor),
        None => amount.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let cases = [("5ms", 5), ("10s", 10_000), ("2m", 120_000), ("1h", 3_600_000), ("0ms", 0)];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        let cases = [("512B", 512), ("16KiB", 16 << 10), ("4MiB", 4 << 20), ("1GiB", 1 << 30)];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "5", "ms", "5 ms", "-5ms", "+5ms", "1.5s", "5MS", "5d", "99999999999999999h", "٣s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for text in ["16", "16KB", "16kib", "1TiB", "99999999999999999GiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(amount in 0..u64::MAX / 2) {
            prop_assert_eq!(parse_duration(&show_millis(amount)), Some(Duration::from_millis(amount)));
            prop_assert_eq!(parse_size(&show_size(amount)), Some(amount));
        }
    }
}
