//! Where keys are looked for, and what becomes of what is known then.

use lockgate_sdk::names::{AttributePrefix, FieldName, Realm};
use lockgate_sdk::prelude::*;

const AUTHORIZATION: &str = "authorization";
const USUAL: &str = "x-api-key";

/// As the operator writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The field that holds a bare key.
    header: Option<FieldName>,
    /// Whether `Authorization: Bearer` may hold one.
    pub(crate) bearer: bool,
    /// The parameter of the query that may hold one.
    pub(crate) query: Option<Parameter>,
    pub(crate) optional: bool,
    /// Whether the upstream sees the key.
    pub(crate) forward: bool,
    pub(crate) prefix: AttributePrefix,
    pub(crate) realm: Realm,
}

impl Config {
    /// The field that holds a bare key, which is the usual one where keys are nowhere else.
    pub(crate) fn header(&self) -> Option<&str> {
        let usual = (!self.bearer && self.query.is_none()).then_some(USUAL);
        self.header.as_ref().map(FieldName::as_str).or(usual)
    }

    /// Fields that may hold a key.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.header().into_iter().chain(self.bearer.then_some(AUTHORIZATION))
    }

    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let is_authorization = self.header.as_ref().is_some_and(|header| header.as_str() == AUTHORIZATION);
        let fault = is_authorization
            .then(|| ConfigError::new("header", "must be another; for `authorization` say `bearer = true`"));
        fault.into_iter().collect()
    }
}

/// The name of a parameter of the query, which stands there as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Parameter(String);

impl Parameter {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Parameter {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err("must be the name of a parameter: 1 to 64 letters, digits, `-`, `.`, `_` and `~`");
        }
        Ok(Self(name))
    }
}
