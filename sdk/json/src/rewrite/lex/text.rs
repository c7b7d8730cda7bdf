//! Strings (RFC 8259 section 7): plain characters by words and blocks, escapes one by one.

use super::{splat, word};

/// How a string, or a part of one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// At the quotation mark, with no escape before it.
    Plain,
    /// At the quotation mark, with escapes before it.
    Escaped,
    /// With the bytes, or before an escape that is cut.
    Open,
    /// At a byte that cannot stand in a string.
    Bad,
}

/// Read on in a string of UTF-8, from `at`, and say where and how that ended.
#[inline(always)]
pub(crate) fn text(bytes: &[u8], at: usize) -> (usize, Ended) {
    // Most names and many texts end within two words.
    if let Some(first) = word(bytes, at).map(stops) {
        let mut run = length(first);
        if first == 0 {
            run += word(bytes, at + 8).map_or(0, |second| length(stops(second)));
        }
        if bytes.get(at + run) == Some(&b'"') {
            return (at + run, Ended::Plain);
        }
    }
    long(bytes, at)
}

#[inline(never)]
fn long(bytes: &[u8], mut at: usize) -> (usize, Ended) {
    let mut closed = Ended::Plain;
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return (at, closed),
            Some(b'\\') => match escape(bytes, at) {
                Escape::Whole(end) => at = end,
                Escape::Cut => return (at, Ended::Open),
                Escape::Bad(bad) => return (bad, Ended::Bad),
            },
            Some(_) => return (at, Ended::Bad),
            None => return (at, Ended::Open),
        }
        closed = Ended::Escaped;
    }
}

const BLOCK: usize = 32;
const HIGH: u64 = splat(0x80);

/// Where the run of plain characters ends.
fn plain(bytes: &[u8], mut at: usize) -> usize {
    // Where escapes are near each other, a block is too much.
    if let Some(word) = word(bytes, at) {
        let stops = stops(word);
        if stops != 0 {
            return at + length(stops);
        }
        at += 8;
    }
    // The loop over a block has no branches, so that it becomes vector instructions.
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let stops = block.iter().fold(0, |stops, byte| stops | u8::from(is_stop(*byte)));
        if stops != 0 {
            break;
        }
        at += BLOCK;
    }
    while let Some(word) = word(bytes, at) {
        let stops = stops(word);
        if stops != 0 {
            return at + length(stops);
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !is_stop(*byte)) {
        at += 1;
    }
    at
}

/// Whether a byte is no plain character, nor part of one.
#[inline(always)]
fn is_stop(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
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

/// The number of bytes before the first of which a bit is set, all of them if there is none.
#[inline(always)]
fn length(stops: u64) -> usize {
    stops.trailing_zeros() as usize / 8
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

#[cfg(test)]
mod tests {
    use super::*;

    fn slowly(bytes: &[u8], from: usize) -> usize {
        bytes
            .iter()
            .skip(from)
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
            .map_or(bytes.len(), |run| from + run)
    }

    #[test]
    fn a_run_of_plain_characters_ends_at_the_first_byte_that_is_none_wherever_that_is() {
        for byte in 0..=u8::MAX {
            for before in 0..80 {
                for behind in [0, 3, 40] {
                    let bytes = [&vec![b'x'; before][..], &[byte], &vec![b'"'; behind]].concat();
                    assert_eq!(
                        plain(&bytes, before.min(1)),
                        slowly(&bytes, before.min(1)),
                        "{byte:02x} after {before}"
                    );
                    let is_closed = text(&bytes, 0) == (before, Ended::Plain);
                    assert_eq!(is_closed, byte == b'"', "{byte:02x} after {before}");
                }
            }
        }
    }
}
