//! What consumers and applications are called, and what is said of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name, description, name and value of an attribute; most attributes of one holder.
const LONGEST_NAME: usize = 64;
const LONGEST_DESCRIPTION: usize = 256;
const LONGEST_ATTRIBUTE: usize = 64;
const LONGEST_VALUE: usize = 1024;
const MOST_ATTRIBUTES: usize = 16;
/// What the gateway says itself of whoever calls.
const TAKEN: [&str; 4] = ["consumer", "application", "key", "environment"];

/// The name of a consumer, or of an application among those of its consumer: 1 to 64 of a-z, 0-9, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Name(String);

/// An application by its consumer and its own name: `shop/web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Application {
    pub(crate) consumer: Name,
    pub(crate) name: Name,
}

/// Who has attributes and can be disabled: `shop`, or `shop/web`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Holder {
    Consumer(Name),
    Application(Application),
}

/// A line for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Description(String);

/// What policies are told of a holder beside its name, by names without `@`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub(crate) struct Attributes(BTreeMap<String, String>);

/// Why something cannot be called or said so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("{0:?} is no name: those are 1 to {LONGEST_NAME} of a-z, 0-9, `.`, `_` and `-`")]
    Name(String),
    #[error("{0:?} is no application: those are named CONSUMER/APPLICATION")]
    Application(String),
    #[error("a description is one line of at most {LONGEST_DESCRIPTION} letters")]
    Description,
    #[error("{0:?} is no name of an attribute: those are 1 to {LONGEST_ATTRIBUTE} of a-z, 0-9, `.`, `_` and `-`")]
    Attribute(String),
    #[error("the attribute `{0}` is what the gateway says itself; choose another name")]
    Taken(String),
    #[error("the value of the attribute `{0}` is no line of 1 to {LONGEST_VALUE} bytes")]
    Value(String),
    #[error("there can be {MOST_ATTRIBUTES} attributes, and not more")]
    Many,
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_name = is_word(text, LONGEST_NAME);
        is_name.then(|| Self(text.to_owned())).ok_or_else(|| NameError::Name(text.chars().take(LONGEST_NAME).collect()))
    }
}

impl FromStr for Application {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (consumer, name) = text
            .split_once('/')
            .ok_or_else(|| NameError::Application(text.chars().take(2 * LONGEST_NAME).collect()))?;
        Ok(Self { consumer: consumer.parse()?, name: name.parse()? })
    }
}

impl FromStr for Holder {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains('/') { text.parse().map(Self::Application) } else { text.parse().map(Self::Consumer) }
    }
}

impl From<Name> for Holder {
    fn from(consumer: Name) -> Self {
        Self::Consumer(consumer)
    }
}

impl From<Application> for Holder {
    fn from(application: Application) -> Self {
        Self::Application(application)
    }
}

impl FromStr for Description {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_line = text.chars().count() <= LONGEST_DESCRIPTION && !text.chars().any(char::is_control);
        is_line.then(|| Self(text.to_owned())).ok_or(NameError::Description)
    }
}

impl Attributes {
    pub(crate) fn new(all: BTreeMap<String, String>) -> Result<Self, NameError> {
        if all.len() > MOST_ATTRIBUTES {
            return Err(NameError::Many);
        }
        for (name, value) in &all {
            if !is_word(name, LONGEST_ATTRIBUTE) {
                return Err(NameError::Attribute(name.chars().take(LONGEST_ATTRIBUTE).collect()));
            }
            if TAKEN.contains(&name.as_str()) {
                return Err(NameError::Taken(name.clone()));
            }
            if !(1..=LONGEST_VALUE).contains(&value.len()) || value.chars().any(char::is_control) {
                return Err(NameError::Value(name.clone()));
            }
        }
        Ok(Self(all))
    }

    /// With these in the place of those of the same name; without those that are none.
    pub(crate) fn changed(self, changes: &BTreeMap<String, Option<String>>) -> Result<Self, NameError> {
        let mut all = self.0;
        for (name, value) in changes {
            match value {
                Some(value) => drop(all.insert(name.clone(), value.clone())),
                None => drop(all.remove(name)),
            }
        }
        Self::new(all)
    }

    /// With those of `inner`, which come first where both have one.
    pub(super) fn with(mut self, inner: Self) -> Self {
        self.0.extend(inner.0);
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn is_word(text: &str, longest: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(fits)
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Application {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.consumer, self.name)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consumer(consumer) => consumer.fmt(out),
            Self::Application(application) => application.fmt(out),
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

super::spelled!(NameError: Name, Application, Holder, Description);

impl TryFrom<BTreeMap<String, String>> for Attributes {
    type Error = NameError;

    fn try_from(all: BTreeMap<String, String>) -> Result<Self, NameError> {
        Self::new(all)
    }
}

impl From<Attributes> for BTreeMap<String, String> {
    fn from(attributes: Attributes) -> Self {
        attributes.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_words_and_applications_have_two() {
        for (text, is_holder, is_application) in [
            ("shop", true, false),
            ("shop/web", true, true),
            ("a.b_c-9", true, false),
            ("", false, false),
            ("Shop", false, false),
            ("shop/", false, false),
            ("/web", false, false),
            ("a/b/c", false, false),
            ("sh op", false, false),
            ("zürich", false, false),
            (&"a".repeat(64), true, false),
            (&"a".repeat(65), false, false),
        ] {
            let (holder, application) = (text.parse::<Holder>(), text.parse::<Application>());
            assert_eq!((holder.is_ok(), application.is_ok()), (is_holder, is_application), "{text}");
            assert!(holder.is_err() || holder.unwrap().to_string() == text);
        }
    }

    #[test]
    fn attributes_are_few_and_short_and_not_those_of_the_gateway() {
        let of = |name: &str, value: &str| Attributes::new([(name.to_owned(), value.to_owned())].into());
        assert!(of("plan", "gold").is_ok());
        assert_eq!(of("key", "x"), Err(NameError::Taken("key".into())));
        assert_eq!(of("Plan", "x"), Err(NameError::Attribute("Plan".into())));
        for value in ["", "a\nb", &"a".repeat(1025)] {
            assert_eq!(of("plan", value), Err(NameError::Value("plan".into())));
        }
        let many = |count: usize| Attributes::new((0..count).map(|n| (format!("a{n}"), "x".to_owned())).collect());
        assert!(many(16).is_ok());
        assert_eq!(many(17), Err(NameError::Many));
    }

    #[test]
    fn changes_set_and_remove_and_those_of_an_application_come_first() {
        let of = |all: &[(&str, &str)]| {
            Attributes::new(all.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()).unwrap()
        };
        let changes = [("plan".to_owned(), Some("gold".to_owned())), ("region".to_owned(), None)].into();
        let changed = of(&[("plan", "free"), ("region", "eu"), ("team", "a")]).changed(&changes).unwrap();
        assert_eq!(changed, of(&[("plan", "gold"), ("team", "a")]));
        assert_eq!(changed.with(of(&[("team", "b")])), of(&[("plan", "gold"), ("team", "b")]));
    }
}
