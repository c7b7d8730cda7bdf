//! Strings (RFC 8259 section 7): plain characters by words and blocks, escapes one by one.

use super::{splat, utf8, word};

/// How a string, or a part of one, ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// At the quotation mark.
    Closed {
        /// Whether there are escapes before it.
        has_escapes: bool,
        /// Whether there are other characters than ASCII before it, which have not been held against UTF-8.
        is_wide: bool,
    },
    /// With the bytes, or before an escape that is cut.
    Open {
        /// Whether there are other characters than ASCII.
        is_wide: bool,
    },
    /// At a byte that cannot stand in a string.
    Bad,
}

/// Read on in a string, from `at`, and say where and how that ended.
#[inline]
pub(crate) fn text(bytes: &[u8], mut at: usize) -> (usize, Ended) {
    let mut high = 0;
    let mut has_escapes = false;
    loop {
        at = plain(bytes, at, &mut high);
        let is_wide = high != 0;
        match bytes.get(at) {
            Some(b'"') => return (at, Ended::Closed { has_escapes, is_wide }),
            Some(b'\\') => match escape(bytes, at) {
                Escape::Whole(end) => at = end,
                Escape::Cut => return (at, Ended::Open { is_wide }),
                Escape::Bad(bad) => return (bad, Ended::Bad),
            },
            Some(_) => return (at, Ended::Bad),
            None => return (at, Ended::Open { is_wide }),
        }
        has_escapes = true;
    }
}

/// Hold a part of a string against UTF-8 that [`text`] found to be wide: the offset up to which it is, which is short of
/// its end where a character is cut.
pub(crate) fn wide(bytes: &[u8], from: usize, to: usize, may_follow: bool) -> Result<usize, usize> {
    let part = bytes.get(from..to).unwrap_or_default();
    utf8(part, may_follow).map(|length| from + length).map_err(|length| from + length)
}

const BLOCK: usize = 32;
const HIGH: u64 = splat(0x80);

/// Where the run of plain characters ends; bits in `high` are set for those beyond ASCII.
#[inline(always)]
fn plain(bytes: &[u8], mut at: usize, high: &mut u64) -> usize {
    // Most names and many texts end within two words, and a block costs more than these.
    let mut words = 0;
    while let Some(word) = word(bytes, at) {
        let stops = stops(word);
        let before = (stops & stops.wrapping_neg()).wrapping_sub(1);
        *high |= word & HIGH & before;
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += 8;
        words += 1;
        if words == 2 {
            at = blocks(bytes, at, high);
        }
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            break;
        }
        *high |= u64::from(byte & 0x80);
        at += 1;
    }
    at
}

/// The high bit of each byte that is no plain character. Above the first of them others may be set too, since
/// subtractions borrow.
#[inline(always)]
fn stops(word: u64) -> u64 {
    let quotes = (word ^ splat(b'"')).wrapping_sub(splat(1));
    let escapes = (word ^ splat(b'\\')).wrapping_sub(splat(1));
    let controls = word.wrapping_sub(splat(0x20));
    (quotes | escapes | controls) & !word & HIGH
}

/// Go on by blocks of plain characters. The loops over a block have no branches, so that they become vector instructions.
fn blocks(bytes: &[u8], mut at: usize, high: &mut u64) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let stops = block
            .iter()
            .fold(0, |stops, byte| stops | u8::from(*byte == b'"') | u8::from(*byte == b'\\') | u8::from(*byte < 0x20));
        if stops != 0 {
            break;
        }
        let bits = block.iter().fold(0, |bits, byte| bits | byte);
        *high |= u64::from(bits & 0x80);
        at += BLOCK;
    }
    at
}

enum Escape {
    Whole(usize),
    Cut,
    Bad(usize),
}

fn escape(bytes: &[u8], at: usize) -> Escape {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Escape::Whole(at + 2),
        Some(b'u') => {
            let digits = bytes.iter().skip(at + 2).take(4);
            match digits.clone().take_while(|digit| digit.is_ascii_hexdigit()).count() {
                4 => Escape::Whole(at + 6),
                some if some == digits.len() => Escape::Cut,
                some => Escape::Bad(at + 2 + some),
            }
        }
        Some(_) => Escape::Bad(at + 1),
        None => Escape::Cut,
    }
}
