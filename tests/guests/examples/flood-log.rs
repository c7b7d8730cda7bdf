//! Writes more to the log than anybody would read, and control characters.

use lockgate_guests::{asked, listening};
use lockgate_sdk::log;
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Flood {}

impl Policy for Flood {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Flood {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        log::info("flood begins\nwith a \u{1b}[31mforged line");
        if asked(head).is_some() {
            let line = "f".repeat(10_000);
            for _ in 0..20 {
                log::warn(&line);
            }
        }
        Verdict::Pass
    }
}

lockgate_sdk::export!(Flood: RequestPhase);
