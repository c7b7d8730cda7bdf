//! Is told nothing, always decides the same, and says so in the log each time.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Chatty {}

impl Policy for Chatty {
    fn interest(&self) -> Interest {
        Interest::new()
    }
}

impl RequestPhase for Chatty {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        log::info("called once more");
        Verdict::Pass
    }
}

lockgate_sdk::export!(Chatty: RequestPhase);
