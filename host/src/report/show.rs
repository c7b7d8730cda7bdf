//! Figures as people read them.

/// A time of microseconds to three digits, and the unit that fits.
pub(crate) fn scaled(us: f64) -> (String, &'static str) {
    let (number, unit) = match us {
        ..1e3 => (us, "us"),
        ..1e6 => (us / 1e3, "ms"),
        _ => (us / 1e6, "s"),
    };
    let digits = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    (text.to_owned(), unit)
}

/// A part of a whole, in hundredths.
pub(crate) fn percent(part: f64) -> String {
    let percent = 100.0 * part;
    let digits = if percent == 0.0 || percent >= 10.0 { 0 } else { 2 };
    format!("{percent:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (us, expected) in [
            (0.0, "0us"),
            (1.0, "1us"),
            (45.25, "45.2us"),
            (100.0, "100us"),
            (999.4, "999us"),
            (1_234.0, "1.23ms"),
            (12_000.0, "12ms"),
            (250_000.0, "250ms"),
            (61_500_000.0, "61.5s"),
        ] {
            let (number, unit) = scaled(us);
            assert_eq!(format!("{number}{unit}"), expected);
        }
    }
}
