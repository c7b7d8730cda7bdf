//! The time of one call of a policy, taken only where somebody keeps what happens in the exchange.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::exchange::Exchange;
use crate::sandbox::{Ended, Pool, thread_cpu_time};
use crate::telemetry::account::{self, Account};
use crate::telemetry::trail::{Call, PolicyId, Trail};

/// Those who are told of calls.
#[derive(Clone, Default)]
pub(crate) struct Witnesses {
    account: Option<Rc<Account>>,
    trail: Option<Rc<Trail>>,
}

impl Witnesses {
    /// Of calls for pieces of bodies, of which there can be many: an account has them only where it has all details.
    pub(super) fn of_pieces(exchange: &Exchange) -> Self {
        let account = exchange.account.clone().filter(|account| account.is_detailed());
        Self { account, trail: exchange.trail.clone() }
    }
}

/// A call that has begun.
#[must_use = "a call is told of when it has ended"]
pub(crate) struct Timed(Option<Begun>);

struct Begun {
    at: Instant,
    /// CPU time of this thread, where that is wanted.
    cpu: Option<Duration>,
}

impl Timed {
    pub(crate) fn begin(exchange: &Exchange) -> Self {
        Self::new(exchange.account.as_deref(), exchange.trail.is_some())
    }

    pub(super) fn before(witnesses: &Witnesses) -> Self {
        Self::new(witnesses.account.as_deref(), witnesses.trail.is_some())
    }

    fn new(account: Option<&Account>, has_trail: bool) -> Self {
        let cpu = || account.filter(|account| account.is_detailed()).map(|_| thread_cpu_time());
        Self((account.is_some() || has_trail).then(|| Begun { at: Instant::now(), cpu: cpu() }))
    }

    /// The call is over, and nothing else has called this pool since.
    pub(crate) fn end(self, exchange: &Exchange, pool: &Pool, id: PolicyId) {
        self.tell(exchange.account.as_deref(), exchange.trail.as_deref(), pool, id);
    }

    pub(super) fn after(self, witnesses: &Witnesses, pool: &Pool, id: PolicyId) {
        self.tell(witnesses.account.as_deref(), witnesses.trail.as_deref(), pool, id);
    }

    fn tell(self, account: Option<&Account>, trail: Option<&Trail>, pool: &Pool, id: PolicyId) {
        let Some((begun, ended)) = self.0.zip(pool.last()) else { return };
        let (Ended { hook, outcome, mut spent }, Begun { at, cpu }) = (ended, begun);
        let took = at.elapsed();
        if let Some(trail) = trail {
            let took_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            trail.called(Call { policy: id, hook, outcome, took_us });
        }
        if let Some(account) = account {
            let policy = pool.policy().name().clone();
            // A call that waited, or was made in the slow lane, was measured where it was made.
            spent.cpu = spent.cpu.or(cpu.map(|cpu| thread_cpu_time().saturating_sub(cpu)));
            account.called(account::Call { policy, hook, outcome, begun: at, took, spent });
        }
    }
}
