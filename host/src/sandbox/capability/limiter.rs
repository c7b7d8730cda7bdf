//! `limiter`: limits the operator granted, counted here or in a store that others share.

use super::super::occasion::{Awaits, Taken};
use super::{HostState, wit};
use crate::limiter::{Demand, Limiter, MAX_DEMANDS, Outcome, Rule, Unusable};

use wit::limiter as api;

impl api::Host for HostState {
    fn take(
        &mut self,
        name: String,
        demands: Vec<api::Demand>,
        absence: api::Absence,
    ) -> wasmtime::Result<Result<Vec<api::Standing>, api::Error>> {
        self.serving()?;
        let Some(limiter) = self.powers.limiters.get(&name).cloned() else { return Ok(Err(api::Error::Denied)) };
        let Some(demands) = read(demands) else { return Ok(Err(api::Error::Invalid)) };
        let outcome = match self.said_before(&name, &demands) {
            Some(outcome) => outcome,
            None => match self.ask(&limiter, &name, &demands) {
                Asking::Said(outcome) => outcome,
                Asking::OnItsWay => return Ok(Err(api::Error::Unavailable)),
            },
        };
        let outcome = match (outcome, absence) {
            (None, api::Absence::Fail) => None,
            (None, api::Absence::CountHere) => Some(limiter.take_here(self.powers.world.unix_ms(), &demands)),
            (outcome, _) => outcome,
        };
        if self.may_wait() {
            self.taken.push(Taken { limiter: name, demands: demands.into(), outcome: outcome.clone() });
        }
        let Some(Outcome { standings, hold }) = outcome else { return Ok(Err(api::Error::Unavailable)) };
        // It is held by the exchange.
        self.holds.extend(hold);
        Ok(Ok(standings.into_iter().map(api::Standing::from).collect()))
    }
}

/// Whether it is known what comes of demands; of those of a shared store perhaps nothing.
enum Asking {
    Said(Option<Outcome>),
    OnItsWay,
}

impl HostState {
    /// What came of these demands when this call was made before, as the contract has it: in the same order.
    fn said_before(&mut self, name: &str, demands: &[Demand]) -> Option<Option<Outcome>> {
        let at = self.asked;
        self.asked += 1;
        let before = self.occasion.taken.as_ref()?.get(at)?;
        Some(before.outcome.clone().filter(|_| before.limiter == name && *before.demands == *demands))
    }

    fn ask(&mut self, limiter: &Limiter, name: &str, demands: &[Demand]) -> Asking {
        if self.occasion.is_patient && self.awaits.is_some() {
            // Whatever comes after something that is awaited is taken once that is there.
            return Asking::OnItsWay;
        }
        let Some(shared) = limiter.shared() else {
            return Asking::Said(Some(limiter.take_here(self.powers.world.unix_ms(), demands)));
        };
        let asked = if self.occasion.is_patient { shared.ask(self.powers.world.unix_ms(), demands) } else { None };
        match asked {
            Some(asked) => {
                self.awaits = Some(Awaits::Limiter(name.to_owned(), asked));
                Asking::OnItsWay
            }
            None => Asking::Said(None),
        }
    }

    /// Whether this call may be made again: what was taken then counts once.
    fn may_wait(&self) -> bool {
        self.occasion.is_patient && self.powers.may_wait && self.awaits.is_none()
    }
}

/// Demands as they can be made together; none where one cannot.
fn read(said: Vec<api::Demand>) -> Option<Vec<Demand>> {
    if !(1..=MAX_DEMANDS).contains(&said.len()) {
        return None;
    }
    let mut demands: Vec<Demand> = Vec::with_capacity(said.len());
    for said in said {
        let demand = Demand { key: said.key.into(), rule: Rule::try_from(said.rule).ok()?, cost: said.cost };
        if !demand.is_possible() || demands.iter().any(|other| other.is_counted_with(&demand)) {
            return None;
        }
        demands.push(demand);
    }
    Some(demands)
}

impl From<crate::limiter::Standing> for api::Standing {
    fn from(standing: crate::limiter::Standing) -> Self {
        Self {
            has_room: standing.has_room,
            remaining: standing.remaining,
            reset_ms: standing.reset,
            retry_ms: standing.retry,
        }
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
