//! The configuration, parsed into types that cannot be wrong.

use lockgate_sdk::prelude::*;
use std::collections::BTreeMap;

/// Longest name of a group, in bytes.
const LONGEST: usize = 64;
/// Most patterns of groups: each name that is new may be compared with all of them.
const MOST: usize = 256;

/// The keys of the configuration; `README.md` explains each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) client: ClientPart,
    #[serde(default)]
    pub(crate) consumer: WhoPart,
    #[serde(default)]
    pub(crate) application: WhoPart,
    #[serde(default)]
    pub(crate) pseudonyms: Option<Pseudonyms>,
}

/// What is kept of the address of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum ClientPart {
    /// The first 24 bits of IPv4 and 48 of IPv6, which the gateway sees to.
    #[default]
    Network,
    /// The first 16 bits of IPv4 and 32 of IPv6.
    Region,
    Drop,
    Pseudonym,
}

impl TryFrom<String> for ClientPart {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Ok(match word.as_str() {
            "network" => Self::Network,
            "region" => Self::Region,
            "drop" => Self::Drop,
            "pseudonym" => Self::Pseudonym,
            _ => return Err("must be `network`, `region`, `drop` or `pseudonym`".to_owned()),
        })
    }
}

/// What is kept of a name.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) enum WhoPart {
    #[default]
    Keep,
    Drop,
    Pseudonym,
    /// The group of the first pattern it fits; without one, nothing.
    Groups(Vec<Group>),
}

/// Names that count as one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Whole names, or beginnings that end in `*`.
    patterns: Vec<String>,
}

impl Group {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        })
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Groups(BTreeMap<String, Vec<String>>),
    Other(serde::de::IgnoredAny),
}

impl TryFrom<Written> for WhoPart {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let usage = "must be `keep`, `drop`, `pseudonym`, or a table of groups: `partners = [\"acme\", \"partner-*\"]`";
        let groups = match written {
            Written::Word(word) => {
                return match word.as_str() {
                    "keep" => Ok(Self::Keep),
                    "drop" => Ok(Self::Drop),
                    "pseudonym" => Ok(Self::Pseudonym),
                    _ => Err(usage.to_owned()),
                };
            }
            Written::Groups(groups) if !groups.is_empty() => groups,
            Written::Groups(_) | Written::Other(_) => return Err(usage.to_owned()),
        };
        if groups.values().map(Vec::len).sum::<usize>() > MOST {
            return Err(format!("must hold at most {MOST} names and patterns"));
        }
        let group = |(name, patterns): (String, Vec<String>)| match (1..=LONGEST).contains(&name.len()) {
            true => Ok(Group { name, patterns }),
            false => Err(format!("must have names of groups of 1 to {LONGEST} bytes")),
        };
        groups.into_iter().map(group).collect::<Result<_, _>>().map(Self::Groups)
    }
}

/// The key of pseudonyms, and for how long each is one.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pseudonyms {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) rotate: Rotate,
}

/// When whoever asks gets another pseudonym.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Rotate {
    #[default]
    Never,
    Daily,
    /// With Monday, in UTC as days are.
    Weekly,
}

impl TryFrom<String> for Rotate {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Ok(match word.as_str() {
            "never" => Self::Never,
            "daily" => Self::Daily,
            "weekly" => Self::Weekly,
            _ => return Err("must be `never`, `daily` or `weekly`".to_owned()),
        })
    }
}
