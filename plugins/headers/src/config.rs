//! The changes an operator may write, as types that hold only names and values a message can carry.

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Fields that belong to one connection (RFC 9110 section 7.6.1) or to the framing of the message: the gateway's alone.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The changes of one direction.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Changes {
    pub(crate) set: Table<FieldValue>,
    pub(crate) append: Table<FieldValue>,
    pub(crate) remove: Vec<FieldName>,
    pub(crate) rename: Table<FieldName>,
}

/// A field name (RFC 9110 section 5.1) in lower case that a policy may change.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct FieldName(String);

/// A field value (RFC 9110 section 5.5).
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct FieldValue(String);

/// A table by field name, in the order written, each name once whatever its case.
pub(crate) struct Table<T>(Vec<(FieldName, T)>);

impl TryFrom<String> for FieldName {
    type Error = String;

    fn try_from(mut name: String) -> Result<Self, String> {
        name.make_ascii_lowercase();
        if name.starts_with(':') {
            return Err(format!("`{name}` is a fact, not a header field"));
        }
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return Err(format!("`{}` is no field name; write letters, digits and `-`", name.escape_default()));
        }
        // A token may hold `*`, but in an interest it would stand for other names.
        if name.contains('*') {
            return Err(format!("`{name}` holds `*`; name each field"));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(format!("`{name}` is the gateway's to set; leave it out"));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for FieldValue {
    type Error = &'static str;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err("a field value cannot hold line breaks, NUL or other control characters");
        }
        if value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']) {
            return Err("a field value cannot begin or end with a blank, since receivers strip it");
        }
        Ok(Self(value))
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(FieldName, T)> {
        self.0.iter()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &FieldName> {
        self.iter().map(|(name, _)| name)
    }

    pub(crate) fn contains(&self, name: &FieldName) -> bool {
        self.names().any(|found| found == name)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = Table<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table by field name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<T>, A::Error> {
        let mut table = Table::default();
        while let Some((name, value)) = map.next_entry()? {
            if table.contains(&name) {
                return Err(Error::custom(format_args!("`{name}` stands here twice")));
            }
            table.0.push((name, value));
        }
        Ok(table)
    }
}

impl AsRef<str> for FieldName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<[u8]> for FieldValue {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_that_a_policy_may_change() {
        for name in ["x-a", "X-A", "set-cookie", "x_a!~"] {
            assert!(FieldName::try_from(name.to_owned()).is_ok(), "{name}");
        }
        for name in ["", "x a", "x:", "x\n", "é", ":path", "x-*", "Content-Length", "te", "Transfer-Encoding"] {
            assert!(FieldName::try_from(name.to_owned()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn values_cannot_break_a_message() {
        for value in ["", "a b", "a\tb", "max-age=1; x", "é"] {
            assert!(FieldValue::try_from(value.to_owned()).is_ok(), "{value:?}");
        }
        for value in ["a\r\nb: c", "a\nb", "a\0b", "\u{7f}", " a", "a\t"] {
            assert!(FieldValue::try_from(value.to_owned()).is_err(), "{value:?}");
        }
    }
}
