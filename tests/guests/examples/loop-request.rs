//! Never returns from its request hook.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;
use std::hint::black_box;

#[derive(Deserialize)]
struct Spin {}

impl Policy for Spin {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Spin {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        while asked(head).is_some() {
            black_box(());
        }
        Verdict::Pass
    }
}

lockgate_sdk::export!(Spin: RequestPhase);
