//! Keeps the last request in its memory and tells the next one: shows what instances share.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;
use std::sync::Mutex;

static LAST: Mutex<String> = Mutex::new(String::new());

#[derive(Deserialize)]
struct Remember {}

impl Policy for Remember {
    fn interest(&self) -> Interest {
        listening().request_write("x-test-last")
    }
}

impl RequestPhase for Remember {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let now = asked(head).unwrap_or_default();
        let Ok(mut last) = LAST.lock() else { return Failure::Internal.into() };
        let before = std::mem::replace(&mut *last, now.to_owned());
        if now == "trap" {
            std::process::abort();
        }
        Edits::new().set("x-test-last", before).into()
    }
}

lockgate_sdk::export!(Remember: RequestPhase);
