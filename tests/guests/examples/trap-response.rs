//! Traps in its response hook, if the response has the field `x-test-break`.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Trap {}

impl Policy for Trap {
    fn interest(&self) -> Interest {
        Interest::new().response_read(lockgate_guests::ASK)
    }
}

impl ResponsePhase for Trap {
    fn on_response(&self, head: &Head<'_>, _state: &[u8]) -> Verdict {
        if lockgate_guests::asked(head).is_some() {
            std::process::abort();
        }
        Verdict::Pass
    }
}

lockgate_sdk::export!(Trap: ResponsePhase);
