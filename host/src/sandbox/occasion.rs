//! What a call is made for: whose exchange, whether it can be made again, and what came of what it asked for before.

use std::sync::Arc;

use crate::jwks;
use crate::limiter::{Asked, Taken};
use crate::telemetry::RequestId;

/// The occasion of one call. Usually nothing came before it.
#[derive(Debug, Clone, Default)]
pub(super) struct Occasion {
    pub(super) exchange: RequestId,
    /// Whoever asks would rather wait for what helps the call than hear what it says without.
    pub(super) is_patient: bool,
    /// What shared limiters said to those before, in the order in which they were asked.
    pub(super) taken: Option<Arc<Vec<Taken>>>,
}

/// What would help a call, and is on its way.
#[derive(Debug)]
pub(crate) enum Wait {
    Keys(jwks::Wait),
    Limiter(Asked),
}

impl Occasion {
    /// For a call that says what it says.
    pub(super) fn of(exchange: RequestId) -> Self {
        Self { exchange, ..Self::default() }
    }

    /// Wait, and remember what that came to; false where it took too long, and would again.
    pub(super) async fn learn(&mut self, wait: Wait) -> bool {
        match wait {
            Wait::Keys(wait) => wait.over().await,
            Wait::Limiter(asked) => {
                let taken = asked.over().await;
                Arc::make_mut(self.taken.get_or_insert_default()).push(taken);
                true
            }
        }
    }
}
