//! Traps in `configure`.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Trap {}

impl Policy for Trap {
    fn interest(&self) -> Interest {
        std::process::abort();
    }
}

impl RequestPhase for Trap {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Verdict::Pass
    }
}

lockgate_sdk::export!(Trap: RequestPhase);
