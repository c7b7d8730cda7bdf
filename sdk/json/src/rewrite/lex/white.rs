//! White space (RFC 8259 section 2).

use super::{splat, word};

/// Where the white space that begins at `at` ends.
#[inline(always)]
pub(crate) fn white(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(byte @ ..=b' ') => match bytes.get(at + 1) {
            Some(b'!'..) if is_white(*byte) => at + 1,
            _ => run(bytes, at),
        },
        _ => at,
    }
}

/// What is indented is a line end and then spaces, which are counted by words.
fn run(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_white(*byte)) {
        at += 1;
        while let Some(word) = word(bytes, at) {
            let others = word ^ splat(b' ');
            if others != 0 {
                at += others.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
    }
    at
}

#[inline(always)]
fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_every_kind_and_length_end_where_something_else_begins() {
        for unit in [" ", "\n", "\t", "\r\n", "\n    ", "\n         "] {
            for times in 0..12 {
                for (before, behind) in [("", ""), ("x", "x"), ("x", "\u{b}"), ("", "\0yyyyyyyyyyyy")] {
                    let run = unit.repeat(times);
                    let text = format!("{before}{run}{behind}");
                    assert_eq!(white(text.as_bytes(), before.len()), before.len() + run.len(), "{text:?}");
                }
            }
        }
    }
}
