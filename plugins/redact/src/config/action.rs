//! Actions as they are configured: a word, or a table of one that has to be told more.

use crate::act::mask::Partial;
use crate::act::truncate::{Precision, Prefixes, Truncate};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Block,
    Remove,
    Null,
    Mask,
    Hash,
    Pseudonym,
    Truncate(Coarse),
    Partial(Ends),
}

/// What is left of a text at its ends.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default, expecting = "a table of `first`, `last` and `keep_domain`")]
pub(crate) struct Ends {
    first: u8,
    last: u8,
    keep_domain: bool,
}

/// What a text is read as, and how much of that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coarse {
    Year,
    Month,
    Address(Networks),
    Decimal(u8),
    Text(u8),
}

/// How many bits are left of an address.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "RawNetworks")]
pub(crate) struct Networks(Prefixes);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of `v4` and `v6`")]
struct RawNetworks {
    v4: Option<u8>,
    v6: Option<u8>,
}

const ACTIONS: &str = "write `\"block\"`, `\"remove\"`, `\"null\"`, `\"mask\"`, `\"hash\"`, `\"pseudonym\"`, \
                       `{ truncate = \"year\" }` or `{ partial = { first = 1 } }`";
const COARSE: &str = "write `{ truncate = \"year\" }`, `{ truncate = \"month\" }`, `{ truncate = { address = {} } }`, \
                      `{ truncate = { decimal = 2 } }` or `{ truncate = { text = 4 } }`";

impl Action {
    /// The action of a word that needs to be told no more.
    fn plain(word: &str) -> Option<Self> {
        [Self::Block, Self::Remove, Self::Null, Self::Mask, Self::Hash, Self::Pseudonym]
            .into_iter()
            .find(|action| action.word() == word)
    }

    /// The word for it in configurations and metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Remove => "remove",
            Self::Null => "null",
            Self::Mask => "mask",
            Self::Hash => "hash",
            Self::Pseudonym => "pseudonym",
            Self::Truncate(_) => "truncate",
            Self::Partial(_) => "partial",
        }
    }

    /// The stricter, the less: where several rules meet in a value, the strictest applies.
    pub(crate) fn leniency(&self) -> u8 {
        match self {
            Self::Block => 0,
            Self::Remove => 1,
            Self::Null => 2,
            Self::Mask => 3,
            Self::Hash => 4,
            Self::Pseudonym => 5,
            Self::Truncate(_) => 6,
            Self::Partial(_) => 7,
        }
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Actions)
    }
}

struct Actions;

impl<'de> Visitor<'de> for Actions {
    type Value = Action;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "an action: {ACTIONS}")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Action, E> {
        Action::plain(word).ok_or_else(|| match word {
            "truncate" => E::custom(format_args!("must say what is left: {COARSE}")),
            "partial" => E::custom("must say what is left: write `{ partial = { first = 1 } }`, or `last`"),
            _ => E::custom(format_args!("`{word}` is no action: {ACTIONS}")),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Action, A::Error> {
        let word: Option<String> = map.next_key()?;
        let action = match word.as_deref() {
            Some("truncate") => Action::Truncate(map.next_value()?),
            Some("partial") => Action::Partial(map.next_value()?),
            Some(word) if Action::plain(word).is_some() => {
                return Err(A::Error::custom(format_args!("there is no more to say of it: write `\"{word}\"`")));
            }
            Some(word) => return Err(A::Error::custom(format_args!("`{word}` is no action: {ACTIONS}"))),
            None => return Err(A::Error::custom(format_args!("says nothing: {ACTIONS}"))),
        };
        sole(map, action)
    }
}

impl<'de> Deserialize<'de> for Coarse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Coarsenings)
    }
}

struct Coarsenings;

impl<'de> Visitor<'de> for Coarsenings {
    type Value = Coarse;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "what is left: {COARSE}")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Coarse, E> {
        match word {
            "year" => Ok(Coarse::Year),
            "month" => Ok(Coarse::Month),
            _ => Err(E::custom(format_args!("`{word}` does not say what is left: {COARSE}"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Coarse, A::Error> {
        let word: Option<String> = map.next_key()?;
        let coarse = match word.as_deref() {
            Some("address") => Coarse::Address(map.next_value()?),
            Some("decimal") => Coarse::Decimal(map.next_value()?),
            Some("text") => Coarse::Text(map.next_value()?),
            _ => return Err(A::Error::custom(format_args!("does not say what is left: {COARSE}"))),
        };
        sole(map, coarse)
    }
}

/// The one thing that a table says.
fn sole<'de, A: MapAccess<'de>, T>(mut map: A, said: T) -> Result<T, A::Error> {
    match map.next_key::<String>()? {
        None => Ok(said),
        Some(other) => Err(A::Error::custom(format_args!("says more than one thing: remove `{other}`"))),
    }
}

impl Ends {
    pub(crate) fn first(characters: u8) -> Self {
        Self { first: characters, ..Self::default() }
    }

    pub(crate) fn partial(&self) -> Partial {
        Partial { first: self.first.into(), last: self.last.into(), keep_domain: self.keep_domain }
    }
}

impl Coarse {
    pub(crate) fn truncate(&self) -> Truncate {
        match self {
            Self::Year => Truncate::Date(Precision::Year),
            Self::Month => Truncate::Date(Precision::Month),
            Self::Address(networks) => Truncate::Address(networks.0),
            Self::Decimal(places) => Truncate::Decimal((*places).into()),
            Self::Text(characters) => Truncate::Text((*characters).into()),
        }
    }
}

impl TryFrom<RawNetworks> for Networks {
    type Error = &'static str;

    fn try_from(raw: RawNetworks) -> Result<Self, Self::Error> {
        let prefixes = Prefixes::new(raw.v4.unwrap_or(24), raw.v6.unwrap_or(48));
        prefixes.map(Self).ok_or("must be `v4` from 1 to 31 and `v6` from 1 to 127")
    }
}
