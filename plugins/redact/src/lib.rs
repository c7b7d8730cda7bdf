//! The `redact` policy: personal data leaves only as far as whoever asks may see it.

pub mod act;
mod annotations;
mod build;
mod carried;
mod config;
pub mod detect;
mod heads;
mod interest;
mod judge;
mod media;
mod pairs;
mod pieces;
mod plan;
mod refusal;
mod roots;
mod scope;

use config::Config;
use lockgate_sdk::prelude::*;
use plan::Plan;
use std::cell::OnceCell;

/// A configured policy.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Redact {
    config: Config,
    #[serde(skip)]
    plan: OnceCell<Plan>,
}

impl Policy for Redact {
    fn interest(&self) -> Interest {
        self.plan.get().map_or_else(Interest::new, |plan| plan.interest(&self.config))
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let plan = Plan::build(&self.config)?;
        self.plan.get_or_init(|| plan);
        Ok(())
    }
}

impl RequestPhase for Redact {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match self.plan.get() {
            Some(plan) => heads::request(plan, &self.config, head),
            None => Failure::Internal.into(),
        }
    }
}

impl ResponsePhase for Redact {
    fn on_response(&self, head: &Head<'_>, _state: &[u8]) -> Verdict {
        match self.plan.get() {
            Some(plan) => heads::response(plan, &self.config, head),
            None => Failure::Internal.into(),
        }
    }
}

impl BodyPhase for Redact {
    fn on_chunk(&self, direction: Direction, chunk: &[u8], last: bool, state: &[u8]) -> Verdict<ChunkEdits> {
        match self.plan.get() {
            Some(plan) => pieces::piece(plan, &self.config, direction, chunk, last, state),
            None => Failure::Internal.into(),
        }
    }
}

lockgate_sdk::export!(Redact: RequestPhase + ResponsePhase + BodyPhase);
