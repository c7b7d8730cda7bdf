//! A response as a test sees it, and the list of fields a response may have.

use serde_json::Value;

use crate::wire::Fields;

/// Fields the gateway, its built-in policies, a new policy and the upstreams of tests send. Anything else is a leak,
/// unless it begins with `x-test-`.
const EXPECTED: &[&str] = &[
    "accept",
    "accept-ranges",
    "accept-signature",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "cache-control",
    "connection",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "date",
    "dpop-nonce",
    "etag",
    "link",
    "location",
    "lockgate-explain",
    "ratelimit",
    "ratelimit-policy",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "via",
    "www-authenticate",
    "x-content-type-options",
    "x-greeting",
    "x-request-id",
];

/// A response, read to its end.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub fields: Fields,
    pub body: Vec<u8>,
}

impl Response {
    /// The only value of a field; fails if there are several.
    pub fn field(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} is there twice: {values:?}");
        values.first().copied()
    }

    /// All values of a field.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(field, _)| field == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// What an echoing upstream says it got: all values of a field of the request.
    pub fn echoed(&self, name: &str) -> Vec<String> {
        let echo = self.json();
        let fields = echo["fields"].as_array().expect("the answer of an echo");
        let named = fields.iter().filter(|field| field[0] == name);
        named.map(|field| field[1].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Check that this is the gateway's own error answer (RFC 9457) with this status.
    #[track_caller]
    pub fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        for name in ["type", "title", "detail", "request_id"] {
            assert!(problem[name].is_string(), "no {name} in {problem}");
        }
    }

    #[track_caller]
    pub fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?} {}", self.text());
    }

    /// Fail on a field nobody meant to send.
    #[track_caller]
    pub(crate) fn assert_no_leak(&self) {
        for (name, _) in &self.fields {
            let expected = EXPECTED.contains(&name.as_str()) || name.starts_with("x-test-");
            assert!(expected, "the response has `{name}`; is it meant to? {self:?}");
        }
    }
}
