//! Where in the grammar of JSON a reader stands, as one byte.

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// What may come next (RFC 8259).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Step {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Step {
            const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

steps! {
    /// A value.
    Value,
    /// The first item of an array, or its end.
    FirstItem,
    /// A member name.
    Key,
    /// The first member name of an object, or its end.
    FirstKey,
    /// `:`
    Colon,
    /// `,` or the end of the container.
    Separator,
    /// White space: the value is complete.
    End,
    /// Any part of a string, or its end.
    Text,
    /// The character after `\`.
    Escape,
    /// Four hexadecimal digits.
    Hex4,
    /// Three hexadecimal digits.
    Hex3,
    /// Two hexadecimal digits.
    Hex2,
    /// One hexadecimal digit.
    Hex1,
    /// The last byte of a character (RFC 3629 section 4, as the next ones).
    Tail1,
    /// The last two bytes of a character.
    Tail2,
    /// The last three bytes of a character.
    Tail3,
    /// The second byte after E0, which must not make an overlong form.
    AfterE0,
    /// The second byte after ED, which must not make a surrogate.
    AfterEd,
    /// The second byte after F0, which must not make an overlong form.
    AfterF0,
    /// The second byte after F4, which must not go beyond U+10FFFF.
    AfterF4,
    /// The first digit after `-`.
    Minus,
    /// What follows a leading 0: no digit.
    Zero,
    /// More of an integer, or what follows it.
    Integer,
    /// The first digit after `.`.
    Point,
    /// More of a fraction, or what follows it.
    Fraction,
    /// The sign or first digit of an exponent.
    ExponentStart,
    /// The first digit of an exponent.
    ExponentSign,
    /// More of an exponent, or what follows it.
    Exponent,
    /// The rest of `true`.
    Rue,
    /// The rest of `true`.
    Ue,
    /// The last letter of `true` or `false`.
    E,
    /// The rest of `false`.
    Alse,
    /// The rest of `false`.
    Lse,
    /// The rest of `false`.
    Se,
    /// The rest of `null`.
    Ull,
    /// The rest of `null`.
    Ll,
    /// The last letter of `null`.
    L,
}

impl Step {
    /// The step as a byte.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The step of a byte; none where there is no such step.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The step after a byte that belongs to a character or escape of a string; none where it cannot stand there.
    pub(crate) fn in_text(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Text, b'\\') => Self::Escape,
            (Self::Text, 0x20..=0x7f) => Self::Text,
            (Self::Text, 0xc2..=0xdf) => Self::Tail1,
            (Self::Text, 0xe0) => Self::AfterE0,
            (Self::Text, 0xed) => Self::AfterEd,
            (Self::Text, 0xe1..=0xef) => Self::Tail2,
            (Self::Text, 0xf0) => Self::AfterF0,
            (Self::Text, 0xf1..=0xf3) => Self::Tail3,
            (Self::Text, 0xf4) => Self::AfterF4,
            (Self::Tail1, 0x80..=0xbf) => Self::Text,
            (Self::Tail2, 0x80..=0xbf) => Self::Tail1,
            (Self::Tail3, 0x80..=0xbf) => Self::Tail2,
            (Self::AfterE0, 0xa0..=0xbf) => Self::Tail1,
            (Self::AfterEd, 0x80..=0x9f) => Self::Tail1,
            (Self::AfterF0, 0x90..=0xbf) => Self::Tail2,
            (Self::AfterF4, 0x80..=0x8f) => Self::Tail2,
            (Self::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Self::Text,
            (Self::Escape, b'u') => Self::Hex4,
            (Self::Hex4, _) if byte.is_ascii_hexdigit() => Self::Hex3,
            (Self::Hex3, _) if byte.is_ascii_hexdigit() => Self::Hex2,
            (Self::Hex2, _) if byte.is_ascii_hexdigit() => Self::Hex1,
            (Self::Hex1, _) if byte.is_ascii_hexdigit() => Self::Text,
            _ => return None,
        })
    }

    /// The step after a byte that belongs to a number; none where it does not.
    pub(crate) fn in_number(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::ExponentStart,
            (Self::ExponentStart, b'+' | b'-') => Self::ExponentSign,
            (Self::ExponentStart | Self::ExponentSign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    /// Whether a number may end here.
    pub(crate) fn ends_number(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_again_by_its_code() {
        for step in Step::ALL {
            assert_eq!(Step::from_code(step.code()), Some(*step));
        }
        assert_eq!(Step::from_code(u8::MAX), None);
    }

    #[test]
    fn text_accepts_exactly_the_utf8_the_language_does() {
        let ends = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        let accepted = |bytes: &[u8]| {
            let end = bytes.iter().try_fold(Step::Text, |step, byte| step.in_text(*byte));
            end == Some(Step::Text)
        };
        for lead in 0x80..=0xff_u8 {
            for second in ends {
                for third in ends {
                    for bytes in [&[lead][..], &[lead, second], &[lead, second, third], &[lead, second, third, 0x80]] {
                        let is_utf8 = std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c < ' '));
                        assert_eq!(accepted(bytes), is_utf8, "{bytes:02x?}");
                    }
                }
            }
        }
    }
}
