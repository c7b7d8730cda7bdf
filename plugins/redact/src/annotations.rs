//! What the API's OpenAPI document says about personal data, as the gateway hands it over.

use crate::config::{Action, Ends};
use lockgate_json::select::{Shape, Shapes};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Classes, the shapes of documents that hold them, and which operation has which.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Classification {
    #[serde(default)]
    pub(crate) classes: Vec<Annotation>,
    #[serde(default)]
    shapes: Vec<Described>,
    /// By route.
    #[serde(default)]
    pub(crate) operations: BTreeMap<String, Operation>,
}

/// One way in which values are classified.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Annotation {
    pub(crate) category: String,
    pub(crate) sensitivity: String,
    pub(crate) masking: Option<Masking>,
}

/// What the document asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Masking {
    strategy: Strategy,
    /// What else it says, which nobody acts upon.
    #[serde(flatten)]
    _rest: BTreeMap<String, Value>,
}

/// How values are to be masked, in the words of annotations.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(from = "String")]
enum Strategy {
    Remove,
    Null,
    Mask,
    Hash,
    Partial,
    Tokenize,
    /// What nobody here can do.
    Unknown(String),
}

impl From<String> for Strategy {
    fn from(word: String) -> Self {
        match &*word {
            "remove" => Self::Remove,
            "null" => Self::Null,
            "mask" => Self::Mask,
            "hash" => Self::Hash,
            "partial" => Self::Partial,
            "tokenize" => Self::Tokenize,
            _ => Self::Unknown(word),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    class: Option<u16>,
    #[serde(default)]
    members: BTreeMap<String, usize>,
    items: Option<usize>,
    rest: Option<usize>,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    listed: Vec<String>,
    #[serde(default)]
    also: Vec<usize>,
    /// Of what a string holds, which is a document itself.
    embedded: Option<usize>,
}

/// The class of strings that are documents themselves; no document has so many of its own.
pub(crate) const EMBEDDED: u16 = u16::MAX;

/// Where an operation has something classified.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) request: Option<usize>,
    /// By status: `200`, `4XX`, `default`.
    #[serde(default)]
    pub(crate) responses: BTreeMap<String, usize>,
    /// Classes of parameters, by name.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, u16>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, u16>,
    /// Those of paths and cookies are known, and nothing is done with them.
    #[serde(default, rename = "path")]
    _path: BTreeMap<String, u16>,
    #[serde(default, rename = "cookies")]
    _cookies: BTreeMap<String, u16>,
    /// Media types of bodies that hold something classified nobody can say where; of responses by status.
    #[serde(default)]
    pub(crate) unread: Vec<String>,
    #[serde(default)]
    pub(crate) response_unread: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) form: BTreeMap<String, u16>,
    /// Classes of header fields, by status.
    #[serde(default)]
    pub(crate) response_headers: BTreeMap<String, BTreeMap<String, u16>>,
}

impl Classification {
    /// All that something is called here.
    pub(crate) fn words(&self) -> BTreeSet<&str> {
        self.classes.iter().flat_map(Annotation::words).collect()
    }

    /// Whether a string is a document itself.
    pub(crate) fn has_embedded(&self) -> bool {
        self.shapes.iter().any(|described| described.embedded.is_some())
    }

    /// The shapes, as a selection is built of them. Two come last: of a member that is only listed nothing is known, and
    /// what is selected in a string that is a document is selected where the string stands.
    pub(crate) fn shapes(&self) -> Shapes {
        let (unknown, unfolded) = (self.shapes.len(), self.shapes.len() + 1);
        let shape = |described: &Described| {
            let named = described.members.iter().map(|(name, shape)| (name.clone(), *shape));
            Shape {
                class: described.class,
                members: named.chain(described.listed.iter().map(|name| (name.clone(), unknown))).collect(),
                items: described.items,
                rest: described.rest,
                is_closed: described.closed,
                also: match described.embedded {
                    Some(content) => described.also.iter().copied().chain([content, unfolded]).collect(),
                    None => described.also.clone(),
                },
            }
        };
        let unfold = Shape { class: Some(EMBEDDED), ..Shape::default() };
        Shapes { shapes: self.shapes.iter().map(shape).chain([Shape::default(), unfold]).collect() }
    }
}

impl Annotation {
    /// What it can be called by, what counts first.
    pub(crate) fn words(&self) -> [&str; 2] {
        [&self.category, &self.sensitivity]
    }

    /// What becomes of values where the configuration does not name the class: what the document asks for, as near as
    /// that can be had; nothing where they are for everybody, or for everybody inside.
    pub(crate) fn action(&self, has_pseudonyms: bool) -> Option<Action> {
        let Some(masking) = &self.masking else {
            return (!matches!(&*self.sensitivity, "public" | "internal")).then_some(Action::Mask);
        };
        Some(match &masking.strategy {
            Strategy::Remove => Action::Remove,
            Strategy::Null => Action::Null,
            Strategy::Hash => Action::Hash,
            Strategy::Partial => Action::Partial(Ends::first(1)),
            Strategy::Tokenize if has_pseudonyms => Action::Pseudonym,
            Strategy::Mask | Strategy::Tokenize | Strategy::Unknown(_) => Action::Mask,
        })
    }

    /// What the document asks for and nobody here can do.
    pub(crate) fn unknown_strategy(&self) -> Option<&str> {
        match &self.masking.as_ref()?.strategy {
            Strategy::Unknown(word) => Some(word),
            _ => None,
        }
    }
}
