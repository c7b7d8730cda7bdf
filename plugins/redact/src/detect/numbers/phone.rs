//! Telephone numbers: of any country behind `+` or `00` (E.164), and those national spellings that little else has.

use super::check::are_digits;
use super::{Kind, Number};
use crate::detect::Found;
use crate::detect::bytes::{at, before, is_word, run_end};

/// The most digits of a number (E.164, 6.2.1).
const MOST: usize = 15;
/// The fewest that are taken for one, with the country's code.
pub(super) const FEWEST: usize = 9;

pub(super) const NUMBERS: &[Number] = &[
    // North America.
    Number { kind: Kind::Phone, spellings: &["###-###-####", "###.###.####"], is: is_north_american },
    Number { kind: Kind::Phone, spellings: &["#-###-###-####", "#.###.###.####"], is: is_one_and_north_american },
    // Countries where what is dialled begins with 0.
    Number {
        kind: Kind::Phone,
        spellings: &[
            "##-####-####",
            "## #### ####",
            "###-###-####",
            "### ### ####",
            "###-####-####",
            "### #### ####",
            "####-###-####",
            "#### ### ####",
            "##### ######",
            "## ## ## ## ##",
            "##.##.##.##.##",
        ],
        is: has_trunk_prefix,
    },
];

/// The number that begins with a word, and before it perhaps `+` or a bracket.
pub(super) fn find(text: &[u8], start: usize) -> Option<Found> {
    let found = |start, end| Found { kind: Kind::Phone, start, end };
    match before(text, start) {
        b'+' if !is_word(before(text, start - 1)) => {
            let (digits, end) = read(text, start, MOST)?;
            is_international(digits.get()).then(|| found(start - 1, end))
        }
        b'(' => bracketed(text, start).map(|end| found(start - 1, end)),
        b'_' | b'-' | b'.' | b'+' => None,
        _ => {
            let after = text.get(start..)?.strip_prefix(b"00")?;
            let code = start + 2 + usize::from(gap(after, 0) == 1);
            let (digits, end) = read(text, code, MOST)?;
            // In one word it may as well be a number with zeros put before it, unless it is as long as few of these are.
            let is_grouped = end - start > digits.get().len() + 2;
            let is_long = digits.get().len() >= 11;
            (is_international(digits.get()) && (is_grouped || is_long)).then(|| found(start, end))
        }
    }
}

/// `(415) 555-0132`, `(020) 7946 0958`.
fn bracketed(text: &[u8], start: usize) -> Option<usize> {
    let closing = run_end(text.get(..text.len().min(start + 6))?, start, |byte| byte.is_ascii_digit());
    if at(text, closing) != b')' {
        return None;
    }
    let most = if at(text, start) == b'0' { 12 } else { 10 };
    let (digits, end) = read(text, start, most)?;
    let digits = digits.get();
    let is_one = if most == 10 { is_north_american(digits) } else { digits.len() >= 9 && has_trunk_prefix(digits) };
    is_one.then_some(end)
}

/// Digits of a number.
struct Digits([u8; MOST], usize);

