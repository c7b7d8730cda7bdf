//! The policy that takes the place of `rolled-old`: the same, unless a request asks for something else; and it can be told more.

use lockgate_guests::{Rolled, asked};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    word: String,
    /// Nobody else knows this.
    more: Option<String>,
}

impl Policy for New {
    fn interest(&self) -> Interest {
        let interest = Rolled::interest().request_read(lockgate_guests::ASK).may_respond();
        if self.more.is_some() { interest.request_write("x-test-more") } else { interest }
    }
}

impl RequestPhase for New {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match asked(head) {
            Some("trap") => std::process::abort(),
            Some("refuse") => Response::new(403).into(),
            Some("other") => Rolled::carry("secret-of-a-client"),
            Some("forget") => Rolled::carry_other(&self.word, ""),
            _ => Rolled::carry(&self.word),
        }
    }
}

impl ResponsePhase for New {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        Rolled::arrive(state)
    }
}

lockgate_sdk::export!(New: RequestPhase + ResponsePhase);
