//! A complete answer made by a policy.

use crate::packed::{self, Names};
use serde::Serialize;
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
        #[derive(Serialize)]
        struct Problem<'a> {
            title: &'a str,
            status: u16,
            detail: &'a str,
        }
        let problem = Problem { title, status, detail };
        Self::with_json(status, "application/problem+json", &problem)
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
    use std::collections::BTreeMap;

    #[test]
    fn a_problem_names_status_title_and_detail() {
        let response = Response::problem(403, "Forbidden", "no \"key\"").field("vary", "origin");
        assert_eq!(response.status_code(), 403);
        assert_eq!(response.values("content-type"), ["application/problem+json"]);
        assert_eq!(response.values("vary"), ["origin"]);
        assert_eq!(response.text(), r#"{"title":"Forbidden","status":403,"detail":"no \"key\""}"#);
    }

    #[test]
    fn a_value_that_json_cannot_hold_becomes_a_bare_500() {
        let unwritable = BTreeMap::from([((1, 2), 3)]);
        assert_eq!(Response::json(200, &unwritable), Response::new(500));
    }
}
