//! Sets, appends, removes and renames header fields of requests and responses.

mod config;
mod rewrite;

use lockgate_sdk::prelude::*;
use rewrite::Rewrite;

/// The policy; a direction without changes is idle.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Headers {
    request: Rewrite,
    response: Rewrite,
}

impl Policy for Headers {
    fn interest(&self) -> Interest {
        let mut interest = Interest::new();
        for name in self.request.reads() {
            interest = interest.request_read(name);
        }
        for name in self.request.writes() {
            interest = interest.request_write(name);
        }
        for name in self.response.reads() {
            interest = interest.response_read(name);
        }
        for name in self.response.writes() {
            interest = interest.response_write(name);
        }
        if self.request.is_empty() {
            interest = interest.idle_on_request();
        }
        if self.response.is_empty() {
            interest = interest.idle_on_response();
        }
        interest
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = self.request.faults("request");
        faults.extend(self.response.faults("response"));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Headers {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        self.request.verdict(head)
    }
}

impl ResponsePhase for Headers {
    fn on_response(&self, head: &Head<'_>, _state: &[u8]) -> Verdict {
        self.response.verdict(head)
    }
}

lockgate_sdk::export!(Headers: RequestPhase + ResponsePhase);
