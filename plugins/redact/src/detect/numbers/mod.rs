//! Whatever digits are in: each word with a digit is read once, with the words that single separators join to it, and
//! what is spelled so is looked up by its length and grouping before any check digit is computed.

mod card;
mod check;
mod iban;
mod ipv4;
mod national;
mod phone;
mod spelling;
#[cfg(test)]
mod testing;

use super::bytes::{at, before, run_end, run_start};
use super::{Found, Kind, Kinds};
use spelling::{Spelled, Spelling};

/// A kind of number: how it is spelled, `#` standing for a letter or digit, and what makes it one.
struct Number {
    kind: Kind,
    spellings: &'static [&'static str],
    /// Told letters and digits only, in upper case.
    is: fn(&[u8]) -> bool,
}

/// One spelling of a kind of number.
#[derive(Debug)]
struct Row {
    spelling: Spelling,
    kind: Kind,
    is: fn(&[u8]) -> bool,
}

/// Detectors of what has digits.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Spellings by the number of their letters and digits, the surest first.
    rows: [Vec<Row>; spelling::MOST + 1],
    has_rows: bool,
    phone: bool,
    iban: bool,
    address: bool,
}

impl Numbers {
    /// Those of the kinds.
    pub(super) fn new(kinds: Kinds) -> Self {
        let mut rows = [const { Vec::new() }; spelling::MOST + 1];
        let all = national::NUMBERS.iter().copied().chain([card::NUMBERS, phone::NUMBERS]).flatten();
        for number in all.filter(|number| kinds.contains(number.kind)) {
            for text in number.spellings {
                let (spelling, length) = Spelling::of(text);
                if let Some(rows) = rows.get_mut(length) {
                    rows.push(Row { spelling, kind: number.kind, is: number.is });
                }
            }
        }
        Self {
            has_rows: rows.iter().any(|rows| !rows.is_empty()) || kinds.contains(Kind::Iban),
            rows,
            phone: kinds.contains(Kind::Phone),
            iban: kinds.contains(Kind::Iban),
            address: kinds.contains(Kind::IpAddress),
        }
    }

    /// Finds them.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Found>) {
        if !self.has_rows && !self.address {
            return;
        }
        let mut place = 0;
        while let Some(digit) = next_digit(text, place) {
            let start = run_start(text, digit, |byte| byte.is_ascii_alphanumeric());
            if let Some(hit) = self.at(text, start) {
                place = hit.end;
                found.push(hit);
            } else {
                place = run_end(text, digit, |byte| byte.is_ascii_alphanumeric());
            }
        }
    }

    /// The longest that begins with a word.
    fn at(&self, text: &[u8], start: usize) -> Option<Found> {
        let phone = self.phone.then(|| phone::find(text, start)).flatten();
        let address = self.address.then(|| ipv4::find(text, start)).flatten();
        let number =
            self.has_rows.then(|| self.spelled(text, start).or_else(|| self.behind_letters(text, start))).flatten();
        [phone, address, number]
            .into_iter()
            .flatten()
            .reduce(|best, other| if other.len() > best.len() { other } else { best })
    }

    /// The number that begins with a word, in its longest spelling.
    fn spelled(&self, text: &[u8], start: usize) -> Option<Found> {
        if !may_begin(text, start) {
            return None;
        }
        let mut spelled = Spelled::default();
        let mut best = None;
        let mut end = start;
        while spelled.push(text, &mut end) {
            if let Some(kind) =
                self.kind(&spelled).filter(|_| may_end(text, end) && is_apart(text, start, end, &spelled))
            {
                best = Some(Found { kind, start, end });
            }
        }
        best
    }

    /// The number that begins with one letter or two, set apart from the word: `QQ 12 34 56 C`, `X-1234567-L`.
    fn behind_letters(&self, text: &[u8], start: usize) -> Option<Found> {
        let separator = start.checked_sub(1).filter(|place| matches!(at(text, *place), b' ' | b'-'))?;
        let start = run_start(text, separator, |byte| byte.is_ascii_alphabetic());
        let are_letters = (1..=2).contains(&(separator - start)) && !before(text, start).is_ascii_digit();
        are_letters.then(|| self.spelled(text, start)).flatten()
    }

    fn kind(&self, spelled: &Spelled) -> Option<Kind> {
        let letters = spelled.letters()?;
        let mut rows = self.rows.get(letters.len())?.iter().filter(|row| row.spelling == spelled.spelling());
        // A digit again and again fills a place where a number belongs, and has the check digit of many.
        let is_filler = || letters.iter().all(|letter| Some(letter) == letters.first());
        if let Some(row) = rows.find(|row| (row.is)(letters) && !is_filler()) {
            return Some(row.kind);
        }
        (self.iban && iban::is(letters, spelled.spelling())).then_some(Kind::Iban)
    }
}

/// Whether a number may begin where a word does: not in the middle of a longer name, number or group of groups.
fn may_begin(text: &[u8], start: usize) -> bool {
    match before(text, start) {
        b'_' | b'+' => false,
        b'-' => !before(text, start - 1).is_ascii_alphanumeric(),
        b'.' => !before(text, start - 1).is_ascii_digit(),
        _ => true,
    }
}

/// Whether a number may end where a word does.
fn may_end(text: &[u8], end: usize) -> bool {
    match at(text, end) {
        b'_' => false,
        b'-' => !at(text, end + 1).is_ascii_alphanumeric(),
        b'.' => !at(text, end + 1).is_ascii_digit(),
        _ => true,
    }
}

/// Whether what is grouped by spaces is more than a part of a list of numbers. What is long enough can be told from one.
fn is_apart(text: &[u8], start: usize, end: usize, spelled: &Spelled) -> bool {
    if !spelled.has_spaces() || spelled.letters().is_some_and(|letters| letters.len() >= 14) {
        return true;
    }
    let follows = before(text, start) == b' ' && before(text, start - 1).is_ascii_digit();
    let goes_on = at(text, end) == b' ' && at(text, end + 1).is_ascii_digit();
    !follows && !goes_on
}

/// The place of the next digit, from a place on.
fn next_digit(text: &[u8], place: usize) -> Option<usize> {
    let rest = text.get(place..)?;
    // Whole blocks have vector instructions to be looked at with, single bytes have not.
    let blocks = rest.as_chunks::<16>().0.iter();
    let skipped =
        16 * blocks.take_while(|block| !block.iter().fold(false, |any, byte| any | byte.is_ascii_digit())).count();
    let found = rest.get(skipped..)?.iter().position(u8::is_ascii_digit)?;
    Some(place + skipped + found)
}
