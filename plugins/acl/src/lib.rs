//! The `acl` policy: requests pass where the attributes that policies before it wrote have values that are allowed, and none that is denied.

use lockgate_sdk::Problem;
use lockgate_sdk::names::AttributeName;
use lockgate_sdk::prelude::*;
use std::collections::BTreeMap;

/// Most attributes of each table, and most values of each of them.
const MAX_ATTRIBUTES: usize = 16;
const MAX_VALUES: usize = 256;
const NOT_ALLOWED: &str = "urn:problem-type:lockgate:not_allowed";

/// The policy; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acl {
    #[serde(default)]
    allow: BTreeMap<AttributeName, Vec<Value>>,
    #[serde(default)]
    deny: BTreeMap<AttributeName, Vec<Value>>,
    #[serde(default)]
    separator: Option<Separator>,
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

/// What stands between the values of an attribute that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Separator {
    Space,
    Comma,
}

impl Policy for Acl {
    fn interest(&self) -> Interest {
        let named = self.allow.keys().chain(self.deny.keys());
        named.fold(Interest::new().may_respond(), |interest, name| interest.attribute_read(name.as_str()))
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = Vec::new();
        if self.allow.is_empty() && self.deny.is_empty() {
            faults.push(ConfigError::new("", "must say in `allow` or `deny` whom it is about"));
        }
        for (path, table) in [("allow", &self.allow), ("deny", &self.deny)] {
            if table.len() > MAX_ATTRIBUTES {
                faults.push(ConfigError::new(path, format!("must name at most {MAX_ATTRIBUTES} attributes")));
            }
            for (name, values) in table {
                if !(1..=MAX_VALUES).contains(&values.len()) {
                    let message = format!("must hold 1 to {MAX_VALUES} values");
                    faults.push(ConfigError::new(format!("{path}.{}", name.as_str()), message));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Acl {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let has = |(name, values): (&AttributeName, &Vec<Value>)| {
            let held = head.attribute(name.as_str()).unwrap_or_default();
            self.each(held).any(|held| values.iter().any(|value| value.is(held)))
        };
        // What is no text is no value of a list, so where it could be one that is denied nobody can tell.
        let is_unreadable = |name: &AttributeName| {
            head.get(&format!("@{}", name.as_str())).is_some_and(|held| str::from_utf8(held).is_err())
        };
        if self.allow.iter().all(has) && !self.deny.iter().any(has) && !self.deny.keys().any(is_unreadable) {
            return Verdict::Pass;
        }
        let problem = Problem::new(403, "Forbidden").kind(NOT_ALLOWED).detail("not for who asks");
        Response::from(problem).into()
    }
}

impl Acl {
    /// The values an attribute has; none where it is not there.
    fn each<'v>(&self, held: &'v str) -> impl Iterator<Item = &'v str> {
        let separator = self.separator;
        let between = move |letter: char| match separator {
            Some(Separator::Space) => letter == ' ',
            Some(Separator::Comma) => letter == ',',
            None => false,
        };
        let values = held.split(between).map(move |value| if separator.is_some() { value.trim() } else { value });
        values.filter(|value| !value.is_empty())
    }
}

lockgate_sdk::export!(Acl: RequestPhase);
