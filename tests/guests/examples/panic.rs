//! Panics with a message that is the same always, or that holds what a request said.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Panics {}

impl Policy for Panics {
    fn interest(&self) -> Interest {
        listening().request_read("x-test-secret")
    }
}

impl RequestPhase for Panics {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match asked(head) {
            Some("literal") => panic!("a literal message"),
            Some(_) => panic!("{:?}", head.text("x-test-secret")),
            None => Verdict::Pass,
        }
    }
}

lockgate_sdk::export!(Panics: RequestPhase);
