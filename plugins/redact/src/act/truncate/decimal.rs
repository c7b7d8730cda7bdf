//! Decimal numbers as JSON writes them, without an exponent.

/// The number with so many places, the others cut off: it is not rounded.
pub(super) fn truncate(text: &str, places: usize) -> Option<&str> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_whole = is_digits(digits) && (digits == "0" || !digits.starts_with('0'));
    if !is_whole || !fraction.is_none_or(is_digits) {
        return None;
    }
    match places {
        0 => Some(whole),
        _ => Some(text.get(..(whole.len() + 1).saturating_add(places)).unwrap_or(text)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::truncate;

    #[test]
    fn places_are_cut_off() {
        for (text, places, cut) in [
            ("52.520008", 2, "52.52"),
            ("-0.127758", 2, "-0.12"),
            ("13.4", 2, "13.4"),
            ("13", 2, "13"),
            ("52.999", 0, "52"),
            ("0.05", 1, "0.0"),
        ] {
            assert_eq!(truncate(text, places), Some(cut), "{text}");
        }
        assert_eq!(truncate("1.5", usize::MAX), Some("1.5"));
    }

    #[test]
    fn other_texts_are_not_truncated() {
        for text in ["", "-", "5.2e1", ".5", "5.", "+5", "05", "5,2", "5.2.1", "5 ", "N52.52", "٥"] {
            assert_eq!(truncate(text, 1), None, "{text}");
        }
    }
}
