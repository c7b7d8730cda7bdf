//! Says how often its instance was called: shows when a hook is asked, and when what it said before is repeated.

use lockgate_guests::listening;
use lockgate_sdk::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

#[derive(Deserialize)]
struct CountCalls {}

impl Policy for CountCalls {
    fn interest(&self) -> Interest {
        listening().request_write("x-test-calls")
    }
}

impl RequestPhase for CountCalls {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        Edits::new().set("x-test-calls", calls.to_string()).into()
    }
}

lockgate_sdk::export!(CountCalls: RequestPhase);
