//! The time of one call of a policy, taken only where the exchange keeps account.

use std::time::Instant;

use crate::exchange::Exchange;
use crate::sandbox::Pool;
use crate::telemetry::account::Call;

/// A call that has begun.
#[must_use = "a call is told of when it has ended"]
pub(crate) struct Timed(Option<Instant>);

impl Timed {
    pub(crate) fn begin(exchange: &Exchange) -> Self {
        Self(exchange.account.as_ref().map(|_| Instant::now()))
    }

    /// The call is over, and nothing else has called this pool since.
    pub(crate) fn end(self, exchange: &Exchange, pool: &Pool) {
        if let (Some(begun), Some(account), Some((hook, outcome))) = (self.0, &exchange.account, pool.last()) {
            let policy = pool.policy().name().clone();
            account.called(Call { policy, hook, outcome, begun, took: begun.elapsed() });
        }
    }
}
