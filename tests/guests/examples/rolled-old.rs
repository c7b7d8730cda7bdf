//! A policy that another takes the place of: carries a word from the request to the response.

use lockgate_guests::Rolled;
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Old {
    word: String,
}

impl Policy for Old {
    fn interest(&self) -> Interest {
        Rolled::interest()
    }
}

impl RequestPhase for Old {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Rolled::carry(&self.word)
    }
}

impl ResponsePhase for Old {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        Rolled::arrive(state)
    }
}

lockgate_sdk::export!(Old: RequestPhase + ResponsePhase);
