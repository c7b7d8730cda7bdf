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

use super::bytes::{at, before, is_alphanumeric, run_end, run_start};
use super::{Found, Kind, Kinds};
use spelling::{Beginnings, Spelled, Spelling};

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
    beginnings: Beginnings,
    phone: bool,
    iban: bool,
    address: bool,
    shortest: usize,
}

impl Numbers {
    /// Those of the kinds.
    pub(super) fn new(kinds: Kinds) -> Self {
        let mut rows = [const { Vec::new() }; spelling::MOST + 1];
        let mut beginnings = Beginnings::default();
        let all = national::NUMBERS.iter().copied().chain([card::NUMBERS, phone::NUMBERS]).flatten();
        for number in all.filter(|number| kinds.contains(number.kind)) {
            for text in number.spellings {
                let (spelling, length) = Spelling::of(text);
                beginnings.add(text);
                if let Some(rows) = rows.get_mut(length) {
                    rows.push(Row { spelling, kind: number.kind, is: number.is });
                }
            }
        }
        if kinds.contains(Kind::Iban) {
            iban::begin(&mut beginnings);
        }
        let (phone, iban, address) =
            (kinds.contains(Kind::Phone), kinds.contains(Kind::Iban), kinds.contains(Kind::IpAddress));
        let spelled = rows.iter().position(|rows| !rows.is_empty());
        let others = [(phone, phone::FEWEST), (iban, iban::FEWEST), (address, ipv4::FEWEST)];
        let others = others.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, fewest)| fewest);
        let shortest = others.chain(spelled).min().unwrap_or(usize::MAX);
        Self { rows, beginnings, phone, iban, address, shortest }
    }

    /// Fewest bytes of any of them; of none, the most there can be.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Finds them.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Found>) {
        let mut place = 0;
        while let Some(digit) = next_digit(text, place) {
            let start = run_start(text, digit, is_alphanumeric);
            let end = run_end(text, digit, is_alphanumeric);
            place = end;
            found.extend(self.at(text, start, end).into_iter().flatten());
        }
    }

    /// All that begin with a word: what overlaps is joined by whoever knows which of them matters more.
    fn at(&self, text: &[u8], start: usize, end: usize) -> [Option<Found>; 3] {
        let phone = if self.phone { phone::find(text, start) } else { None };
        let address = if self.address { ipv4::find(text, start, end) } else { None };
        let may_begin = self.beginnings.may_begin(end - start, at(text, end));
        let number = if may_begin { self.spelled(text, start) } else { None };
        [phone, address, number.or_else(|| self.behind_letters(text, start))]
    }

    /// The number that begins with a word, in its longest spelling.
    fn spelled(&self, text: &[u8], start: usize) -> Option<Found> {
        if !may_begin(text, start) {
            return None;
        }
        let mut spelled = Spelled::new(text, start);
        let mut best = None;
        while spelled.push() {
            best = self.kind(&spelled).map(|kind| Found { kind, start, end: spelled.end() }).or(best);
            if !self.beginnings.go_on(&spelled) {
                break;
            }
        }
        best
    }

    /// The number that begins with one letter or two, set apart from the word: `QQ 12 34 56 C`, `X-1234567-L`.
    fn behind_letters(&self, text: &[u8], start: usize) -> Option<Found> {
        let separator = start.checked_sub(1).filter(|place| matches!(at(text, *place), b' ' | b'-'))?;
        if !before(text, separator).is_ascii_alphabetic() {
            return None;
        }
        let start = run_start(text, separator, |byte| byte.is_ascii_alphabetic());
        let are_letters = (1..=2).contains(&(separator - start)) && !before(text, start).is_ascii_digit();
        are_letters.then(|| self.spelled(text, start)).flatten()
    }

    /// What words are together, if nothing beside them speaks against it.
    fn kind(&self, spelled: &Spelled<'_>) -> Option<Kind> {
        let of_length = self.rows.get(spelled.length())?.iter();
        let mut rows = of_length.filter(|row| row.spelling == spelled.spelling()).peekable();
        let may_be_iban = self.iban && iban::is_spelled(spelled);
        if (rows.peek().is_none() && !may_be_iban) || !may_end(spelled) {
            return None;
        }
        let letters = spelled.letters()?;
        let letters = letters.get();
        // A digit again and again fills a place where a number belongs, and has the check digit of many.
        if letters.iter().all(|letter| Some(letter) == letters.first()) {
            return None;
        }
        let row = rows.find(|row| (row.is)(letters)).map(|row| row.kind);
        row.or_else(|| (may_be_iban && iban::is(letters)).then_some(Kind::Iban))
    }
}

/// Whether a number may begin where a word does: not in the middle of a longer name, number or group of groups.
fn may_begin(text: &[u8], start: usize) -> bool {
    match before(text, start) {
        b'_' | b'+' => false,
        b'-' => !is_alphanumeric(before(text, start - 1)),
        b'.' => !before(text, start - 1).is_ascii_digit(),
        _ => true,
    }
}

/// Whether a number may end where these words do: not in the middle of something longer, and not in a list of numbers that
/// spaces are between. What is long enough can be told from one.
fn may_end(spelled: &Spelled<'_>) -> bool {
    let (text, end) = (spelled.text(), spelled.end());
    let is_listed = || {
        let follows = before(text, spelled.start()) == b' ' && before(text, spelled.start() - 1).is_ascii_digit();
        let goes_on = at(text, end) == b' ' && at(text, end + 1).is_ascii_digit();
        follows || goes_on
    };
    let goes_on = match at(text, end) {
        b'_' => true,
        b'-' => is_alphanumeric(at(text, end + 1)),
        b'.' => at(text, end + 1).is_ascii_digit(),
        _ => false,
    };
    !goes_on && (!spelled.has_spaces() || spelled.length() >= 14 || !is_listed())
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
