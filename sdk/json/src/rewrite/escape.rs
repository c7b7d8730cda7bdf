//! Escapes in strings (RFC 8259 section 7), undone and made.

/// Undo the escapes of a string that is known to be well formed, over what `out` held. A surrogate without its other half
/// becomes U+FFFD.
pub(crate) fn undo<'a>(raw: &str, out: &'a mut String) -> &'a str {
    out.clear();
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut letters = escaped.chars();
        let letter = letters.next().unwrap_or_default();
        rest = letters.as_str();
        out.push(match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => character(&mut rest),
            itself => itself,
        });
    }
    out.push_str(rest);
    out
}

/// Write a text as a string.
pub(crate) fn write(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x8 => b'b',
            0xc => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(text.as_bytes().get(plain..at).unwrap_or_default());
        plain = at + 1;
        out.extend([b'\\', letter]);
        if letter == b'u' {
            out.extend(format!("{byte:04x}").bytes());
        }
    }
    out.extend_from_slice(text.as_bytes().get(plain..).unwrap_or_default());
    out.push(b'"');
}

/// The character that digits, and perhaps a second escape, stand for.
fn character(rest: &mut &str) -> char {
    let unit = digits(rest);
    if let Some(character) = char::from_u32(unit) {
        return character;
    }
    if let (0xd800..0xdc00, Some(mut second)) = (unit, rest.strip_prefix("\\u"))
        && let low @ 0xdc00..0xe000 = digits(&mut second)
    {
        *rest = second;
        return char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or_default();
    }
    char::REPLACEMENT_CHARACTER
}

fn digits(rest: &mut &str) -> u32 {
    let (digits, behind) = rest.split_at_checked(4).unwrap_or((rest, ""));
    *rest = behind;
    u32::from_str_radix(digits, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn undone(raw: &str) -> String {
        undo(raw, &mut "before".to_owned()).to_owned()
    }

    #[test]
    fn a_surrogate_without_its_other_half_is_no_character() {
        assert_eq!(undone(r"\ud83d\ude00"), "😀");
        assert_eq!(undone(r"\ud83d"), "\u{fffd}");
        assert_eq!(undone(r"\ude00\ud83d"), "\u{fffd}\u{fffd}");
        assert_eq!(undone(r"\ud83d\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(undone(r"\ud83d\u0041"), "\u{fffd}A");
        assert_eq!(undone(r"\ud83dx"), "\u{fffd}x");
    }

    #[test]
    fn every_escape_is_undone() {
        assert_eq!(undone(r#"\"\\\/\b\f\n\r\t\u0065\u00E9"#), "\"\\/\u{8}\u{c}\n\r\teé");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_it_was(text in "[\\PC\u{0}-\u{1f}\"\\\\]{0,40}") {
            let mut out = Vec::new();
            write(&text, &mut out);
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(&read, &text);
            let raw = std::str::from_utf8(&out[1..out.len() - 1]).unwrap();
            prop_assert_eq!(undone(raw), text);
        }
    }
}
