//! Conditions on the attributes that policies before this one wrote: who asks, in what role, with what plan.

use crate::names::AttributeName;
use crate::{ConfigError, Head};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// Most attributes of a table, and most values of each of them.
const MAX_ATTRIBUTES: usize = 16;
const MAX_VALUES: usize = 256;

/// A table of attributes and the values each is looked for, as configurations have it: `{ "auth.plan" = ["gold", "trial-*"] }`.
/// A value is compared byte by byte; one that ends in `*` stands for all that begin so, `*` alone for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<AttributeName, Values>);

/// The values of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Values(Vec<Value>);

/// What stands between the values of an attribute that has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// As in `scope`.
    Space,
    /// As in lists.
    Comma,
}

impl Attributes {
    /// Whether no attribute is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes, for the interest.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AttributeName::as_str)
    }

    /// Whether each attribute has one of its values. One that is not there, or is empty, has none.
    pub fn all(&self, head: &Head<'_>, separator: Option<Separator>) -> bool {
        self.0.iter().all(|entry| has(entry, head, separator))
    }

    /// Whether any attribute has one of its values, or is no text, of which nobody can tell.
    pub fn any(&self, head: &Head<'_>, separator: Option<Separator>) -> bool {
        let is_unreadable =
            |name: &str| head.get(&format!("@{name}")).is_some_and(|held| std::str::from_utf8(held).is_err());
        self.0.iter().any(|entry| has(entry, head, separator)) || self.names().any(is_unreadable)
    }

    /// What is wrong with the table, which stands at `path` of the configuration.
    pub fn faults(&self, path: &str) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.0.len() > MAX_ATTRIBUTES {
            faults.push(ConfigError::new(path, format!("must name at most {MAX_ATTRIBUTES} attributes")));
        }
        for (name, values) in &self.0 {
            if !(1..=MAX_VALUES).contains(&values.0.len()) {
                let message = format!("must hold 1 to {MAX_VALUES} values");
                faults.push(ConfigError::new(format!("{path}.{}", name.as_str()), message));
            }
        }
        faults
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Attributes;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a table of attributes and their values, `{ \"auth.role\" = [\"support\"] }`")
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Attributes, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(table)).map(Attributes)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Values;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of values")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Values, E> {
        Err(E::custom(format_args!("must be a list of values: write `[{value:?}]`")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Values, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Values)
    }
}

fn has((name, values): (&AttributeName, &Values), head: &Head<'_>, separator: Option<Separator>) -> bool {
    let held = head.attribute(name.as_str()).unwrap_or_default();
    Separator::each(separator, held).any(|held| values.0.iter().any(|value| value.is(held)))
}

impl Separator {
    /// The values an attribute has that are not empty.
    fn each(separator: Option<Self>, held: &str) -> impl Iterator<Item = &str> {
        let between = move |letter: char| match separator {
            Some(Self::Space) => letter == ' ',
            Some(Self::Comma) => letter == ',',
            None => false,
        };
        let values = held.split(between).map(move |value| if separator.is_some() { value.trim() } else { value });
        values.filter(|value| !value.is_empty())
    }
}

/// A value, or the beginning of some.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Value {
    Exact(String),
    Prefix(String),
}

impl TryFrom<String> for Value {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let value = match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(text.clone()),
        };
        let (Self::Exact(plain) | Self::Prefix(plain)) = &value;
        if text.is_empty() || plain.contains('*') {
            return Err("must be a value, or the beginning of values and a `*`".to_owned());
        }
        Ok(value)
    }
}

impl Value {
    fn is(&self, value: &str) -> bool {
        match self {
            Self::Exact(exact) => value == exact,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
        }
    }
}
