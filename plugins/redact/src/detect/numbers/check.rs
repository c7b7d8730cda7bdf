//! Check digits and dates, as numbers of many countries have them.

/// The value of a digit; of a letter, 10 to 35.
pub(super) fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'Z' => u32::from(byte - b'A') + 10,
        _ => 0,
    }
}

pub(super) fn are_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

/// A decimal number; of no more digits than fit.
pub(super) fn decimal(text: &[u8]) -> u64 {
    text.iter().fold(0, |number, byte| number * 10 + u64::from(value(*byte)))
}

/// The remainder of a number in which letters stand for two digits.
pub(super) fn remainder<'t>(text: impl Iterator<Item = &'t u8>, by: u32) -> u32 {
    text.fold(0, |rest, byte| (rest * if byte.is_ascii_digit() { 10 } else { 100 } + value(*byte)) % by)
}

/// The sum of values, each times its weight.
pub(super) fn weighted(text: &[u8], weights: &[u32]) -> u32 {
    text.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum()
}

/// Digits whose last is that of Luhn (ISO/IEC 7812-1).
pub(super) fn luhn(text: &[u8]) -> bool {
    let doubled = |(place, byte): (usize, &u8)| {
        let digit = value(*byte) << (place % 2);
        if digit > 9 { digit - 9 } else { digit }
    };
    are_digits(text) && text.iter().rev().enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

/// Whether six digits are a month's day, in one of the orders. Which years had a 29th of February is not asked.
pub(super) fn is_day(day: u64, month: u64) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// `YYMMDD`.
pub(super) fn is_yymmdd(text: &[u8]) -> bool {
    matches!(text, [_, _, m, n, d, e, ..] if are_digits(&[*m, *n, *d, *e]) && is_day(decimal(&[*d, *e]), decimal(&[*m, *n])))
}

/// `DDMMYY`.
pub(super) fn is_ddmmyy(text: &[u8]) -> bool {
    matches!(text, [d, e, m, n, ..] if are_digits(&[*d, *e, *m, *n]) && is_day(decimal(&[*d, *e]), decimal(&[*m, *n])))
}

#[cfg(test)]
mod tests {
    use super::{decimal, is_day, luhn, remainder, weighted};

    #[test]
    fn check_digits_are_those_of_the_standards() {
        assert!(luhn(b"79927398713") && !luhn(b"79927398710"));
        assert_eq!(remainder(b"3214282912345698765432161182".iter(), 97), 1);
        assert_eq!(remainder(b"WEST12345698765432GB82".iter(), 97), 1);
        assert_eq!(weighted(b"12A", &[1, 2, 3]), 1 + 4 + 30);
        assert_eq!(decimal(b"0120"), 120);
    }

    #[test]
    fn days_are_those_of_their_months() {
        assert!(is_day(29, 2) && is_day(31, 12) && is_day(30, 4));
        assert!(!is_day(30, 2) && !is_day(31, 4) && !is_day(1, 13) && !is_day(0, 1));
    }
}
