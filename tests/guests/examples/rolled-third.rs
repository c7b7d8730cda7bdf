//! A third one: forgets the word it should carry.

use lockgate_guests::Rolled;
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Third {
    word: String,
}

impl Policy for Third {
    fn interest(&self) -> Interest {
        Rolled::interest()
    }
}

impl RequestPhase for Third {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Rolled::carry_other(&self.word, "")
    }
}

impl ResponsePhase for Third {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        Rolled::arrive(state)
    }
}

lockgate_sdk::export!(Third: RequestPhase + ResponsePhase);
