//! Counts under a new label for each of very many values.

use lockgate_guests::{asked, listening};
use lockgate_sdk::metrics;
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Flood {}

impl Policy for Flood {
    fn interest(&self) -> Interest {
        listening()
    }
}

impl RequestPhase for Flood {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match asked(head) {
            Some("name") => metrics::count("Not A Name", 1, &[]),
            Some(from) => {
                let from = from.parse().unwrap_or(0);
                for value in from..from + 100 {
                    metrics::count("flood", 1, &[("value", &value.to_string())]);
                }
            }
            None => {}
        }
        Verdict::Pass
    }
}

lockgate_sdk::export!(Flood: RequestPhase);
