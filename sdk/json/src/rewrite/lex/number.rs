//! Numbers (RFC 8259 section 6), which can be put aside between any two bytes.

/// How far a number has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// To the sign.
    Minus,
    /// To a leading 0, which no digit follows.
    Zero,
    /// Into the integer.
    Integer,
    /// To the decimal point.
    Point,
    /// Into the fraction.
    Fraction,
    /// To the `e`.
    E,
    /// To the sign of the exponent.
    Sign,
    /// Into the exponent.
    Exponent,
}

impl Number {
    /// All of them, in the order of their codes.
    pub(crate) const ALL: [Self; 8] =
        [Self::Minus, Self::Zero, Self::Integer, Self::Point, Self::Fraction, Self::E, Self::Sign, Self::Exponent];

    /// A number of which this is the first byte.
    #[inline(always)]
    pub(crate) fn begin(byte: u8) -> Option<Self> {
        Some(match byte {
            b'-' => Self::Minus,
            b'0' => Self::Zero,
            b'1'..=b'9' => Self::Integer,
            _ => return None,
        })
    }

    /// Read on to the first byte that does not belong to the number.
    #[inline]
    pub(crate) fn read(self, bytes: &[u8], at: usize) -> (usize, Self) {
        let (at, number) = self.integer(bytes, at);
        let (at, number) = number.fraction(bytes, at);
        number.exponent(bytes, at)
    }

    /// Whether the number may end here.
    #[inline(always)]
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Exponent)
    }

    #[inline(always)]
    fn integer(self, bytes: &[u8], at: usize) -> (usize, Self) {
        match (self, bytes.get(at)) {
            (Self::Minus, Some(b'0')) => (at + 1, Self::Zero),
            (Self::Minus, Some(b'1'..=b'9')) | (Self::Integer, _) => (digits(bytes, at), Self::Integer),
            _ => (at, self),
        }
    }

    #[inline(always)]
    fn fraction(mut self, bytes: &[u8], mut at: usize) -> (usize, Self) {
        if let (Self::Zero | Self::Integer, Some(b'.')) = (self, bytes.get(at)) {
            (at, self) = (at + 1, Self::Point);
        }
        match (self, bytes.get(at)) {
            (Self::Point | Self::Fraction, Some(b'0'..=b'9')) => (digits(bytes, at), Self::Fraction),
            _ => (at, self),
        }
    }

    #[inline(always)]
    fn exponent(mut self, bytes: &[u8], mut at: usize) -> (usize, Self) {
        if let (Self::Zero | Self::Integer | Self::Fraction, Some(b'e' | b'E')) = (self, bytes.get(at)) {
            (at, self) = (at + 1, Self::E);
        }
        if let (Self::E, Some(b'+' | b'-')) = (self, bytes.get(at)) {
            (at, self) = (at + 1, Self::Sign);
        }
        match (self, bytes.get(at)) {
            (Self::E | Self::Sign | Self::Exponent, Some(b'0'..=b'9')) => (digits(bytes, at), Self::Exponent),
            _ => (at, self),
        }
    }
}

/// Where a run of digits ends.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether all of it is one number, put aside at `cut`.
    fn is_number(text: &str, cut: usize) -> bool {
        let Some(begun) = text.bytes().next().and_then(Number::begin) else { return false };
        let cut = cut.max(1);
        let (at, number) = begun.read(&text.as_bytes()[..cut], 1);
        let (at, number) = if at == cut { number.read(text.as_bytes(), cut) } else { (at, number) };
        at == text.len() && number.is_whole()
    }

    #[test]
    fn huge_numbers_are_numbers() {
        let text = format!("-1{}.{}e+{}", "0".repeat(50), "9".repeat(50), "7".repeat(50));
        assert!((0..text.len()).all(|cut| is_number(&text, cut)));
    }

    proptest! {
        #[test]
        fn a_number_is_one_for_every_reader(text in "[-+]?[019]{0,3}(\\.[05]{0,2})?([eE][-+]?[03]{0,2})?", cut in 0usize..12) {
            let is_one = serde_json::from_str::<serde_json::Number>(&text).is_ok()
                || serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(is_number(&text, cut.min(text.len())), is_one, "{}", text);
        }
    }
}
