//! The operator's configuration of `signature`; `README.md` explains each key.

mod faults;

use crate::algorithm::Algorithm;
use crate::component::Component;
use crate::digest;
use crate::message::Kinds;
use crate::origin::Origin;
use crate::parameters::Window;
use lockgate_sdk::names::Name;
use lockgate_sdk::times::{Leeway, Span};
use lockgate_sdk::{ConfigError, Direction};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most seconds of `max_age` and of `expires_in`: a day.
const DAY: u64 = 86_400;

/// What the operator wrote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    verify: Option<Verify>,
    sign: Option<Sign>,
    verify_responses: Option<Verify>,
    sign_responses: Option<Sign>,
    /// Types of structured fields, for the parameter `sf`.
    #[serde(default)]
    pub(crate) structured: Kinds,
    /// Bytes.
    max_body: Option<u64>,
}

/// Which signatures are accepted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verify {
    pub(crate) keys: Name,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) components: Vec<Component>,
    #[serde(default)]
    pub(crate) may_cover: Vec<Component>,
    pub(crate) origin: Option<Origin>,
    #[serde(default = "default_max_age")]
    max_age: Span<1, DAY>,
    #[serde(default)]
    leeway: Leeway,
    #[serde(default)]
    allow_no_created: bool,
    /// The store that remembers which nonces have been used.
    pub(crate) nonces: Option<Name>,
    #[serde(default)]
    pub(crate) allow_no_nonce: bool,
    pub(crate) label: Option<Label>,
    pub(crate) tag: Option<Text>,
    /// By key id.
    pub(crate) consumers: Option<BTreeMap<Text, Text>>,
    #[serde(default)]
    pub(crate) forward: bool,
}

/// How a signature is made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    pub(crate) key: Name,
    pub(crate) algorithm: Algorithm,
    pub(crate) components: Vec<Component>,
    #[serde(default)]
    pub(crate) may_cover: Vec<Component>,
    pub(crate) origin: Option<Origin>,
    #[serde(default)]
    pub(crate) digest: digest::Algorithm,
    #[serde(default)]
    pub(crate) label: Label,
    pub(crate) keyid: Option<Text>,
    pub(crate) tag: Option<Text>,
    pub(crate) expires_in: Option<Span<1, DAY>>,
    #[serde(default)]
    pub(crate) nonce: bool,
}

impl Config {
    /// What is verified in one direction.
    pub(crate) fn verify(&self, direction: Direction) -> Option<&Verify> {
        match direction {
            Direction::Request => self.verify.as_ref(),
            Direction::Response => self.verify_responses.as_ref(),
        }
    }

    /// What is signed in one direction.
    pub(crate) fn sign(&self, direction: Direction) -> Option<&Sign> {
        match direction {
            Direction::Request => self.sign.as_ref(),
            Direction::Response => self.sign_responses.as_ref(),
        }
    }

    /// Whether the bodies of one direction are read: where their digest is covered.
    pub(crate) fn reads_body(&self, direction: Direction) -> bool {
        let verified = self.verify(direction).is_some_and(Verify::may_cover_digest);
        verified || self.sign(direction).is_some_and(Sign::covers_digest)
    }

    /// Most bytes of a body that is read.
    pub(crate) fn max_body(&self) -> u64 {
        self.max_body.unwrap_or(1 << 20)
    }

    /// Settings that are missing, out of bounds or contradict each other.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        faults::of(self)
    }
}

impl Verify {
    /// All that a signature may cover.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Component> + Clone {
        self.components.iter().chain(&self.may_cover)
    }

    pub(crate) fn window(&self) -> Window {
        Window { max_age_ms: self.max_age.ms(), leeway_ms: self.leeway.ms(), allow_no_created: self.allow_no_created }
    }

    pub(crate) fn may_cover_digest(&self) -> bool {
        self.accepted().any(Component::is_digest)
    }
}

impl Sign {
    /// All that is covered, if the message has it.
    pub(crate) fn covered(&self) -> impl Iterator<Item = &Component> + Clone {
        self.components.iter().chain(&self.may_cover)
    }

    pub(crate) fn covers_digest(&self) -> bool {
        self.components.iter().any(Component::is_digest)
    }
}

/// What a signature is called within its message: the key of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Label(String);

impl Label {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Label {
    fn default() -> Self {
        Self("sig1".to_owned())
    }
}

impl TryFrom<String> for Label {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match sfv::KeyRef::from_str(&text) {
            Ok(_) if text.len() <= 64 => Ok(Self(text)),
            _ => Err("must be at most 64 of a-z, 0-9, `_`, `-`, `.` and `*`, and begin with a letter or `*`"),
        }
    }
}

/// The text of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(sfv::String);

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As it is written in a structured field.
    pub(crate) fn item(&self) -> sfv::BareItem {
        self.0.clone().into()
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_short = (1..=256).contains(&text.len());
        match sfv::String::try_from(text) {
            Ok(text) if is_short => Ok(Self(text)),
            _ => Err("must be 1 to 256 printable ASCII characters"),
        }
    }
}

fn default_max_age() -> Span<1, DAY> {
    Span::of::<300>()
}
