//! Uses a store it never declared.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;
use lockgate_sdk::store;

#[derive(Deserialize)]
struct Undeclared {}

impl Policy for Undeclared {
    fn interest(&self) -> Interest {
        listening().request_write("x-test-store").store_read("mine")
    }
}

impl RequestPhase for Undeclared {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let name = asked(head).unwrap_or("mine");
        let read = store::get(name, "k").map_or("denied", |_| "read");
        let written = store::set(name, "k", b"v", None).map_or("denied", |()| "written");
        Edits::new().set("x-test-store", format!("{read} {written}")).into()
    }
}

lockgate_sdk::export!(Undeclared: RequestPhase);
