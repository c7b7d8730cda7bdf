//! E-mail addresses: dot-atoms of RFC 5321 with a host name of at least two labels, international ones (RFC 6531) too.
//!
//! Of the local part's characters those are left out that in texts stand between things rather than in an address:
//! `= & ? / # | { }` and the like. Quoted local parts and address literals are not read.

use super::bytes::at;
use super::{Found, Kind};

/// Finds addresses around each `@`.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for sign in memchr::memchr_iter(b'@', bytes) {
        if let Some(start) = local_start(text, done, sign)
            && let Some(end) = domain_end(text, sign + 1)
        {
            found.push(Found { kind: Kind::Email, start, end });
            done = end;
        }
    }
}

/// Where the local part before the sign begins, not before what is taken already.
fn local_start(text: &str, done: usize, sign: usize) -> Option<usize> {
    let before_sign = text.get(done..sign)?;
    let local = before_sign.chars().rev().take_while(|letter| is_local(*letter)).map(char::len_utf8).sum::<usize>();
    let local = before_sign.get(before_sign.len() - local..)?;
    // What opens a quotation or ends a sentence does not begin an address.
    let trimmed = local.trim_start_matches(['.', '\'', '-', '~', '%']);
    let is_dotted_well = !trimmed.is_empty() && !trimmed.ends_with('.') && !trimmed.contains("..");
    is_dotted_well.then(|| sign - trimmed.len())
}

fn is_local(letter: char) -> bool {
    match letter {
        '.' | '_' | '+' | '-' | '\'' | '%' | '~' => true,
        _ => letter.is_alphanumeric(),
    }
}

/// Where the host name ends that begins at a place.
fn domain_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    // `logo@2x.png` is an image for fine screens.
    if at(bytes, start).is_ascii_digit() && at(bytes, start + 1) == b'x' && at(bytes, start + 2) == b'.' {
        return None;
    }
    let mut end = None;
    let mut place = start;
    loop {
        let label = label(text.get(place..)?);
        place += label.len();
        if label.is_empty() {
            break;
        }
        let is_first = place - label.len() == start;
        if !is_first && is_top(label) {
            end = Some(place);
        }
        if at(bytes, place) != b'.' {
            break;
        }
        place += 1;
    }
    end
}

/// The label that a text begins with; empty where it has none.
fn label(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '-').unwrap_or(text.len());
    let label = text.get(..end).unwrap_or_default().trim_end_matches('-');
    if label.len() > 63 || label.starts_with('-') { "" } else { label }
}

/// A name that top level domains can have: letters, or what such letters become in ASCII.
fn is_top(label: &str) -> bool {
    label.len() >= 2 && (label.starts_with("xn--") || label.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use crate::detect::{Kind, testing::spans};

    fn addresses(text: &str) -> Vec<&str> {
        spans(&[Kind::Email], text)
    }

    #[test]
    fn addresses_are_found_in_what_stands_around_them() {
        for (text, address) in [
            ("jane@example.com", "jane@example.com"),
            ("write to jane.doe+news@mail.example.co.uk.", "jane.doe+news@mail.example.co.uk"),
            ("Jane <jane_doe@example.com>", "jane_doe@example.com"),
            ("'jane@example.com'", "jane@example.com"),
            ("o'brien@example.ie", "o'brien@example.ie"),
            ("mailto:jane@example.com?subject=x", "jane@example.com"),
            ("user=jane@example.com&x=1", "jane@example.com"),
            ("müller@bücher.example", "müller@bücher.example"),
            ("jane@xn--bcher-kva.xn--p1ai", "jane@xn--bcher-kva.xn--p1ai"),
            ("jane@example.com, and", "jane@example.com"),
            ("jane@example.com-", "jane@example.com"),
            ("...jane@example.com", "jane@example.com"),
        ] {
            assert_eq!(addresses(text), [address], "{text}");
        }
        assert_eq!(addresses("a@b.example,c@d.example"), ["a@b.example", "c@d.example"]);
    }

    #[test]
    fn other_uses_of_the_sign_are_none() {
        for text in [
            "@jane",
            "jane@",
            "jane@localhost",
            "jane@.example.com",
            "lodash@4.17.21",
            "logo@2x.png",
            "a @ b.com",
            "jane@-x.com",
            "jane.@example.com",
            "ja..ne@example.com",
            "jane@example.c",
            "jane@example.4com",
            "jane@@example.com",
        ] {
            assert_eq!(addresses(text), Vec::<&str>::new(), "{text}");
        }
    }
}
