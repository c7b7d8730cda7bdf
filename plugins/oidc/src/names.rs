//! What an operator writes about logins, as types that cannot be wrong.

use serde::Deserialize;

/// The name of a service, a key or a store of the gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() { Err("must be a name of `gateway.toml`") } else { Ok(Self(name)) }
    }
}

/// A `client_id` of RFC 6749 appendix A.1.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ClientId(String);

impl ClientId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        if !(1..=256).contains(&id.len()) || !id.bytes().all(is_printable) {
            return Err("must be what the provider knows the gateway by: 1 to 256 letters of printable ASCII");
        }
        Ok(Self(id))
    }
}

/// What the names of cookies begin with, `__Host-` aside; `lockgate` unless something else is said.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CookieName(String);

impl CookieName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CookieName {
    fn default() -> Self {
        Self("lockgate".to_owned())
    }
}

impl TryFrom<String> for CookieName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !(1..=32).contains(&name.len()) || !name.bytes().all(fine) {
            return Err("must be what names of cookies begin with: 1 to 32 letters, digits and `_`");
        }
        Ok(Self(name))
    }
}

/// A time such as `30m`, of at least `LEAST` and at most `MOST` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span<const LEAST: u64, const MOST: u64> {
    seconds: u64,
}

impl<const LEAST: u64, const MOST: u64> Span<LEAST, MOST> {
    /// What is meant where nothing is said, brought within the bounds.
    pub(crate) const fn of(seconds: u64) -> Self {
        let least = if seconds < LEAST { LEAST } else { seconds };
        Self { seconds: if least > MOST { MOST } else { least } }
    }

    pub(crate) const fn seconds(self) -> u64 {
        self.seconds
    }

    pub(crate) const fn ms(self) -> u64 {
        self.seconds * 1000
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<String> for Span<LEAST, MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (number, unit) = text.split_at(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len());
        let unit = match unit {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            "d" => Some(86_400),
            _ => None,
        };
        let seconds = unit.and_then(|unit: u64| number.parse::<u64>().ok()?.checked_mul(unit));
        match seconds.filter(|seconds| (LEAST..=MOST).contains(seconds)) {
            Some(seconds) => Ok(Self { seconds }),
            None => Err(format!("must be a time such as `90s`, `30m`, `8h` or `7d`, from {LEAST} to {MOST} seconds")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit_within_their_bounds() {
        let span = |text: &str| Span::<60, 86_400>::try_from(text.to_owned()).map(Span::seconds).ok();
        for (text, seconds) in [("90s", 90), ("1m", 60), ("8h", 28_800), ("1d", 86_400)] {
            assert_eq!(span(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "90", "59s", "2d", "1.5h", "-1h", "90 s", "99999999999999999999d", "9999999999999999d"] {
            assert_eq!(span(text), None, "{text}");
        }
        assert_eq!(Span::<60, 600>::of(5).seconds(), 60);
    }

    #[test]
    fn names_of_cookies_are_short_and_plain() {
        for (name, fine) in [("shop", true), ("a_1", true), ("", false), ("a-b", false), ("a;b", false)] {
            assert_eq!(CookieName::try_from(name.to_owned()).is_ok(), fine, "{name}");
        }
        assert!(CookieName::try_from("a".repeat(33)).is_err());
    }
}
