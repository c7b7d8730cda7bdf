//! Traps in its request hook.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Trap {}

impl Policy for Trap {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Trap {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        if asked(head).is_some() {
            std::process::abort();
        }
        Verdict::Pass
    }
}

lockgate_sdk::export!(Trap: RequestPhase);
