//! What the operator may configure, before paths are compiled.

mod action;
mod table;

use crate::annotations::{Annotation, Classification};
use crate::detect::Kinds;
use lockgate_json::select::Path;
use lockgate_sdk::attributes::{Attributes, Separator};
use lockgate_sdk::names::{AttributeName, FieldName};
use serde::Deserialize;
use std::collections::BTreeMap;
use table::tables;

pub(crate) use action::{Action, Ends};

/// The configuration; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    /// By category or sensitivity of an annotation.
    #[serde(default)]
    pub(crate) classes: BTreeMap<String, Handling>,
    /// Of members that a classified object is not known to have.
    pub(crate) unlisted: Option<Handling>,
    pub(crate) allow: Option<Allow>,
    #[serde(default)]
    pub(crate) detect: Vec<Detect>,
    /// Strings that are JSON themselves.
    #[serde(default)]
    pub(crate) embedded: Vec<Select>,
    pub(crate) pseudonyms: Option<Pseudonyms>,
    #[serde(default = "AttributeName::consumer")]
    pub(crate) consumer: AttributeName,
    pub(crate) separator: Option<Separator>,
    #[serde(default)]
    pub(crate) other: Other,
    /// What the API's OpenAPI document says; the gateway puts it here.
    pub(crate) classification: Option<Classification>,
}

/// What happens to what, unless somebody asks who may see it.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default)]
    pub(crate) on: On,
    #[serde(default)]
    pub(crate) select: Vec<Select>,
    #[serde(default)]
    pub(crate) headers: Vec<FieldName>,
    #[serde(default)]
    pub(crate) query: Vec<String>,
    #[serde(default)]
    pub(crate) form: Vec<String>,
    pub(crate) action: Action,
    #[serde(default)]
    pub(crate) class: Class,
    #[serde(default)]
    pub(crate) unless: Attributes,
}

/// The same where what it is about is said elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(crate) struct Handling {
    #[serde(default)]
    pub(crate) on: On,
    pub(crate) action: Action,
    #[serde(default)]
    pub(crate) unless: Attributes,
}

/// What alone passes of a document.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(crate) struct Allow {
    #[serde(default)]
    pub(crate) on: On,
    pub(crate) select: Vec<Select>,
    pub(crate) action: Action,
    #[serde(default)]
    pub(crate) unless: Attributes,
}

/// What is looked for in texts that nobody selected.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(crate) struct Detect {
    #[serde(default)]
    pub(crate) on: On,
    pub(crate) kinds: Kinds,
    /// Header fields that are looked at, too.
    #[serde(default)]
    pub(crate) headers: Vec<FieldName>,
    /// Whether the values of the query are.
    #[serde(default)]
    pub(crate) query: bool,
    pub(crate) action: Action,
    #[serde(default)]
    pub(crate) unless: Attributes,
}

/// Which messages a rule is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum On {
    Request,
    #[default]
    Response,
    Both,
}

/// The key of pseudonyms, and for whom each is one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pseudonyms {
    pub(crate) key: lockgate_sdk::names::Name,
    #[serde(default)]
    pub(crate) per_consumer: bool,
}

/// What becomes of bodies of types that are not read.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Other {
    /// The gateway answers 415 or 502.
    #[default]
    Refuse,
    Pass,
}

/// Values of a document: a JSONPath (`$.owner.email`), a JSON Pointer (`/owner/email`) or the name of a member, wherever
/// it stands (`email`).
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Select(pub(crate) Path);

impl TryFrom<String> for Select {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = match text.as_bytes().first() {
            Some(b'$') => Path::json_path(&text),
            Some(b'/') if text.split('/').any(|token| token == "-") => {
                return Err(
                    "`-` is the place behind the last item of a list, where nothing stands: write an index, or \
                            a JSONPath, `$.list[*]`"
                        .to_owned(),
                );
            }
            Some(b'/') | None => Path::pointer(&text),
            Some(_) if text.contains(['.', '[', '*', '/']) => {
                let path = text.replace('/', ".");
                return Err(format!(
                    "is no name of a member, but reads as a path: write `$.{path}`, or for a member that is called so \
                     `$..['{}']`",
                    text.replace('\\', "\\\\").replace('\'', "\\'")
                ));
            }
            Some(_) => Ok(Path::field(&text)),
        };
        path.map(Self).map_err(|fault| fault.to_string())
    }
}

tables! {
    Rule: "{ select = [\"$.email\"], action = \"mask\" }",
    Handling: "{ action = \"mask\" }",
    Allow: "{ select = [\"$.id\"], action = \"remove\" }",
    Detect: "{ kinds = [\"email\"], action = \"mask\" }",
}

/// What values are counted as: one word.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Class(pub(crate) String);

impl Default for Class {
    fn default() -> Self {
        Self("personal".to_owned())
    }
}

impl TryFrom<String> for Class {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_fine) {
            Ok(Self(text))
        } else {
            Err("must be a word of 1 to 64 letters of `a-z0-9-_`")
        }
    }
}

impl On {
    pub(crate) fn covers(self, direction: lockgate_sdk::Direction) -> bool {
        use lockgate_sdk::Direction;
        matches!(
            (self, direction),
            (Self::Both, _) | (Self::Request, Direction::Request) | (Self::Response, Direction::Response)
        )
    }
}

impl Class {
    /// Of what is found by looking.
    pub(crate) fn detected() -> Self {
        Self("detected".to_owned())
    }

    /// Of texts that should be documents and are none.
    pub(crate) fn embedded() -> Self {
        Self("embedded".to_owned())
    }

    /// Of what nobody listed.
    pub(crate) fn unlisted() -> Self {
        Self("unlisted".to_owned())
    }

    /// Of what a document classifies: its category, as a word.
    pub(crate) fn of(annotation: &Annotation) -> Self {
        let word = |byte: u8| {
            let byte = byte.to_ascii_lowercase();
            if byte.is_ascii_lowercase() || byte.is_ascii_digit() { char::from(byte) } else { '-' }
        };
        Self(annotation.category.bytes().take(64).map(word).collect())
    }
}
