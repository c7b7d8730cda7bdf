//! The `cors` policy: the server's side of the CORS protocol (Fetch standard, section 3.3) for all APIs behind the gateway.
//!
//! It only ever tells browsers what pages may read; it keeps no request from the upstream but preflights, which it
//! answers itself.

mod config;
mod origin;
mod preflight;
mod response;

use config::Config;
use lockgate_sdk::prelude::*;
use origin::Origins;
use preflight::Preflight;
use response::Permissions;

/// The policy, with everything that does not depend on a request made ready.
#[derive(Deserialize)]
#[serde(from = "Config")]
pub struct Cors {
    faults: Vec<ConfigError>,
    origins: Origins,
    preflight: Preflight,
    permissions: Permissions,
}

impl From<Config> for Cors {
    fn from(config: Config) -> Self {
        Self {
            faults: config.faults(),
            preflight: Preflight::new(&config),
            permissions: Permissions::new(&config),
            origins: config.origins,
        }
    }
}

impl Policy for Cors {
    fn interest(&self) -> Interest {
        let interest = Interest::new()
            .request_read(":method")
            .request_read("origin")
            .response_write("access-control-*")
            .response_write("vary")
            .may_respond();
        let asked = self.preflight.reads();
        asked.fold(interest, Interest::request_read)
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults.clone()) }
    }
}

impl RequestPhase for Cors {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let allowed = only(head, "origin").filter(|origin| self.origins.allow(origin));
        if preflight::is_preflight(head) {
            return self.preflight.answer(head, allowed).into();
        }
        match allowed {
            Some(origin) if !self.origins.is_any() => Edits::new().state(origin).into(),
            _ => Verdict::Pass,
        }
    }
}

impl ResponsePhase for Cors {
    /// `state` is the origin, if it is allowed and the answer depends on it.
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        self.permissions.edits(state).into()
    }
}

/// The value of a field that is there once; a field sent twice says nothing reliable.
fn only<'a>(head: &Head<'a>, name: &str) -> Option<&'a [u8]> {
    let mut values = head.all(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

lockgate_sdk::export!(Cors: RequestPhase + ResponsePhase);
