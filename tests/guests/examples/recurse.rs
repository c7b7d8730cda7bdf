//! Calls itself without end.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;
use std::hint::black_box;

#[derive(Deserialize)]
struct Recurse {}

impl Policy for Recurse {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Recurse {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        if asked(head).is_some() {
            black_box(deeper(black_box(1)));
        }
        Verdict::Pass
    }
}

fn deeper(level: u64) -> u64 {
    let frame = black_box([level; 16]);
    if black_box(level) == 0 {
        return 0;
    }
    deeper(level + 1) + frame[3]
}

lockgate_sdk::export!(Recurse: RequestPhase);
