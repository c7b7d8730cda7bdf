//! A JSON object from a client: taken apart member by member, all complaints told at once.

use crate::answer::Stop;
use lockgate_sdk::{Head, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// More complaints than this help nobody.
const MOST_COMPLAINTS: usize = 10;
/// A longer unknown name is not repeated to the client.
const LONGEST_NAME: usize = 64;

/// The members of an object that nobody took yet, and what is wrong with those taken.
pub(crate) struct Members {
    left: Map<String, Value>,
    complaints: Vec<Complaint>,
}

#[derive(Serialize)]
struct Complaint {
    /// A JSON pointer in a fragment (RFC 6901 section 6).
    pointer: String,
    detail: &'static str,
}

impl Members {
    /// Read a body: 415 for another media type, 400 for what is no JSON, 422 for what is no object.
    pub(crate) fn parse(head: &Head<'_>, body: &[u8]) -> Result<Self, Stop> {
        let content_type = head.text("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let detail = "The body must be application/json.";
            let response = Response::problem(415, "Unsupported media type", detail);
            return Err(response.field("accept", "application/json").into());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(left)) => Ok(Self { left, complaints: Vec::new() }),
            Ok(_) => {
                let mut members = Self { left: Map::new(), complaints: Vec::new() };
                members.complain("#", "must be an object");
                Err(members.refuse().into())
            }
            Err(_) => {
                let detail = "The body is no valid JSON (RFC 8259).";
                Err(Response::problem(400, "Malformed JSON", detail).into())
            }
        }
    }

    /// Take a member that may be absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// Take a member and turn it into what it must be; its absence is complained about like any other value.
    pub(crate) fn require<T>(
        &mut self,
        name: &str,
        must: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name).and_then(|value| read(&value));
        if value.is_none() {
            self.complain(format!("#/{name}"), must);
        }
        value
    }

    /// Say what is wrong at a place.
    pub(crate) fn complain(&mut self, pointer: impl Into<String>, detail: &'static str) {
        let pointer = pointer.into();
        self.complaints.push(Complaint { pointer, detail });
    }

    /// What was read, unless there is something to complain about, unknown members included.
    pub(crate) fn finish<T>(mut self, read: Option<T>) -> Result<T, Stop> {
        let unknown: Vec<_> = self.left.keys().map(|name| pointer_to(name)).collect();
        for pointer in unknown {
            self.complain(pointer, "is not known here");
        }
        match read {
            Some(value) if self.complaints.is_empty() => Ok(value),
            _ => Err(self.refuse().into()),
        }
    }

    /// 422 with a list of `errors` (RFC 9457 section 3).
    fn refuse(mut self) -> Response {
        #[derive(Serialize)]
        struct Problem {
            title: &'static str,
            status: u16,
            detail: &'static str,
            errors: Vec<Complaint>,
        }
        self.complaints.truncate(MOST_COMPLAINTS);
        let problem = Problem {
            title: "Invalid content",
            status: 422,
            detail: "Some members of the body are not as they must be.",
            errors: self.complaints,
        };
        match serde_json::to_vec(&problem) {
            Ok(body) => Response::new(422).field("content-type", "application/problem+json").body(body),
            Err(_) => Response::new(500),
        }
    }
}

/// The pointer to a member of the client's naming, escaped (RFC 6901 sections 3 and 6); to the object for an unwieldy
/// name.
fn pointer_to(name: &str) -> String {
    let mut pointer = String::from("#");
    if name.len() > LONGEST_NAME {
        return pointer;
    }
    pointer.push('/');
    for byte in name.bytes() {
        match byte {
            b'~' => pointer.push_str("~0"),
            b'/' => pointer.push_str("~1"),
            _ if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) => pointer.push(byte.into()),
            _ => pointer.push_str(&format!("%{byte:02X}")),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_pointers() {
        let cases = [("name", "#/name"), ("a/b~c", "#/a~1b~0c"), ("ä b", "#/%C3%A4%20b"), ("", "#/")];
        for (name, pointer) in cases {
            assert_eq!(pointer_to(name), pointer);
        }
        assert_eq!(pointer_to(&"x".repeat(65)), "#");
    }
}
