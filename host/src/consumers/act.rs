//! What can be done to consumers, applications and keys, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::key::{Env, KeyId};
use super::name::{Application, Attributes, Description, Holder, NameError};
use crate::record::Why;

/// Keys of one application and environment that are good at once: one, and the one it is to be replaced by.
pub(super) const MOST_ACTIVE: usize = 2;
/// Keys of one application that are not good any more and still told of; older ones go.
pub(super) const MOST_ENDED: usize = 64;
/// Keys of one application that are good, whatever they are for.
pub(super) const MOST_GOOD: usize = 16;
/// Consumers, applications of one consumer, and keys of all: those are in memory.
pub(super) const MOST_CONSUMERS: usize = 100_000;
pub(super) const MOST_APPLICATIONS: usize = 256;
pub(super) const MOST_KEYS: usize = 250_000;
/// Keys that are named on record where many end at once.
const MOST_NAMED: usize = 64;
/// Longest time until a key expires.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(3650 * 86_400);
/// Longest time a key stays good beside the one that takes its place.
pub(crate) const LONGEST_OVERLAP: Duration = Duration::from_secs(90 * 86_400);

/// One act, as the admin listener is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Act {
    /// There is one more consumer, or application of one.
    Add {
        holder: Holder,
        #[serde(default)]
        description: Description,
        #[serde(default)]
        attributes: Attributes,
    },
    /// Something else is said of one; what is not named stays.
    Set {
        holder: Holder,
        #[serde(default)]
        description: Option<Description>,
        /// Null takes an attribute away.
        #[serde(default)]
        attributes: BTreeMap<String, Option<String>>,
        /// Its keys are good for nothing as long as it is.
        #[serde(default)]
        disabled: Option<bool>,
    },
    /// One is gone, and all below it.
    Remove {
        holder: Holder,
        /// Even where there are keys that are good.
        #[serde(default)]
        with_keys: bool,
    },
    MakeKey {
        application: Application,
        environment: Env,
        #[serde(default)]
        note: Description,
        #[serde(default)]
        bounds: Bounds,
        /// In seconds; without it the key does not expire.
        #[serde(default)]
        expires_in: Option<u64>,
    },
    /// Another key for the same takes the place of one.
    RotateKey {
        key: KeyId,
        /// Seconds for which both are good.
        overlap: u64,
        /// Of the new one, in seconds; without it as long as the old one was made for.
        #[serde(default)]
        expires_in: Option<u64>,
    },
    RevokeKey {
        key: KeyId,
    },
}

