//! Never returns from `configure`.

use lockgate_sdk::prelude::*;
use std::hint::black_box;

#[derive(Deserialize)]
struct Spin {}

impl Policy for Spin {
    fn interest(&self) -> Interest {
        loop {
            black_box(());
        }
    }
}

impl RequestPhase for Spin {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Verdict::Pass
    }
}

lockgate_sdk::export!(Spin: RequestPhase);
