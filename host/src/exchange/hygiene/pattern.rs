//! Names of header fields, and beginnings of them, compared as servers do that read `_` and `-` as one.

use http::HeaderName;

/// A name, or the beginning of names.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Folded.
    text: Box<[u8]>,
    prefix: bool,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let (name, prefix) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok_and(|parsed| parsed == name);
        if !is_name || name.contains('*') || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(BadPattern(text.to_owned()));
        }
        Ok(Self { text: name.bytes().map(fold).collect(), prefix })
    }

    /// What each name it covers begins with.
    pub(super) fn first_byte(&self) -> Option<u8> {
        self.text.first().copied()
    }

    /// Whether it covers a name, or its twin with `_`.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        if self.prefix {
            name.get(..self.text.len()).is_some_and(|begin| folds_to(begin, &self.text))
        } else {
            folds_to(name, &self.text)
        }
    }
}

/// Not a lower-case field name or beginning of one followed by `*`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a header name in lower case, nor a prefix followed by `*`")]
pub(crate) struct BadPattern(pub(super) String);

/// The byte most servers take it for when they make variable names out of field names.
pub(super) const fn fold(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

pub(super) fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    name.len() == folded.len() && name.iter().zip(folded).all(|(&byte, &expected)| fold(byte) == expected)
}
