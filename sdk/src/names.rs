//! Names that stand in configurations of many policies, as types that cannot be wrong.
//!
//! ```
//! use lockgate_sdk::names::{AttributeName, FieldName, Name, Realm};
//!
//! assert_eq!(FieldName::try_from("X-User".to_owned()).unwrap().as_str(), "x-user");
//! assert!(AttributeName::try_from("@auth.sub".to_owned()).is_err());
//! assert_eq!(Name::try_from("idp".to_owned()).unwrap().as_str(), "idp");
//! assert_eq!(Realm::default().as_str(), "api");
//! ```

use serde::Deserialize;

/// The name of something the operator grants: a key set, a service, a store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The name, as `gateway.toml` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if !(1..=128).contains(&name.len()) {
            return Err("must be a name of `gateway.toml`: 1 to 128 bytes");
        }
        Ok(Self(name))
    }
}

/// The name of a header field, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct FieldName(String);

impl FieldName {
    /// `authorization`, where credentials usually are.
    pub fn authorization() -> Self {
        Self("authorization".to_owned())
    }

    /// `cookie`, where sessions of browsers are.
    pub fn cookie() -> Self {
        Self("cookie".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FieldName {
    type Error = &'static str;

    /// A token of RFC 9110 section 5.6.2, but without `*`, which an interest would take for a pattern.
    fn try_from(mut name: String) -> Result<Self, Self::Error> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(fine) {
            return Err("must be the name of a header field");
        }
        name.make_ascii_lowercase();
        Ok(Self(name))
    }
}

/// The name of an attribute, such as `auth.sub`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct AttributeName(String);

impl AttributeName {
    /// The name, without `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AttributeName {
    /// `auth.consumer`, where policies that find out say who asks.
    pub fn consumer() -> Self {
        Self("auth.consumer".to_owned())
    }
}

impl TryFrom<String> for AttributeName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(fine) {
            return Err("must be the name of an attribute: at most 128 of a-z, 0-9, `.`, `_` and `-`");
        }
        Ok(Self(name))
    }
}

/// How the names of attributes begin that a policy writes: `auth.` unless something else is said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AttributePrefix(String);

impl AttributePrefix {
    /// The beginning, without `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AttributePrefix {
    fn default() -> Self {
        Self("auth.".to_owned())
    }
}

impl TryFrom<String> for AttributePrefix {
    type Error = &'static str;

    fn try_from(prefix: String) -> Result<Self, Self::Error> {
        if prefix.len() > 32 || AttributeName::try_from(prefix.clone()).is_err() {
            return Err("must be how attributes begin: 1 to 32 of a-z, 0-9, `.`, `_` and `-`");
        }
        Ok(Self(prefix))
    }
}

/// What `WWW-Authenticate` calls the protected space (RFC 9110 section 11.5); `api` unless something else is said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Realm(String);

impl Realm {
    /// The name, which can stand between quotes as it is.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self("api".to_owned())
    }
}

impl TryFrom<String> for Realm {
    type Error = &'static str;

    fn try_from(realm: String) -> Result<Self, Self::Error> {
        let is_unquoted = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        if !realm.bytes().all(is_unquoted) {
            return Err("must be printable ASCII without quotes and backslashes");
        }
        Ok(Self(realm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_gateway_takes() {
        for (name, is_field, is_attribute) in [
            ("x-user", true, true),
            ("X-User", true, false),
            ("", false, false),
            ("x y", false, false),
            ("x-*", false, false),
            (":path", false, false),
            ("auth.sub", true, true),
            (&"a".repeat(129), true, false),
        ] {
            assert_eq!(FieldName::try_from(name.to_owned()).is_ok(), is_field, "{name}");
            assert_eq!(AttributeName::try_from(name.to_owned()).is_ok(), is_attribute, "{name}");
        }
    }

    #[test]
    fn what_is_granted_has_a_name_of_some_length() {
        for (length, is_name) in [(0, false), (1, true), (128, true), (129, false)] {
            assert_eq!(Name::try_from("a".repeat(length)).is_ok(), is_name, "{length}");
        }
    }

    #[test]
    fn a_realm_can_stand_between_quotes() {
        for (text, is_realm) in
            [("a b", true), ("", true), ("a\"b", false), ("a\\b", false), ("a\nb", false), ("\u{e9}", false)]
        {
            assert_eq!(Realm::try_from(text.to_owned()).is_ok(), is_realm, "{text:?}");
        }
    }
}
