//! Asks for the time in `configure`, which must be a pure function.

use lockgate_sdk::clock;
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Impure {}

impl Policy for Impure {
    fn interest(&self) -> Interest {
        Interest::new().request_write(format!("x-test-{}", clock::unix_ms()))
    }
}

impl RequestPhase for Impure {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Verdict::Pass
    }
}

lockgate_sdk::export!(Impure: RequestPhase);
