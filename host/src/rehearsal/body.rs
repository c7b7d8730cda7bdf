//! Bodies as a file shows them: text as it is; what is no plain text, or ends in another way, by a line that says so.

use std::fs::File;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::lines::{ELSEWHERE, ESCAPE, Faults, Line, is_mistakable};
use crate::content::Digest;

const BASE64: &str = "base64:";
/// Longest body that is shown; of longer ones the digest.
const LONGEST_SHOWN: usize = 16 << 10;
/// Longest body that is read from another file.
const LONGEST_FILE: u64 = 16 << 20;

/// The body that some lines are. Empty ones at the end are there for the eye; one that is meant ends in a line with
/// nothing but `\`.
pub(super) fn read(lines: &[Line<'_>], key: &str, faults: &mut Faults) -> Bytes {
    let end = lines.iter().rposition(|line| !line.text.is_empty()).map_or(0, |last| last + 1);
    let lines = lines.get(..end).unwrap_or_default();
    if let Some(elsewhere) = lines.first().and_then(|first| first.text.strip_prefix(ELSEWHERE)) {
        let number = lines.first().map_or(0, |first| first.number);
        if lines.len() > 1 {
            faults.add(
                number + 1,
                key,
                "follows a body that is said elsewhere",
                "remove it, or write `\\` before the `<`",
            );
        }
        return fetch(elsewhere.trim(), number, key, faults);
    }
    let plain = |line: &Line<'_>| line.text.strip_prefix(ESCAPE).unwrap_or(line.text).to_owned();
    lines.iter().map(plain).collect::<Vec<_>>().join("\n").into()
}

fn fetch(elsewhere: &str, line: usize, key: &str, faults: &mut Faults) -> Bytes {
    if let Some(encoded) = elsewhere.strip_prefix(BASE64) {
        let decoded = STANDARD.decode(encoded.trim());
        let wrong = |error| faults.add(line, key, format!("is no Base64: {error}"), "encode it with `base64 -w0 FILE`");
        return decoded.map_err(wrong).unwrap_or_default().into();
    }
    let path = faults.folder().join(elsewhere);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let advice = "name a file as seen from this one, or write `\\` before the `<` to mean the line itself";
        faults.add(line, key, format!("{} cannot be read: {error}", path.display()), advice);
    } else if bytes.len() as u64 > LONGEST_FILE {
        faults.add(line, key, format!("{} is longer than 16 MiB", path.display()), "play a shorter body");
    }
    bytes.into()
}

/// The lines that show a body.
pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.len() > LONGEST_SHOWN {
        return format!("{ELSEWHERE}{}, {} bytes\n", Digest::of(bytes), bytes.len());
    }
    let plain = |text: &&str| !text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t');
    let Some(text) = std::str::from_utf8(bytes).ok().filter(plain) else {
        return format!("{ELSEWHERE}{BASE64}{}\n", STANDARD.encode(bytes));
    };
    if text.is_empty() {
        return String::new();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for line in text.split('\n') {
        if is_mistakable(line) {
            shown.push(ESCAPE);
        }
        shown.push_str(line);
        shown.push('\n');
    }
    if text.ends_with('\n') {
        shown.pop();
        shown.push(ESCAPE);
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::lines::lines;
    use super::*;

    fn back(text: &str) -> Bytes {
        let mut faults = Faults::of(Path::new("a.http"));
        let body = read(&lines(text), "request", &mut faults);
        assert!(faults.found.is_empty(), "{:?}", faults.found);
        body
    }

    #[test]
    fn text_is_shown_as_it_is_and_its_end_is_told() {
        assert_eq!(shown(b"{}"), "{}\n");
        assert_eq!(shown(b"a\nb\n"), "a\nb\n\\\n");
        assert_eq!(shown(b"### a\n--- b\n>>> c\n\\d\n< e"), "\\### a\n\\--- b\n\\>>> c\n\\\\d\n\\< e\n");
        assert_eq!(shown(b"<html>"), "<html>\n");
        assert_eq!(shown(b"a\r\n"), "< base64:YQ0K\n");
        assert_eq!(back("a\n\n\n"), "a");
        assert!(shown(&[b'a'; LONGEST_SHOWN + 1]).ends_with(", 16385 bytes\n"));
    }

    #[test]
    fn a_body_can_be_another_file_and_what_is_none_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b"), b"\0\r\n").unwrap();
        let file = folder.path().join("a.http");
        let mut faults = Faults::of(&file);
        assert_eq!(read(&lines("< b\n"), "request", &mut faults), b"\0\r\n"[..]);
        assert!(faults.found.is_empty());
        for text in ["< c", "< base64:?", "< b\nmore", "< ."] {
            read(&lines(text), "request", &mut faults);
        }
        assert_eq!(faults.found.len(), 4, "{:?}", faults.found);
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_back(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            assert_eq!(back(&shown(&bytes)), bytes);
        }

        #[test]
        fn text_is_read_back_whatever_it_looks_like(text in "([#<>\\\\-]{0,4} ?[a-z]?\n?){0,12}") {
            assert_eq!(back(&shown(text.as_bytes())), text);
        }
    }
}
