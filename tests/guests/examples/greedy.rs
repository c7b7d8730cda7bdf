//! Wants to be told of as many fields as its configuration says.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Greedy {
    names: usize,
}

impl Policy for Greedy {
    fn interest(&self) -> Interest {
        (0..self.names).fold(Interest::new(), |interest, n| interest.request_read(format!("x-test-{n}")))
    }
}

impl RequestPhase for Greedy {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Verdict::Pass
    }
}

lockgate_sdk::export!(Greedy: RequestPhase);
