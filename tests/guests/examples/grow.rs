//! Keeps a little more with each request, and never gives any of it back.

use lockgate_guests::listening;
use lockgate_sdk::prelude::*;
use std::sync::Mutex;

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

#[derive(Deserialize)]
struct Grow {}

impl Policy for Grow {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Grow {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        let Ok(mut kept) = KEPT.lock() else { return Failure::Internal.into() };
        kept.push(vec![1; 256 * 1024]);
        Verdict::Pass
    }
}

lockgate_sdk::export!(Grow: RequestPhase);
