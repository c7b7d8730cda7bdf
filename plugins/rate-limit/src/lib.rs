//! The `rate-limit` policy: requests pass as long as every limit has room for them, and are answered with 429 otherwise.
//!
//! Nothing is counted here. The gateway counts, and says how each limit stands.

mod answer;
mod by;
mod config;

use config::{Config, Limit, Told, Unavailable};
use lockgate_sdk::limiter::{Absence, Demand, Error};
use lockgate_sdk::prelude::*;

/// The policy, ready for requests.
#[derive(Deserialize)]
#[serde(from = "Config")]
pub struct RateLimit {
    config: Config,
    limits: Vec<Limit>,
    /// The value of `RateLimit-Policy`.
    policy: String,
}

impl From<Config> for RateLimit {
    fn from(config: Config) -> Self {
        let limits = config.limits();
        Self { policy: answer::policy(&limits), limits, config }
    }
}

impl Policy for RateLimit {
    fn interest(&self) -> Interest {
        let interest = Interest::new().limiter(&self.config.limiter).may_respond();
        let by = self.limits.iter().flat_map(|limit| &limit.by);
        let interest = by.fold(interest, |interest, by| by.declare(interest));
        match self.config.fields {
            Told::Always => interest.response_write("ratelimit").response_write("ratelimit-policy"),
            Told::Refused | Told::Never => interest.idle_on_response(),
        }
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let faults = self.config.faults();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for RateLimit {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let keys: Vec<_> = self.limits.iter().map(|limit| by::key(&limit.name, &limit.by, head)).collect();
        let demands: Vec<_> = self
            .limits
            .iter()
            .zip(&keys)
            .map(|(limit, key)| Demand { key, rule: limit.rule, cost: limit.cost })
            .collect();
        let absence = match self.config.unavailable {
            Unavailable::Local => Absence::CountHere,
            Unavailable::Open | Unavailable::Closed => Absence::Fail,
        };
        let standings = match limiter::take(&self.config.limiter, &demands, absence) {
            Ok(standings) => standings,
            Err(Error::Unavailable) if self.config.unavailable == Unavailable::Open => return Verdict::Pass,
            Err(Error::Unavailable) => return Failure::Dependency.into(),
            Err(Error::Denied | Error::Invalid) => return Failure::Internal.into(),
        };
        let admits = standings.iter().all(|standing| standing.has_room);
        match (admits, self.config.fields) {
            (true, Told::Always) => Edits::new().state(answer::standing(&self.limits, &standings)).into(),
            (true, Told::Refused | Told::Never) => Verdict::Pass,
            (false, Told::Never) => answer::refusal(&self.limits, &standings).into(),
            (false, Told::Always | Told::Refused) => answer::refusal(&self.limits, &standings)
                .field("ratelimit-policy", &self.policy)
                .field("ratelimit", answer::standing(&self.limits, &standings))
                .into(),
        }
    }
}

impl ResponsePhase for RateLimit {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        // Nothing is carried where nothing was counted, or nothing is to be told.
        if state.is_empty() {
            return Verdict::Pass;
        }
        // Beside what an upstream, or another limit of ours, says of its own.
        Edits::new().append("ratelimit-policy", &self.policy).append("ratelimit", state).into()
    }
}

lockgate_sdk::export!(RateLimit: RequestPhase + ResponsePhase);
