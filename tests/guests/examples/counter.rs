//! Counts requests in the store `hits`, which outlives instances and versions.

use lockgate_sdk::prelude::*;
use lockgate_sdk::store;

#[derive(Deserialize)]
struct Counter {}

impl Policy for Counter {
    fn interest(&self) -> Interest {
        Interest::new().store_write("hits").response_write("x-test-hits")
    }
}

impl ResponsePhase for Counter {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        match store::add("hits", "all", 1, None) {
            Ok(sum) => Edits::new().set("x-test-hits", sum.to_string()).into(),
            Err(_) => Failure::Dependency.into(),
        }
    }
}

lockgate_sdk::export!(Counter: ResponsePhase);
