//! Marks exchanges with `w`, and reads a field that `version-a` and `version-b` do not: takes their place under a wildcard.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Wide {}

impl Policy for Wide {
    fn interest(&self) -> Interest {
        Interest::new().request_read("x-test-secret").request_write("x-test-version").response_write("x-test-version")
    }
}

impl RequestPhase for Wide {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Edits::new().set("x-test-version", "w").into()
    }
}

impl ResponsePhase for Wide {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Edits::new().set("x-test-version", "w").into()
    }
}

lockgate_sdk::export!(Wide: RequestPhase + ResponsePhase);
