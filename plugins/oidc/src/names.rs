//! What an operator writes about logins, as types that cannot be wrong.

use serde::Deserialize;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_cookies_are_short_and_plain() {
        for (name, fine) in [("shop", true), ("a_1", true), ("", false), ("a-b", false), ("a;b", false)] {
            assert_eq!(CookieName::try_from(name.to_owned()).is_ok(), fine, "{name}");
        }
        assert!(CookieName::try_from("a".repeat(33)).is_err());
    }
}
