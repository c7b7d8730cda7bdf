//! Allocates without end, and keeps it.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;
use std::hint::black_box;

#[derive(Deserialize)]
struct Hoard {}

impl Policy for Hoard {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Hoard {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        while asked(head).is_some() {
            kept.push(black_box(Vec::with_capacity(1024 * 1024)));
        }
        Verdict::Pass
    }
}

lockgate_sdk::export!(Hoard: RequestPhase);
