//! Sets one field in each direction, and wants to know something it does not need: shows what it costs to be asked each time.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetOne {
    request: String,
    response: String,
}

impl Policy for SetOne {
    fn interest(&self) -> Interest {
        Interest::new()
            .request_read(":path")
            .request_write(&self.request)
            .response_read(":status")
            .response_write(&self.response)
    }
}

impl RequestPhase for SetOne {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Edits::new().set(&self.request, "one").into()
    }
}

impl ResponsePhase for SetOne {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Edits::new().set(&self.response, "two").into()
    }
}

lockgate_sdk::export!(SetOne: RequestPhase + ResponsePhase);
