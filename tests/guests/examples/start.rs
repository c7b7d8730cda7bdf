//! A policy like any other whose module also has functions that tests make its start function.

use lockgate_sdk::prelude::*;
use std::hint::black_box;

#[derive(Deserialize)]
struct Plain {}

impl Policy for Plain {
    fn interest(&self) -> Interest {
        Interest::new().request_write("x-test-plain")
    }
}

impl RequestPhase for Plain {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Edits::new().set("x-test-plain", "1").into()
    }
}

/// Never returns.
#[unsafe(no_mangle)]
pub extern "C" fn start_spin() {
    loop {
        black_box(());
    }
}

/// Traps.
#[unsafe(no_mangle)]
pub extern "C" fn start_trap() {
    std::process::abort();
}

lockgate_sdk::export!(Plain: RequestPhase);
