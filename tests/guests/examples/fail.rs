//! Cannot decide, for the reason the request names.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Fail {}

impl Policy for Fail {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Fail {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match asked(head) {
            None => Verdict::Pass,
            Some("bad-input") => Failure::BadInput.into(),
            Some("dependency") => Failure::Dependency.into(),
            Some(_) => Failure::Internal.into(),
        }
    }
}

lockgate_sdk::export!(Fail: RequestPhase);
