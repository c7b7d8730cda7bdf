//! The `acl` policy: requests pass where the attributes that policies before it wrote have values that are allowed, and none that is denied.

use lockgate_sdk::Problem;
use lockgate_sdk::attributes::{Attributes, Separator};
use lockgate_sdk::prelude::*;

const NOT_ALLOWED: &str = "urn:problem-type:lockgate:not_allowed";

/// The policy; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acl {
    #[serde(default)]
    allow: Attributes,
    #[serde(default)]
    deny: Attributes,
    #[serde(default)]
    separator: Option<Separator>,
}

impl Policy for Acl {
    fn interest(&self) -> Interest {
        let named = self.allow.names().chain(self.deny.names());
        named.fold(Interest::new().may_respond(), |interest, name| interest.attribute_read(name))
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = Vec::new();
        if self.allow.is_empty() && self.deny.is_empty() {
            faults.push(ConfigError::new("", "must say in `allow` or `deny` whom it is about"));
        }
        faults.extend(self.allow.faults("allow"));
        faults.extend(self.deny.faults("deny"));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Acl {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        if self.allow.all(head, self.separator) && !self.deny.any(head, self.separator) {
            return Verdict::Pass;
        }
        let problem = Problem::new(403, "Forbidden").kind(NOT_ALLOWED).detail("not for who asks");
        Response::from(problem).into()
    }
}

lockgate_sdk::export!(Acl: RequestPhase);
