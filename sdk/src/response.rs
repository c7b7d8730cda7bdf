//! A complete answer made by a policy.

use crate::packed::{self, Names};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Builder for an answer. `content-length` and hop-by-hop fields belong to the host; naming them is a fault.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// An answer without fields and body; `status` is 200 to 599.
    pub fn new(status: u16) -> Self {
        Self { status, fields: Vec::new(), body: Vec::new() }
    }

    /// An answer with a JSON body. A value that cannot be written as JSON, such as a map whose keys are not strings,
    /// gives a 500 without body.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        Self::with_json(status, "application/json", value)
    }

    /// An error answer, `application/problem+json` (RFC 9457). `title` names the kind of error, `detail` this
    /// occurrence of it.
    pub fn problem(status: u16, title: &str, detail: &str) -> Self {
        Problem::new(status, title).detail(detail).into()
    }

    /// Add a header field; earlier values of the name stay.
    pub fn field(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        packed::push(&mut self.fields, name.as_ref(), value.as_ref());
        self
    }

    /// The body; its media type is the caller's to name.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn with_json(status: u16, media_type: &str, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(status).field("content-type", media_type).body(body),
            Err(_) => Self::new(500),
        }
    }
}

/// Builder for an error answer, `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Problem<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(flatten)]
    members: BTreeMap<&'a str, serde_json::Value>,
}

impl<'a> Problem<'a> {
    /// `title` names the kind of error in words; `status` is 200 to 599.
    pub fn new(status: u16, title: &'a str) -> Self {
        Self { kind: None, title, status, detail: None, members: BTreeMap::new() }
    }

    /// The kind of error as a URI, which clients may go by.
    pub fn kind(mut self, uri: &'a str) -> Self {
        self.kind = Some(uri);
        self
    }

    /// This occurrence of it, for people.
    pub fn detail(mut self, detail: &'a str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// One more member, for programs; a value that cannot be written as JSON is left out.
    pub fn member(mut self, name: &'a str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.members.insert(name, value);
        }
        self
    }
}

impl From<Problem<'_>> for Response {
    fn from(problem: Problem<'_>) -> Self {
        Self::with_json(problem.status, "application/problem+json", &problem)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("fields", &Names(&self.fields))
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_status_title_and_detail() {
        let response = Response::problem(403, "Forbidden", "no \"key\"").field("vary", "origin");
        assert_eq!(response.status_code(), 403);
        assert_eq!(response.values("content-type"), ["application/problem+json"]);
        assert_eq!(response.values("vary"), ["origin"]);
        assert_eq!(response.text(), r#"{"title":"Forbidden","status":403,"detail":"no \"key\""}"#);
    }

    #[test]
    fn a_problem_has_a_kind_and_members_of_its_own() {
        let problem = Problem::new(429, "Too much").kind("urn:x").member("violated", ["a", "b"]);
        assert_eq!(
            Response::from(problem).text(),
            r#"{"type":"urn:x","title":"Too much","status":429,"violated":["a","b"]}"#
        );
    }

    #[test]
    fn a_value_that_json_cannot_hold_becomes_a_bare_500() {
        let unwritable = BTreeMap::from([((1, 2), 3)]);
        assert_eq!(Response::json(200, &unwritable), Response::new(500));
    }
}
