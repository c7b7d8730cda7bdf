//! `true`, `false` and `null` (RFC 8259 section 3).

/// What stands where a literal is to begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// A literal of this many bytes.
    Whole(usize),
    /// The beginning of one, and then the end of the bytes.
    Cut,
    /// None; this many bytes still looked like one.
    None(usize),
}

/// Read the literal at `at`.
pub(crate) fn literal(bytes: &[u8], at: usize) -> Literal {
    let rest = bytes.get(at..).unwrap_or_default();
    let expected: &[u8] = match rest.first() {
        Some(b't') if rest.starts_with(b"true") => return Literal::Whole(4),
        Some(b'n') if rest.starts_with(b"null") => return Literal::Whole(4),
        Some(b'f') if rest.starts_with(b"false") => return Literal::Whole(5),
        Some(b't') => b"true",
        Some(b'f') => b"false",
        Some(b'n') => b"null",
        _ => return Literal::None(0),
    };
    match rest.iter().zip(expected).take_while(|(byte, expected)| byte == expected).count() {
        same if same == rest.len() => Literal::Cut,
        same => Literal::None(same),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_whole_cut_or_none() {
        for whole in ["true", "false", "null"] {
            assert_eq!(literal(whole.as_bytes(), 0), Literal::Whole(whole.len()));
            for cut in 1..whole.len() {
                assert_eq!(literal(&whole.as_bytes()[..cut], 0), Literal::Cut, "{cut} of {whole}");
                let wrong = format!("{}x", &whole[..cut]);
                assert_eq!(literal(wrong.as_bytes(), 0), Literal::None(cut), "{wrong}");
            }
        }
        assert_eq!(literal(b"[nullx", 1), Literal::Whole(4));
        assert_eq!(literal(b"True", 0), Literal::None(0));
    }
}
