//! JSON Pointers (RFC 6901).

use super::items::{ENDLESS, Items};
use super::{PathError, Segment, Selector};

pub(super) fn parse(text: &str) -> Result<Vec<Segment>, PathError> {
    let mut tokens = text.split('/');
    if tokens.next().is_some_and(|first| !first.is_empty()) {
        return Err(PathError::Invalid { at: 0, reason: "a JSON Pointer is empty or begins with /" });
    }
    let mut at = 0;
    let mut segments = Vec::new();
    for token in tokens {
        at += 1;
        segments.push(segment(token, at)?);
        at += token.len();
    }
    Ok(segments)
}

fn segment(token: &str, at: usize) -> Result<Segment, PathError> {
    let mut selectors = vec![Selector::Member(unescaped(token, at)?.into())];
    if let Some(index) = index(token) {
        selectors.push(Selector::Items(Items { start: index, end: index + 1, step: 1 }));
    }
    Ok(Segment { descends: false, selectors })
}

fn unescaped(token: &str, at: usize) -> Result<String, PathError> {
    let mut name = String::with_capacity(token.len());
    let mut chars = token.char_indices();
    while let Some((offset, c)) = chars.next() {
        name.push(match c {
            '~' => match chars.next() {
                Some((_, '0')) => '~',
                Some((_, '1')) => '/',
                _ => {
                    return Err(PathError::Invalid { at: at + offset, reason: "after ~ comes 0, for ~, or 1, for /" });
                }
            },
            c => c,
        });
    }
    Ok(name)
}

/// The index that a token is, written in the one way that RFC 6901 section 4 knows.
fn index(token: &str) -> Option<u32> {
    let is_canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|index| is_canonical && *index < ENDLESS)
}