/// What came of an act. It holds a key, once.
#[derive(Serialize, Deserialize)]
pub(crate) struct Done {
    /// Of the record; none where all was so before, and nothing was done.
    pub(crate) entry: Option<u64>,
    /// The consumer or application it was about.
    pub(crate) of: Holder,
    /// The id of the key it was about, or of the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyId>,
    /// The new key itself, which nobody can tell again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// When the new key expires, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<u64>,
    /// When the one does whose place it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before_expires: Option<u64>,
}

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("there is no {}", missing(.0))]
    NoHolder(Holder),
    #[error("there is no key {0}; `lockgate key list` tells which there are")]
    NoKey(KeyId),
    #[error("`{0}` is there already")]
    Exists(Holder),
    #[error("`{1}` has keys that are good, {0} of them: revoke them first, or have them end with it (`--with-keys`)")]
    HasKeys(usize, Holder),
    #[error(
        "`{0}` has {MOST_ACTIVE} keys for `{1}` that are good, {2}; `lockgate key revoke` one, for no more than one is needed beside the one in use"
    )]
    TwoActive(Application, Env, String),
    #[error("the key {0} is not good any more; make another with `lockgate key add`")]
    Ended(KeyId),
    #[error("there are too many {0}: {1} at most")]
    Many(&'static str, usize),
    #[error("{0} is not a time of 1 s to {1} s")]
    Time(u64, u64),
    #[error(transparent)]
    Name(#[from] NameError),
    /// Nothing can be done at present.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0:#}; nothing was done")]
    Failed(anyhow::Error),
    /// The record says that it was done.
    #[error("{0:#}; it is not known whether it was done")]
    Unknown(anyhow::Error),
}

impl Act {
    /// As the record has it: all that was said but the values of attributes, which may be about people.
    pub(super) fn why(&self, of: &Holder, keys: &[KeyId]) -> Why {
        let (act, said) = match self {
            Self::Add { attributes, description, .. } => {
                let mut said = attributes_of(attributes.iter().map(|(name, _)| name));
                said.extend(with("description", description));
                ("added", said)
            }
            Self::Set { description, attributes, disabled, .. } => {
                let mut said = attributes_of(attributes.keys().map(String::as_str));
                said.extend(description.is_some().then(|| "description".to_owned()));
                let act = match disabled {
                    Some(disabled) if said.is_empty() => {
                        if *disabled {
                            "disabled"
                        } else {
                            "enabled"
                        }
                    }
                    Some(disabled) => {
                        said.push(if *disabled { "disabled" } else { "enabled" }.to_owned());
                        "changed"
                    }
                    None => "changed",
                };
                (act, said)
            }
            Self::Remove { .. } => ("removed", Vec::new()),
            Self::MakeKey { environment, bounds, expires_in, note, .. } => {
                let mut said = vec![environment.to_string(), format!("good for {bounds}")];
                said.extend(with("note", note));
                said.extend(expires_in.map(|life| format!("for {life} s")));
                ("key-made", said)
            }
            Self::RotateKey { overlap, expires_in, .. } => {
                let mut said = vec![format!("both for {overlap} s")];
                said.extend(expires_in.map(|life| format!("the new one for {life} s")));
                ("key-rotated", said)
            }
            Self::RevokeKey { .. } => ("key-revoked", Vec::new()),
        };
        let more = keys.len().saturating_sub(MOST_NAMED);
        let named = keys.iter().take(MOST_NAMED).map(KeyId::to_string);
        let keys = named.chain((more > 0).then(|| format!("and {more} more"))).collect();
        Why::Consumers { act: act.to_owned(), of: of.to_string(), said: said.join(", "), keys }
    }
}

fn with(what: &str, text: &Description) -> Option<String> {
    (*text != Description::default()).then(|| what.to_owned())
}

/// What is not there, and how it would be.
fn missing(holder: &Holder) -> String {
    match holder {
        Holder::Consumer(name) => format!("consumer `{name}`; `lockgate consumer add {name}` adds it"),
        Holder::Application(name) => format!("application `{name}`; `lockgate app add {name}` adds it"),
    }
}

fn attributes_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(|name| format!("attribute {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_read_as_they_are_written_and_nothing_else_is() {
        for text in [
            r#"{"act":"add","holder":"shop","attributes":{"plan":"gold"}}"#,
            r#"{"act":"set","holder":"shop/web","attributes":{"plan":null},"disabled":true}"#,
            r#"{"act":"make-key","application":"shop/web","environment":"live","bounds":{"to":["pets"]},"expires_in":60}"#,
            r#"{"act":"rotate-key","key":"0123456789abcdef","overlap":0}"#,
        ] {
            let act: Act = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::from_str::<Act>(&serde_json::to_string(&act).unwrap()).unwrap(), act, "{text}");
        }
        for wrong in [
            r#"{"act":"add"}"#,
            r#"{"act":"add","holder":"Shop"}"#,
            r#"{"act":"add","holder":"shop","disabled":true}"#,
            r#"{"act":"make-key","application":"shop","environment":"live"}"#,
            r#"{"act":"make-key","application":"shop/web","environment":"Live"}"#,
            r#"{"act":"revoke-key","key":"0123456789abcdei"}"#,
            r#"{"act":"steal-key","key":"0123456789abcdef"}"#,
        ] {
            assert!(serde_json::from_str::<Act>(wrong).is_err(), "{wrong}");
        }
    }
}
