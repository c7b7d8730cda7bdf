//! The `acl` policy: requests pass where the attributes that policies before it wrote have values that are allowed, and none that is denied.

use lockgate_sdk::Problem;
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
    allow: BTreeMap<Name, Vec<Value>>,
    #[serde(default)]
    deny: BTreeMap<Name, Vec<Value>>,
    #[serde(default)]
    separator: Option<Separator>,
}

/// The name of an attribute, without `@`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let is_name = (1..=128).contains(&text.len()) && text.bytes().all(fits);
        if is_name {
            Ok(Self(text))
        } else {
            Err("must be an attribute: 1 to 128 of a-z, 0-9, `.`, `_`, `-`".to_owned())
        }
    }
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
        named.fold(Interest::new().may_respond(), |interest, name| interest.attribute_read(&name.0))
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
                    faults.push(ConfigError::new(format!("{path}.{}", name.0), message));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Acl {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let has = |(name, values): (&Name, &Vec<Value>)| {
            let held = head.attribute(&name.0).unwrap_or_default();
            self.each(held).any(|held| values.iter().any(|value| value.is(held)))
        };
        // What is no text is no value of a list, so where it could be one that is denied nobody can tell.
        let is_unreadable =
            |name: &Name| head.get(&format!("@{}", name.0)).is_some_and(|held| str::from_utf8(held).is_err());
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

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::{self, Facts};

    fn status(config: &str, attributes: &[(&str, &str)]) -> u16 {
        let policy: Acl = testing::configure(config).unwrap();
        let facts = attributes.iter().fold(Facts::request(), |facts, (name, value)| facts.attribute(name, value));
        policy.on_request(&facts.build().head()).response().map_or(200, Response::status_code)
    }

    #[test]
    fn each_attribute_must_have_a_value_that_is_allowed_and_none_that_is_denied() {
        let config = r#"{"allow":{"auth.role":["admin","ops"],"auth.team":["eu-*"]},"deny":{"auth.sub":["mallory"]}}"#;
        for (attributes, expected) in [
            (&[("auth.role", "ops"), ("auth.team", "eu-west"), ("auth.sub", "ada")][..], 200),
            (&[("auth.role", "ops"), ("auth.team", "eu-west")], 200),
            (&[("auth.role", "ops"), ("auth.team", "us-west")], 403),
            (&[("auth.role", "Ops"), ("auth.team", "eu-west")], 403),
            (&[("auth.team", "eu-west")], 403),
            (&[("auth.role", "ops"), ("auth.team", "eu-west"), ("auth.sub", "mallory")], 403),
            (&[], 403),
        ] {
            assert_eq!(status(config, attributes), expected, "{attributes:?}");
        }
    }

    #[test]
    fn a_list_in_an_attribute_is_one_only_where_that_is_said() {
        let roles = &[("auth.roles", "guest, admin")];
        assert_eq!(status(r#"{"allow":{"auth.roles":["admin"]}}"#, roles), 403);
        assert_eq!(status(r#"{"allow":{"auth.roles":["admin"]},"separator":"comma"}"#, roles), 200);
        assert_eq!(status(r#"{"deny":{"auth.roles":["guest"]},"separator":"comma"}"#, roles), 403);
        assert_eq!(status(r#"{"allow":{"scope":["pets:*"]},"separator":"space"}"#, &[("scope", "a pets:read")]), 200);
    }

    #[test]
    fn an_attribute_that_is_there_is_what_a_star_alone_asks_for() {
        let config = r#"{"allow":{"auth.sub":["*"]}}"#;
        assert_eq!((status(config, &[("auth.sub", "ada")]), status(config, &[])), (200, 403));
        assert_eq!(status(config, &[("auth.sub", "")]), 403);
    }

    #[test]
    fn what_nobody_can_read_is_denied() {
        let policy: Acl = testing::configure(r#"{"deny":{"auth.sub":["mallory"]}}"#).unwrap();
        let head = Facts::request().field("@auth.sub", b"mallory\xff").build();
        assert!(policy.on_request(&head.head()).response().is_some());
    }

    #[test]
    fn faulty_configurations_are_named() {
        for (config, path) in [
            ("{}", ""),
            (r#"{"allow":{"Auth":["a"]}}"#, "allow.Auth"),
            (r#"{"allow":{"auth.sub":[]}}"#, "allow.auth.sub"),
            (r#"{"allow":{"auth.sub":["a*b"]}}"#, "allow.auth.sub[0]"),
            (r#"{"deny":{"auth.sub":[""]}}"#, "deny.auth.sub[0]"),
            (r#"{"deny":{"auth.sub":["a"]},"separator":";"}"#, "separator"),
        ] {
            let faults = testing::configure::<Acl>(config).unwrap_err();
            assert_eq!(faults[0].path, path, "{config}: {faults:?}");
        }
    }
}
