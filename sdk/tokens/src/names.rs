//! What an operator writes about tokens, as types that cannot be wrong.

use lockgate_sdk::ConfigError;
use serde::Deserialize;
use serde_json::Value;

/// The way to a claim: `sub`, or `realm_access.roles` inside an object.
///
/// A name with `:` or `/` is a URI, such as `https://example.com/roles`, and taken whole in spite of its dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// Member names from the outermost object inwards; never empty.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// Whether it is this claim of the outermost object.
    pub fn is(&self, name: &str) -> bool {
        self.0 == [name]
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        let steps: Vec<String> =
            if path.contains([':', '/']) { vec![path] } else { path.split('.').map(str::to_owned).collect() };
        if steps.iter().any(String::is_empty) {
            return Err("must be the name of a claim, or names joined by single dots");
        }
        Ok(Self(steps))
    }
}

/// A `scope-token` of RFC 6749 section 3.3.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Scope(String);

impl Scope {
    /// The scope, which can stand between quotes as it is.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Scope {
    type Error = &'static str;

    fn try_from(scope: String) -> Result<Self, Self::Error> {
        if scope.is_empty() || !scope.bytes().all(|byte| byte != b' ' && is_unquoted(byte)) {
            return Err("must be one scope: printable ASCII without spaces, quotes and backslashes");
        }
        Ok(Self(scope))
    }
}

/// One string or a list of at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Strings(Vec<String>);

impl Strings {
    /// This one.
    pub fn one(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }

    /// Whether it is one of them.
    pub fn contains(&self, text: &str) -> bool {
        self.0.iter().any(|known| known == text)
    }
}

impl TryFrom<Value> for Strings {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let text = |value| match value {
            Value::String(text) if !text.is_empty() => Ok(text),
            _ => Err("must be a string that is not empty, or a list of such"),
        };
        let strings: Result<_, _> = one_or_many(value)?.into_iter().map(text).collect();
        Ok(Self(strings?))
    }
}

/// Values a claim may have: one or a list of at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Allowed(Vec<Value>);

impl Allowed {
    /// Whether it is one of them, of the same type.
    pub fn contains(&self, value: &Value) -> bool {
        self.0.contains(value)
    }

    /// Whether this text is one of them.
    pub fn contains_text(&self, text: &str) -> bool {
        self.0.iter().any(|known| known == text)
    }
}

impl TryFrom<Value> for Allowed {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let values = one_or_many(value)?;
        let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        if !values.iter().all(scalar) {
            return Err("must be a string, a number or a boolean, or a list of such");
        }
        Ok(Self(values))
    }
}

/// The fault of a check that is neither made nor waived, or both: `name` says what is accepted, `any_NAME` that anything is.
pub fn named_or_any(name: &str, named: bool, any: bool) -> Option<ConfigError> {
    let message = match (named, any) {
        (true, false) | (false, true) => return None,
        (false, false) => format!("must name what tokens are accepted from; `any_{name} = true` accepts all"),
        (true, true) => format!("contradicts `any_{name} = true`; leave one out"),
    };
    Some(ConfigError::new(name, message))
}

fn one_or_many(value: Value) -> Result<Vec<Value>, &'static str> {
    match value {
        Value::Array(values) if values.is_empty() => Err("must hold at least one value"),
        Value::Array(values) => Ok(values),
        value => Ok(vec![value]),
    }
}

/// Printable ASCII that stands for itself inside a quoted string.
fn is_unquoted(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claim_paths_split_at_dots_unless_they_are_uris() {
        let cases = [
            ("sub", &["sub"][..]),
            ("realm_access.roles", &["realm_access", "roles"]),
            ("https://example.com/roles", &["https://example.com/roles"]),
            ("urn:a.b:c", &["urn:a.b:c"]),
        ];
        for (path, steps) in cases {
            let path = ClaimPath::try_from(path.to_owned()).unwrap();
            assert_eq!(path.steps(), steps);
        }
        for path in ["", ".", "a.", ".a", "a..b"] {
            assert!(ClaimPath::try_from(path.to_owned()).is_err(), "{path}");
        }
    }

    #[test]
    fn what_would_break_a_quoted_string_is_refused() {
        for text in ["a\"b", "a\\b", "a\nb", "\u{e9}"] {
            assert!(Scope::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(Scope::try_from("a b".to_owned()).is_err());
    }

    #[test]
    fn lists_may_be_written_as_one_value_and_are_never_empty() {
        assert!(Strings::try_from(json!("a")).unwrap().contains("a"));
        assert!(Strings::try_from(json!(["a", "b"])).unwrap().contains("b"));
        for value in [json!([]), json!(""), json!(1), json!(["a", 1]), json!(null)] {
            assert!(Strings::try_from(value.clone()).is_err(), "{value}");
        }
        assert!(Allowed::try_from(json!([1, true])).unwrap().contains(&json!(1)));
        for value in [json!([]), json!({}), json!(null), json!([["a"]])] {
            assert!(Allowed::try_from(value.clone()).is_err(), "{value}");
        }
    }
}
