//! `limiter`: limits the operator granted, counted here or in a store that others share.

use super::super::occasion::Wait;
use super::{HostState, wit};
use crate::limiter::{Demand, MAX_DEMANDS, MAX_KEY, Outcome, Rule, Unusable};

use wit::limiter as api;

impl api::Host for HostState {
    fn take(
        &mut self,
        limiter: String,
        demands: Vec<api::Demand>,
        absence: api::Absence,
    ) -> wasmtime::Result<Result<Vec<api::Standing>, api::Error>> {
        self.serving()?;
        let Some(limiter) = self.powers.limiters.get(&limiter).cloned() else { return Ok(Err(api::Error::Denied)) };
        let Some(demands) = read(demands) else { return Ok(Err(api::Error::Invalid)) };
        let now = self.powers.world.unix_ms();
        let Some(shared) = limiter.shared() else { return Ok(Ok(self.told(limiter.take_here(now, &demands)))) };
        let before = self.occasion.taken.as_ref().and_then(|taken| taken.get(self.asked));
        self.asked += 1;
        let outcome = match before {
            // The same that was asked then, as the contract has it; what was not is asked anew, and nothing is known.
            Some(taken) if taken.demands == demands => taken.outcome.clone(),
            Some(_) => None,
            None if self.occasion.is_patient => match shared.ask(&demands) {
                Some(asked) => {
                    self.wait = Some(Wait::Limiter(asked));
                    return Ok(Err(api::Error::Unavailable));
                }
                None => None,
            },
            None => None,
        };
        Ok(match (outcome, absence) {
            (Some(outcome), _) => Ok(self.told(outcome)),
            (None, api::Absence::CountHere) => Ok(self.told(limiter.take_here(now, &demands))),
            (None, api::Absence::Fail) => Err(api::Error::Unavailable),
        })
    }
}

/// Demands as they can be made; none where one cannot.
fn read(said: Vec<api::Demand>) -> Option<Vec<Demand>> {
    let demand = |said: api::Demand| {
        let rule = Rule::try_from(said.rule).ok()?;
        (said.key.len() <= MAX_KEY).then(|| Demand { key: said.key.into(), rule, cost: said.cost })
    };
    let is_some = (1..=MAX_DEMANDS).contains(&said.len());
    is_some.then(|| said.into_iter().map(demand).collect()).flatten()
}

impl HostState {
    /// What the guest hears. What is held is held by the exchange.
    fn told(&mut self, outcome: Outcome) -> Vec<api::Standing> {
        self.holds.extend(outcome.hold);
        let told = outcome.standings.into_iter().map(|standing| api::Standing {
            has_room: standing.has_room,
            remaining: standing.remaining,
            reset_ms: standing.reset,
            retry_ms: standing.retry,
        });
        told.collect()
    }
}

impl TryFrom<api::Rule> for Rule {
    type Error = Unusable;

    fn try_from(said: api::Rule) -> Result<Self, Unusable> {
        match said {
            api::Rule::Bucket((allowance, burst)) => Self::bucket(allowance.amount, allowance.period_ms, burst),
            api::Rule::FixedWindow(allowance) => Self::fixed(allowance.amount, allowance.period_ms),
            api::Rule::SlidingWindow(allowance) => Self::sliding(allowance.amount, allowance.period_ms),
            api::Rule::Monthly(amount) => Self::monthly(amount),
            api::Rule::Concurrent((most, lapses_ms)) => Self::concurrent(most, lapses_ms),
        }
    }
}
