//! How letters and digits are grouped: the lengths of words and the separators between them.

use crate::detect::bytes::{at, run_end};

/// The most letters and digits that are looked at together: the longest IBAN.
pub(super) const MOST: usize = 34;
/// The most groups: that IBAN in fours.
const MOST_GROUPS: u8 = 9;

/// A grouping, packed: seven bits for each group, of which two are the separator before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling(u64);

impl Spelling {
    /// That of a text, and the number of letters and digits in it.
    pub(super) fn of(text: &str) -> (Self, usize) {
        let mut spelling = Self::default();
        let (mut separator, mut group, mut length) = (0, 0, 0);
        for byte in text.bytes() {
            match code(byte) {
                Some(code) => {
                    spelling = spelling.and(separator, group);
                    (separator, group) = (code, 0);
                }
                None => {
                    group += 1;
                    length += 1;
                }
            }
        }
        (spelling.and(separator, group), length)
    }

    /// One group.
    pub(super) fn plain(length: usize) -> Self {
        Self::default().and(0, length)
    }

    /// Groups of four, of which the last may be shorter.
    pub(super) fn fours(length: usize, separator: u8) -> Self {
        let separator = code(separator).unwrap_or_default();
        let groups = (0..length).step_by(4);
        groups.fold(Self::default(), |spelling, at| {
            spelling.and(if at == 0 { 0 } else { separator }, (length - at).min(4))
        })
    }

    fn and(self, separator: u64, length: usize) -> Self {
        // A group beyond what five bits hold is longer than any that is looked for.
        Self(self.0 << 7 | separator << 5 | length.min(31) as u64)
    }
}

/// A separator in two bits; 0 is none.
fn code(byte: u8) -> Option<u64> {
    match byte {
        b' ' => Some(1),
        b'-' => Some(2),
        b'.' => Some(3),
        _ => None,
    }
}

/// Words as far as they were read.
#[derive(Debug)]
pub(super) struct Spelled {
    letters: [u8; MOST],
    length: usize,
    groups: u8,
    spelling: Spelling,
    has_spaces: bool,
    has_lower: bool,
    has_upper: bool,
}

impl Default for Spelled {
    fn default() -> Self {
        Self {
            letters: [0; MOST],
            length: 0,
            groups: 0,
            spelling: Spelling::default(),
            has_spaces: false,
            has_lower: false,
            has_upper: false,
        }
    }
}

impl Spelled {
    /// Takes one word more, with the separator before it, and moves the end behind it; false where there is none, or it
    /// would be too much.
    pub(super) fn push(&mut self, text: &[u8], end: &mut usize) -> bool {
        let separator = if self.groups == 0 { None } else { code(at(text, *end)) };
        if self.groups == MOST_GROUPS || (self.groups > 0 && separator.is_none()) {
            return false;
        }
        let start = *end + usize::from(separator.is_some());
        // One byte more than there is room for, to see that a word is too long; no more of it is read.
        let window = text.get(..text.len().min(start + MOST + 1)).unwrap_or(text);
        let word_end = run_end(window, start, |byte| byte.is_ascii_alphanumeric());
        let word = window.get(start..word_end).unwrap_or_default();
        let Some(room) = self.letters.get_mut(self.length..self.length + word.len()) else { return false };
        if word.is_empty() {
            return false;
        }
        for (letter, byte) in room.iter_mut().zip(word) {
            *letter = byte.to_ascii_uppercase();
            self.has_lower |= byte.is_ascii_lowercase();
            self.has_upper |= byte.is_ascii_uppercase();
        }
        self.length += word.len();
        self.groups += 1;
        self.has_spaces |= separator == code(b' ');
        self.spelling = self.spelling.and(separator.unwrap_or_default(), word.len());
        *end = word_end;
        true
    }

    /// Letters and digits, in upper case; none where both cases are mixed, which nobody does who writes down a number.
    pub(super) fn letters(&self) -> Option<&[u8]> {
        if self.has_lower && self.has_upper { None } else { self.letters.get(..self.length) }
    }

    pub(super) fn spelling(&self) -> Spelling {
        self.spelling
    }

    pub(super) fn has_spaces(&self) -> bool {
        self.has_spaces
    }
}

#[cfg(test)]
mod tests {
    use super::{Spelled, Spelling};

    #[test]
    fn what_is_read_has_the_spelling_that_a_pattern_of_it_has() {
        for (text, pattern) in [
            ("078-05-1123", "###-##-####"),
            ("529.982.247-25", "###.###.###-##"),
            ("4111 1111 1111 1111", "#### #### #### ####"),
            ("AL47212110090000000235698741", "############################"),
        ] {
            let mut spelled = Spelled::default();
            let mut end = 0;
            while spelled.push(text.as_bytes(), &mut end) {}
            assert_eq!((spelled.spelling(), spelled.letters().unwrap().len()), Spelling::of(pattern), "{text}");
            assert_eq!(end, text.len());
        }
        assert_ne!(Spelling::of("###-##-####"), Spelling::of("### ## ####"));
        assert_eq!(Spelling::of("#### #### ##").0, Spelling::fours(10, b' '));
    }

    #[test]
    fn words_that_are_too_many_or_too_long_are_not_read() {
        let mut spelled = Spelled::default();
        assert!(!spelled.push(&[b'1'; 35], &mut 0));
        assert!(spelled.push(&[b'1'; 34], &mut 0));
        let mut spelled = Spelled::default();
        let mut end = 0;
        while spelled.push(b"1 2 3 4 5 6 7 8 9 10", &mut end) {}
        assert_eq!(end, "1 2 3 4 5 6 7 8 9".len());
    }
}
