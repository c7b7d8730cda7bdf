//! Tells all names it was told: shows what a policy sees.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Witness {
    read: Vec<String>,
}

impl Policy for Witness {
    fn interest(&self) -> Interest {
        let interest = Interest::new().request_write("x-test-told");
        self.read.iter().fold(interest, |interest, name| interest.request_read(name))
    }
}

impl RequestPhase for Witness {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let mut told: Vec<_> = head.iter().map(|(name, _)| String::from_utf8_lossy(name)).collect();
        told.sort();
        told.dedup();
        Edits::new().set("x-test-told", told.join(" ")).into()
    }
}

lockgate_sdk::export!(Witness: RequestPhase);
