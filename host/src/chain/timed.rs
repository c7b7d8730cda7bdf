//! The time of one call of a policy, taken only where the exchange keeps account.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::sandbox::{Ended, Pool, thread_cpu_time};
use crate::telemetry::account::{Account, Call};

/// A call that has begun.
#[must_use = "a call is told of when it has ended"]
pub(crate) struct Timed(Option<Begun>);

struct Begun {
    at: Instant,
    /// CPU time of this thread, where that is wanted.
    cpu: Option<Duration>,
}

impl Timed {
    pub(crate) fn begin(account: &Option<Rc<Account>>) -> Self {
        let cpu = |account: &Account| account.is_detailed().then(thread_cpu_time);
        Self(account.as_ref().map(|account| Begun { at: Instant::now(), cpu: cpu(account) }))
    }

    /// The call is over, and nothing else has called this pool since.
    pub(crate) fn end(self, account: &Option<Rc<Account>>, pool: &Pool) {
        if let (Some(begun), Some(account), Some(ended)) = (self.0, account, pool.last()) {
            let policy = pool.policy().name().clone();
            let (Ended { hook, outcome, mut spent }, Begun { at: begun, cpu }) = (ended, begun);
            // A call that waited, or was made in the slow lane, was measured where it was made.
            spent.cpu = spent.cpu.or(cpu.map(|cpu| thread_cpu_time().saturating_sub(cpu)));
            account.called(Call { policy, hook, outcome, begun, took: begun.elapsed(), spent });
        }
    }
}
