//! Uses the rarer powers: sets the target of requests, the status of responses, and hands an attribute on.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewrite {
    target: String,
    status: u16,
}

impl Policy for Rewrite {
    fn interest(&self) -> Interest {
        Interest::new()
            .request_read(":path")
            .request_read(":param.name")
            .request_read(":client")
            .request_write("x-test-facts")
            .attribute_write("seen.path")
            .attribute_read("seen.path")
            .response_read(":status")
            .response_write("x-test-was")
            .may_set_target()
            .may_set_status()
    }
}

impl RequestPhase for Rewrite {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let facts = [head.path(), head.param("name"), head.client()].map(Option::unwrap_or_default);
        Edits::new().set("x-test-facts", facts.join(" ")).attribute("seen.path", facts[0]).target(&self.target).into()
    }
}

impl ResponsePhase for Rewrite {
    fn on_response(&self, head: &Head<'_>, _state: &[u8]) -> Verdict {
        let was = format!("{} {}", head.status().unwrap_or_default(), head.attribute("seen.path").unwrap_or_default());
        Edits::new().set("x-test-was", was).status(self.status).into()
    }
}

lockgate_sdk::export!(Rewrite: RequestPhase + ResponsePhase);
