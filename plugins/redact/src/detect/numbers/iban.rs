//! International bank account numbers: the length of their country, and check digits (ISO 13616).

use super::check::remainder;
use super::spelling::{Beginnings, Spelled, Spelling};

/// Fewest letters and digits of any.
pub(super) const FEWEST: usize = 15;

/// Countries of the registry, with the lengths of their numbers.
const LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Takes into account how they begin: in one word, or in fours.
pub(super) fn begin(beginnings: &mut Beginnings) {
    LENGTHS.iter().for_each(|(_, length)| beginnings.add(&"#".repeat(*length)));
    ["#### ####", "####-####"].iter().for_each(|text| beginnings.add(text));
}

/// Whether words are spelled like one: two letters and two digits in front, and grouped as it is usual.
pub(super) fn is_spelled(spelled: &Spelled<'_>) -> bool {
    let text = spelled.text().get(spelled.start()..).unwrap_or_default();
    let [a, b, c, d, ..] = text else { return false };
    let length = spelled.length();
    a.is_ascii_alphabetic()
        && b.is_ascii_alphabetic()
        && c.is_ascii_digit()
        && d.is_ascii_digit()
        && [Spelling::plain(length), Spelling::fours(length, b' '), Spelling::fours(length, b'-')]
            .contains(&spelled.spelling())
}

/// Whether letters are one: as long as its country has them, and with the check digits.
pub(super) fn is(letters: &[u8]) -> bool {
    let [a, b, c, d, account @ ..] = letters else { return false };
    LENGTHS.binary_search(&(&[*a, *b], letters.len())).is_ok() && remainder(account.iter().chain([a, b, c, d]), 97) == 1
}

#[cfg(test)]
mod tests {
    use super::LENGTHS;
    use crate::detect::{Kind, testing::spans};

    #[test]
    fn countries_are_in_order_so_that_each_is_found() {
        assert!(LENGTHS.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn numbers_are_found_plain_and_in_fours() {
        for text in [
            "GB29NWBK60161331926819",
            "GB29 NWBK 6016 1331 9268 19",
            "GB29-NWBK-6016-1331-9268-19",
            "gb29nwbk60161331926819",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(spans(&[Kind::Iban], &format!("to {text}, today")), [text], "{text}");
        }
        for text in [
            "GB28NWBK60161331926819",
            "GB29 NWBK60161331926819",
            "GB29NWBK6016133192681",
            "GB29nwbk60161331926819",
            "ZZ29NWBK60161331926819",
            "xGB29NWBK60161331926819",
        ] {
            assert_eq!(spans(&[Kind::Iban], text), Vec::<&str>::new(), "{text}");
        }
    }
}
