//! Answers requests itself that have the field `x-test-break`, whose value is the status; marks responses it sees.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Gate {}

impl Policy for Gate {
    fn interest(&self) -> Interest {
        listening().may_respond().response_write("x-test-gate")
    }
}

impl RequestPhase for Gate {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match asked(head).and_then(|status| status.parse().ok()) {
            Some(status) => Response::new(status).body("gate").into(),
            None => Verdict::Pass,
        }
    }
}

impl ResponsePhase for Gate {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Edits::new().set("x-test-gate", "seen").into()
    }
}

lockgate_sdk::export!(Gate: RequestPhase + ResponsePhase);
