//! Owns entries of chains and responders: a declared policy, its configuration, and what happens when it fails.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::fault::{At, Faults, Place, quoted};
use super::kinds::{Kind, List, Placed, Shown, Spelled, Spelling, Text};
use super::reader::Node;
use super::secret;
use super::section::{Section, section};
use crate::near::advice;

/// One position in a chain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChainEntry {
    /// Name of a declared policy.
    pub policy: String,
    /// A JSON object.
    pub config: Value,
    /// What the gateway adds to the configuration; once the API is resolved it is there.
    pub with: Vec<At<Addition>>,
    pub on_error: OnError,
    /// The configuration of the version that runs in the shadow of this one.
    pub shadow: Option<Value>,
    pub place: Place,
}

/// A policy that stands in the place of an upstream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Responder {
    /// Name of a declared policy.
    pub policy: String,
    /// A JSON object.
    pub config: Value,
    pub place: Place,
}

/// Something the gateway adds to the configuration of a policy, under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addition {
    /// What the OpenAPI document of the API says about personal data.
    Classification,
}

impl Addition {
    /// The word, and the key it is added under.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
        }
    }
}

/// A word that names nothing the gateway could add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gateway has nothing of that name to add")]
pub(crate) struct UnknownAddition;

impl FromStr for Addition {
    type Err = UnknownAddition;

    fn from_str(text: &str) -> Result<Self, UnknownAddition> {
        Some(Self::Classification).filter(|addition| addition.as_str() == text).ok_or(UnknownAddition)
    }
}

impl Spelled for Addition {
    const SPELLING: &'static str = "\"classification\"";
}

/// What happens to a request whose policy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnError {
    /// It is answered with 503.
    #[default]
    Reject,
    /// It goes on as if the policy were not there.
    Skip,
}

impl fmt::Display for OnError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Reject => "reject",
            Self::Skip => "skip",
        })
    }
}

/// A word that is neither `reject` nor `skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such choice")]
pub(crate) struct UnknownOnError;

impl FromStr for OnError {
    type Err = UnknownOnError;

    fn from_str(text: &str) -> Result<Self, UnknownOnError> {
        [Self::Reject, Self::Skip].into_iter().find(|choice| choice.to_string() == text).ok_or(UnknownOnError)
    }
}

impl Spelled for OnError {
    const SPELLING: &'static str = "\"reject\" or \"skip\"";
}

section! {
    /// A position in a chain. Chains nest: the gateway's, then the API's, then the route's. An item that needs neither
    /// configuration nor `on_error` can be written as the policy's name alone.
    pub(super) struct RawEntry = "[[chain]]" {
        /// Name of a `[policy.NAME]`.
        required policy: Text,
        /// Handed to the policy as JSON; datetimes become strings. Never holds secrets.
        default config: Json = empty_object(),
        /// What the gateway adds to `config`, under that name. `classification`: what the OpenAPI document of the API says
        /// about personal data in the operations of the routes this entry is for; in an api.toml with `openapi`.
        repeated with: List<Placed<Spelling<Addition>>>,
        /// What happens when the policy fails: `reject` answers 503, `skip` goes on without it.
        default on_error: Spelling<OnError> = OnError::Reject,
    }
}

section! {
    /// A policy that makes the response itself. Can be written as the policy's name alone.
    pub(super) struct RawResponder = "responder" {
        /// Name of a `[policy.NAME]`.
        required policy: Text,
        /// Handed to the policy as JSON; datetimes become strings. Never holds secrets.
        default config: Json = empty_object(),
    }
}

/// An entry of a chain, written as a name or a table.
pub(super) struct Link;

impl Kind for Link {
    type Out = ChainEntry;
    const SECTION: Option<&'static Section> = Some(&RawEntry::SECTION);

    fn describe() -> String {
        "the name of a policy or a table".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<ChainEntry> {
        let place = node.place.clone();
        if node.as_str().is_some() {
            let policy = Text::read(node, faults)?;
            return Some(ChainEntry {
                policy,
                config: empty_object(),
                with: Vec::new(),
                on_error: OnError::default(),
                shadow: None,
                place,
            });
        }
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let raw = RawEntry::from_table(table, faults);
        let RawEntry { policy, config, with, on_error, .. } = raw;
        Some(ChainEntry { policy: policy?, config, with, on_error, shadow: None, place })
    }
}

/// A responder, written as a name or a table.
pub(super) struct ResponderLink;

impl Kind for ResponderLink {
    type Out = Responder;
    const SECTION: Option<&'static Section> = Some(&RawResponder::SECTION);

    fn describe() -> String {
        Link::describe()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Responder> {
        let place = node.place.clone();
        if node.as_str().is_some() {
            return Some(Responder { policy: Text::read(node, faults)?, config: empty_object(), place });
        }
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let raw = RawResponder::from_table(table, faults);
        Some(Responder { policy: raw.policy?, config: raw.config, place })
    }
}

/// Names of declared policies; unknown as long as gateway.toml cannot be read, and then nothing is complained about.
#[derive(Debug, Default)]
pub(super) struct DeclaredPolicies(pub(super) Option<BTreeSet<String>>);

impl DeclaredPolicies {
    pub(super) fn check_chain(&self, chain: &[ChainEntry], faults: &mut Faults) {
        for entry in chain {
            self.check(&entry.policy, &entry.place, faults);
        }
    }

    pub(super) fn check(&self, policy: &str, place: &Place, faults: &mut Faults) {
        let Some(names) = &self.0 else { return };
        if names.contains(policy) {
            return;
        }
        let advice = advice(policy, names.iter().map(String::as_str), "declare it as [policy.NAME] in gateway.toml");
        faults.push(place.fault(format!("names the policy {}, which is not declared", quoted(policy)), advice));
    }
}

/// A table that becomes a JSON object.
pub(super) struct Json;

impl Kind for Json {
    type Out = Value;

    fn describe() -> String {
        "a table".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Value> {
        if node.as_table().is_none() {
            node.mistaken(&Self::describe(), faults);
            return None;
        }
        let value = node.to_json(faults, &mut secret::check_value);
        secret::check_json(&value, &node.place, faults);
        Some(value)
    }
}

impl Shown for Json {
    fn show(value: &Value) -> String {
        value.to_string()
    }
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}
