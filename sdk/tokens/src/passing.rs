//! What becomes of a request once its token is known: the token goes, and what it claims is passed on.

use crate::{ClaimPath, Claims};
use lockgate_sdk::names::{AttributeName, FieldName};
use lockgate_sdk::{ConfigError, Edits, Interest};
use std::collections::BTreeMap;

/// Most claims passed on, to attributes and to fields each.
const MAX_PASSED_ON: usize = 32;
/// Longest attribute value the gateway takes; longer ones are not written, so that the request does not fail for it.
const MAX_ATTRIBUTE_VALUE: usize = 4 * 1024;

/// Which claims are passed on, and whether the token is.
#[derive(Debug)]
pub struct Passing {
    /// The field that holds the token.
    pub field: FieldName,
    /// Whether it stays there.
    pub forward_token: bool,
    /// Claims for later policies.
    pub attributes: BTreeMap<ClaimPath, AttributeName>,
    /// Claims for the upstream.
    pub headers: BTreeMap<ClaimPath, FieldName>,
}

impl Passing {
    /// What has to be read and written for it.
    pub fn declare(&self, interest: Interest) -> Interest {
        let mut interest = interest.request_read(self.field.as_str());
        if !self.forward_token {
            interest = interest.request_write(self.field.as_str());
        }
        for header in self.headers.values() {
            interest = interest.request_write(header.as_str());
        }
        for attribute in self.attributes.values() {
            interest = interest.attribute_write(attribute.as_str());
        }
        interest
    }

    /// The changes where there is a token.
    pub fn with_claims(&self, claims: &Claims) -> Edits {
        let mut edits = Edits::new();
        if !self.forward_token {
            edits = edits.remove(self.field.as_str());
        }
        for (path, header) in &self.headers {
            edits = match claims.text(path) {
                Some(text) => edits.set(header.as_str(), text.as_bytes()),
                None => edits.remove(header.as_str()),
            };
        }
        for (path, attribute) in &self.attributes {
            let text = claims.text(path);
            if let Some(text) = text.filter(|text| text.len() <= MAX_ATTRIBUTE_VALUE) {
                edits = edits.attribute(attribute.as_str(), text.as_bytes());
            }
        }
        edits
    }

    /// The changes where there is none: what a client sent in the fields that speak for a token goes.
    pub fn without_token(&self) -> Edits {
        self.headers.values().fold(Edits::new(), |edits, header| edits.remove(header.as_str()))
    }

    /// Too many claims, or several in one place.
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        let passed_on = [("attributes", self.attributes.len()), ("headers", self.headers.len())];
        for (path, count) in passed_on {
            if count > MAX_PASSED_ON {
                let message = format!("must hold at most {MAX_PASSED_ON} claims");
                faults.push(ConfigError::new(path, message));
            }
        }
        faults.extend(self.field_faults());
        faults.extend(self.attribute_faults());
        faults
    }

    /// Two claims for one field would make it a matter of order which one the upstream believes.
    fn field_faults(&self) -> impl Iterator<Item = ConfigError> {
        self.headers.iter().enumerate().filter_map(|(at, (path, field))| {
            let message = if *field == self.field {
                "this field holds the token; name another one"
            } else if self.headers.values().take(at).any(|earlier| earlier == field) {
                "another claim is passed on in this field already"
            } else {
                return None;
            };
            Some(ConfigError::new(under("headers", path), message))
        })
    }

    fn attribute_faults(&self) -> impl Iterator<Item = ConfigError> {
        let attributes = self.attributes.iter().enumerate();
        attributes.filter_map(|(at, (path, name))| {
            let mut earlier = self.attributes.values().take(at);
            earlier.any(|earlier| earlier == name).then(|| {
                let message = "another claim is passed on in this attribute already";
                ConfigError::new(under("attributes", path), message)
            })
        })
    }
}

/// `sub` as `auth.sub`, which is passed on unless something else is said.
pub fn default_attributes() -> BTreeMap<ClaimPath, AttributeName> {
    let path = ClaimPath::try_from("sub".to_owned());
    let name = AttributeName::try_from("auth.sub".to_owned());
    path.ok().zip(name.ok()).into_iter().collect()
}

fn under(table: &str, path: &ClaimPath) -> String {
    format!("{table}.{}", path.steps().join("."))
}
