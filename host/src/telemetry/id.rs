//! What a request is called wherever it is spoken of.

use std::fmt;
use std::sync::Arc;

/// The name of one request in answers, logs and facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestId {
    /// The gateway's own.
    Number(u64),
    /// What it came with.
    Given(Arc<str>),
}

impl RequestId {
    /// Longest name taken over.
    const MAX: usize = 64;

    /// The name a request came with, if it can stand in any log and field: at most 64 letters, digits and `-_.:+/=`.
    pub(crate) fn given(text: &[u8]) -> Option<Self> {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
        let text = std::str::from_utf8(text).ok()?;
        let short = (1..=Self::MAX).contains(&text.len()) && text.as_bytes().iter().all(fits);
        short.then(|| Self::Given(text.into()))
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number:016x}"),
            Self::Given(text) => out.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_over_only_where_it_can_stand_anywhere() {
        assert_eq!(RequestId::Number(0xa1).to_string(), "00000000000000a1");
        let long = "a".repeat(RequestId::MAX);
        for name in ["1", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "aGk+/=", "lb1:4711_2.3", &long] {
            assert_eq!(RequestId::given(name.as_bytes()).unwrap().to_string(), name);
        }
        for name in ["", "a b", "a\"b", "a;b", "<a>", "\u{e4}", &format!("{long}a")] {
            assert_eq!(RequestId::given(name.as_bytes()), None, "{name}");
        }
        assert_eq!(RequestId::given(b"\xff"), None);
    }
}