impl Digits {
    fn get(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// Digits in groups from a place on, and where the last group ends. Whole groups are taken as long as they are not too much.
fn read(text: &[u8], start: usize, most: usize) -> Option<(Digits, usize)> {
    let mut digits = Digits([0; MOST], 0);
    let mut end = None;
    let mut place = start;
    loop {
        let window = text.get(..text.len().min(place + MOST + 1))?;
        let group_end = run_end(window, place, |byte| byte.is_ascii_digit());
        let group = window.get(place..group_end)?;
        let taken = digits.1 + group.len();
        let is_full = taken > most || (digits.get().first() == Some(&b'1') && taken > 11);
        if group.is_empty() || is_full || is_word(at(text, group_end)) {
            break;
        }
        digits.0.get_mut(digits.1..taken)?.copy_from_slice(group);
        digits.1 = taken;
        end = Some(group_end);
        place = group_end + gap(text, group_end);
        if place == group_end {
            break;
        }
    }
    Some((digits, end?))
}

/// Length of what stands between two groups; 0 where it is nothing of the kind.
fn gap(text: &[u8], place: usize) -> usize {
    match (at(text, place), at(text, place + 1)) {
        (b' ', b'(') | (b')', b' ' | b'-') => 2,
        (b' ' | b'-' | b'.' | b'/' | b'(' | b')', _) => 1,
        _ => 0,
    }
}

fn is_international(digits: &[u8]) -> bool {
    match digits {
        [b'1', ..] => is_one_and_north_american(digits),
        _ => digits.len() >= FEWEST && has_calling_code(digits),
    }
}

/// Whether a number begins with a code that is assigned (ITU-T E.164, list of assigned codes).
fn has_calling_code(digits: &[u8]) -> bool {
    let [a, b, c, ..] = digits else { return false };
    let [a, b, c] = [a, b, c].map(|digit| u32::from(digit - b'0'));
    match 10 * a + b {
        10..=19 | 70..=79 => true,
        20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98 => true,
        _ => matches!(
            100 * a + 10 * b + c,
            211..=213 | 216 | 218 | 220..=269 | 290 | 291 | 297..=299 | 350..=359 | 370..=383 | 385..=387 | 389 | 420 | 421 | 423
            | 500..=509 | 590..=599 | 670 | 672..=683 | 685..=692 | 800 | 808 | 850 | 852 | 853 | 855 | 856 | 870 | 880 | 886
            | 960..=968 | 970..=977 | 992..=996 | 998
        ),
    }
}

/// Area and exchange of the North American plan: no 0 or 1 in front, and neither is a service like 911.
fn is_north_american(digits: &[u8]) -> bool {
    let is_code = |code: &[u8]| matches!(code, [b'2'..=b'9', rest @ ..] if rest != b"11");
    digits.len() == 10
        && are_digits(digits)
        && digits.get(..3).is_some_and(|area| is_code(area) && area.get(1) != Some(&b'9'))
        && digits.get(3..6).is_some_and(is_code)
}

fn is_one_and_north_american(digits: &[u8]) -> bool {
    digits.strip_prefix(b"1").is_some_and(is_north_american)
}

fn has_trunk_prefix(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'1'..=b'9', ..]) && are_digits(digits)
}

#[cfg(test)]
mod tests {
    use crate::detect::{Kind, testing::spans};

    #[test]
    fn international_numbers_are_found_in_their_usual_spellings() {
        for text in [
            "+4930123456",
            "+49 30 123456",
            "+49-30-123456",
            "+49 (0)30/123456",
            "+1 (415) 555-0132",
            "+1.415.555.0132",
            "0049 30 123456",
            "00 44 20 7946 0958",
            "004915112345678",
            "+44 (20) 7946 0958",
            "+358401234567",
        ] {
            assert_eq!(spans(&[Kind::Phone], text), [text], "alone");
            assert_eq!(spans(&[Kind::Phone], &format!("call {text}, or write.")), [text], "in a text");
            assert_eq!(spans(&[Kind::Phone], &format!("tel:{text}. 20 people")), [text], "at the end of a sentence");
        }
    }

    #[test]
    fn national_numbers_are_found_where_little_else_is_spelled_so() {
        for text in [
            "(415) 555-0132",
            "(415)555-0132",
            "415-555-0132",
            "415.555.0132",
            "1-415-555-0132",
            "(020) 7946 0958",
            "020 7946 0958",
            "0917-123-4567",
            "090-1234-5678",
            "07700 900123",
            "01 42 68 53 00",
            "01.42.68.53.00",
            "02 9374 4000",
        ] {
            assert_eq!(spans(&[Kind::Phone], &format!("call {text}, or")), [text], "{text}");
        }
    }

    #[test]
    fn differences_zones_dates_and_padded_numbers_are_none() {
        for text in [
            "+100000000",
            "+01:00",
            "2024-01-01T00:00:00+01:00",
            "1+4930123456",
            "+20240101",
            "+12.5",
            "0012345678",
            "00491234567",
            "00000123456789",
            "0049123",
            "115-555-0132",
            "415-155-0132",
            "411-555-0132",
            "911-11-5555",
            "2024-01-02",
            "01-02-2024",
            "(2024) 01-02",
            "+4912345678901234",
            "01 02 03 04 05 06",
            "(123) 456-7890",
            "13812345678",
            "+999123456789",
            "415-555-0132-1",
            "x+4930123456",
        ] {
            assert_eq!(spans(&[Kind::Phone], text), Vec::<&str>::new(), "{text}");
        }
    }
}
