//! Leaves its configured name in requests and responses, so that a test sees who came when.

use lockgate_sdk::prelude::*;

const FIELD: &str = "x-test-trail";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trail {
    name: String,
}

impl Policy for Trail {
    fn interest(&self) -> Interest {
        Interest::new().request_write(FIELD).response_write(FIELD)
    }
}

impl RequestPhase for Trail {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Edits::new().append(FIELD, &self.name).state(self.name.clone()).into()
    }
}

impl ResponsePhase for Trail {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        // What the request hook carried: positions in a chain must not see each other's.
        Edits::new().append(FIELD, state).into()
    }
}

lockgate_sdk::export!(Trail: RequestPhase + ResponsePhase);
