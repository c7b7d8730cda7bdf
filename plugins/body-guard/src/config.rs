//! What the operator may configure, as types that cannot be out of range.

use crate::limit::{Limit, Limits};
use crate::state::{DEEPEST, MOST_CHILDREN};
use lockgate_sdk::ConfigError;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

const MOST_BYTES: u64 = 1 << 30;
const MOST_LENGTH: u32 = 1 << 30;
/// Units of sizes, as the gateway spells them.
const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// The configuration. Limits left out have the defaults of [`Config::limits`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) max_bytes: Size,
    max_depth: Option<Count<DEEPEST>>,
    max_members: Option<Count<MOST_CHILDREN>>,
    max_items: Option<Count<MOST_CHILDREN>>,
    max_key_length: Option<Count<MOST_LENGTH>>,
    max_string_length: Option<Count<MOST_LENGTH>>,
    max_number_length: Option<Count<MOST_LENGTH>>,
    max_tokens: Option<Count<MOST_LENGTH>>,
    content_types: Option<Vec<MediaRange>>,
    #[serde(default)]
    pub(crate) other: Other,
    #[serde(default = "yes")]
    validate: bool,
}

/// What happens to bodies of other media types.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Other {
    /// The host answers 415.
    #[default]
    Refuse,
    /// They are not looked at.
    Pass,
}

impl Config {
    /// The limits inside a body; none where it is not read.
    pub(crate) fn limits(&self) -> Option<Limits> {
        self.validate.then(|| Limits {
            depth: or(self.max_depth, 32),
            members: or(self.max_members, 1_000),
            items: or(self.max_items, 10_000),
            key_length: or(self.max_key_length, 256),
            string_length: or(self.max_string_length, 65_536),
            number_length: or(self.max_number_length, 64),
            tokens: or(self.max_tokens, 100_000),
        })
    }

    /// The media types the guard reads.
    pub(crate) fn content_types(&self) -> Vec<String> {
        match &self.content_types {
            Some(types) => types.iter().map(|range| range.0.clone()).collect(),
            None => vec!["application/json".to_owned(), "*+json".to_owned()],
        }
    }

    /// Contradictions between keys.
    pub(crate) fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = Vec::new();
        if self.content_types.as_ref().is_some_and(Vec::is_empty) {
            faults.push(ConfigError::new(
                "content_types",
                "is empty, so nothing would be read; name a media type or leave the key out",
            ));
        }
        if !self.validate {
            let unused = self.given().into_iter().map(|limit| {
                ConfigError::new(limit.key(), "has no effect with validate = false; remove one of the two")
            });
            faults.extend(unused);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The limits inside a body that the operator wrote down.
    fn given(&self) -> Vec<Limit> {
        let keys = [
            (Limit::Depth, self.max_depth.is_some()),
            (Limit::Members, self.max_members.is_some()),
            (Limit::Items, self.max_items.is_some()),
            (Limit::KeyLength, self.max_key_length.is_some()),
            (Limit::StringLength, self.max_string_length.is_some()),
            (Limit::NumberLength, self.max_number_length.is_some()),
            (Limit::Tokens, self.max_tokens.is_some()),
        ];
        let given = keys.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(limit, _)| limit).collect()
    }
}

/// A number from 1 to `MOST`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "u64")]
struct Count<const MOST: u32>(u32);

impl<const MOST: u32> TryFrom<u64> for Count<MOST> {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match u32::try_from(number) {
            Ok(count) if (1..=MOST).contains(&count) => Ok(Self(count)),
            _ => Err(format!("must be from 1 to {MOST}")),
        }
    }
}

/// Bytes of a body, 1 byte to 1 GiB: a number, or a number with a unit as in `64KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u64);

impl Size {
    /// The bytes.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<u64> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = &text[digits.len()..];
        let factor = match unit {
            "" | "B" => 1,
            _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| is_number)?;
        number.checked_mul(factor)
    }
}

impl Default for Size {
    fn default() -> Self {
        Self(1 << 20)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bytes from 1 to 1 GiB, as a number or like \"64KiB\" or \"1MiB\"")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
        match bytes {
            1..=MOST_BYTES => Ok(Size(bytes)),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(bytes), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        match Size::parse(text) {
            Some(bytes) => self.visit_u64(bytes),
            None => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

/// Media types without parameters, in lower case: one, `type/*`, `*+suffix` or `*/*`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
struct MediaRange(String);

impl TryFrom<String> for MediaRange {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.to_ascii_lowercase();
        let fits = match text.split_once('/') {
            Some((kind, "*")) => kind == "*" || is_token(kind),
            Some((kind, name)) => is_token(kind) && is_token(name),
            None => text.strip_prefix("*+").is_some_and(is_token),
        };
        if fits {
            Ok(Self(text))
        } else {
            Err("must be a media type without parameters: `application/json`, `text/*`, `*+json` or `*/*`")
        }
    }
}

/// Whether `text` is the type or subtype of a media type (RFC 6838 section 4.2).
fn is_token(text: &str) -> bool {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    (1..=127).contains(&text.len()) && text.bytes().all(is_in)
}

fn or<const MOST: u32>(count: Option<Count<MOST>>, default: u32) -> u32 {
    count.map_or(default, |count| count.0)
}

fn yes() -> bool {
    true
}
