//! How letters and digits are grouped: the lengths of words and the separators between them.

use crate::detect::bytes::{at, is_alphanumeric, run_end};

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

/// How all spellings begin that are looked for, so that of other words little is read.
#[derive(Debug)]
pub(super) struct Beginnings {
    /// Lengths of words that are all of a number, a bit for each.
    alone: u32,
    /// Lengths of words that more follow.
    first: u32,
    /// Spellings of the first two words, packed in twelve bits, a bit for each.
    two: [u64; 64],
}

impl Default for Beginnings {
    fn default() -> Self {
        Self { alone: 0, first: 0, two: [0; 64] }
    }
}

impl Beginnings {
    /// Takes a spelling into account.
    pub(super) fn add(&mut self, text: &str) {
        let mut ends = text.bytes().enumerate().filter(|(_, byte)| code(*byte).is_some()).map(|(at, _)| at);
        let Some(first) = ends.next() else {
            self.alone |= 1 << text.len().min(31);
            return;
        };
        self.first |= 1 << first.min(31);
        let (Spelling(two), _) = Spelling::of(text.get(..ends.next().unwrap_or(text.len())).unwrap_or_default());
        if let Some(bits) = self.two.get_mut((two >> 6) as usize) {
            *bits |= 1 << (two & 63);
        }
    }

    /// Whether a number may begin with a word of this length, which this byte follows.
    pub(super) fn may_begin(&self, length: usize, next: u8) -> bool {
        let more = if code(next).is_some() { self.first } else { 0 };
        (self.alone | more) >> length.min(31) & 1 != 0
    }

    /// Whether a number may begin with these words and have more of them.
    pub(super) fn go_on(&self, spelled: &Spelled<'_>) -> bool {
        let packed = spelled.spelling.0;
        match spelled.groups {
            2 => self.two.get((packed >> 6) as usize).is_some_and(|bits| bits >> (packed & 63) & 1 != 0),
            _ => true,
        }
    }
}

/// Words as far as they were read.
#[derive(Debug)]
pub(super) struct Spelled<'t> {
    text: &'t [u8],
    start: usize,
    end: usize,
    groups: u8,
    length: usize,
    spelling: Spelling,
    has_spaces: bool,
}

impl<'t> Spelled<'t> {
    /// No words yet, at a place where one begins.
    pub(super) fn new(text: &'t [u8], start: usize) -> Self {
        Self { text, start, end: start, groups: 0, length: 0, spelling: Spelling::default(), has_spaces: false }
    }

    /// Takes one word more, with the separator before it; false where there is none, or it would be too much.
    pub(super) fn push(&mut self) -> bool {
        let separator = match self.groups {
            0 => 0,
            MOST_GROUPS.. => return false,
            _ => match code(at(self.text, self.end)) {
                Some(separator) => separator,
                None => return false,
            },
        };
        let start = self.end + usize::from(separator != 0);
        // One byte more than there is room for, to see that a word is too long; no more of it is read.
        let window = self.text.get(..self.text.len().min(start + MOST + 1)).unwrap_or(self.text);
        let end = run_end(window, start, is_alphanumeric);
        let length = end - start;
        if length == 0 || self.length + length > MOST {
            return false;
        }
        self.end = end;
        self.groups += 1;
        self.length += length;
        self.has_spaces |= Some(separator) == code(b' ');
        self.spelling = self.spelling.and(separator, length);
        true
    }

    /// The text that the words are in.
    pub(super) fn text(&self) -> &'t [u8] {
        self.text
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// The number of letters and digits.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    pub(super) fn spelling(&self) -> Spelling {
        self.spelling
    }

    pub(super) fn has_spaces(&self) -> bool {
        self.has_spaces
    }

    /// Letters and digits, in upper case; none where both cases are mixed, which nobody does who writes down a number.
    pub(super) fn letters(&self) -> Option<Letters> {
        let spelled = self.text.get(self.start..self.end)?;
        let is_mixed = spelled.iter().any(u8::is_ascii_lowercase) && spelled.iter().any(u8::is_ascii_uppercase);
        let mut letters = Letters { bytes: [0; MOST], length: self.length };
        let given = spelled.iter().filter(|byte| is_alphanumeric(**byte));
        for (letter, byte) in letters.bytes.iter_mut().zip(given) {
            *letter = byte.to_ascii_uppercase();
        }
        (!is_mixed).then_some(letters)
    }
}

/// Letters and digits without what separates them.
pub(super) struct Letters {
    bytes: [u8; MOST],
    length: usize,
}

impl Letters {
    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Spelled, Spelling};

    fn spelled(text: &str) -> Spelled<'_> {
        let mut spelled = Spelled::new(text.as_bytes(), 0);
        while spelled.push() {}
        spelled
    }

    #[test]
    fn what_is_read_has_the_spelling_that_a_pattern_of_it_has() {
        for (text, pattern, letters) in [
            ("078-05-1123", "###-##-####", "078051123"),
            ("529.982.247-25", "###.###.###-##", "52998224725"),
            ("4111 1111 1111 1111", "#### #### #### ####", "4111111111111111"),
            ("12345678z", "#########", "12345678Z"),
        ] {
            let spelled = spelled(text);
            assert_eq!((spelled.spelling(), spelled.length()), Spelling::of(pattern), "{text}");
            assert_eq!(spelled.letters().unwrap().get(), letters.as_bytes());
            assert_eq!(spelled.end(), text.len());
        }
        assert_ne!(Spelling::of("###-##-####"), Spelling::of("### ## ####"));
        assert_eq!(Spelling::of("#### #### ##").0, Spelling::fours(10, b' '));
    }

    #[test]
    fn words_that_are_too_many_or_too_long_are_not_read() {
        assert_eq!(spelled(&"1".repeat(35)).length(), 0);
        assert_eq!(spelled(&"1".repeat(34)).length(), 34);
        assert_eq!(spelled("1 2 3 4 5 6 7 8 9 10").end(), "1 2 3 4 5 6 7 8 9".len());
    }

    #[test]
    fn letters_of_both_cases_are_no_number() {
        assert!(spelled("12345678Z").letters().is_some());
        assert!(spelled("xY345678Z").letters().is_none());
    }
}
