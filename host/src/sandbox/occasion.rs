//! What a call is made for: whose exchange, whether it can be made again, and what came of what it asked for before.

use std::sync::Arc;

use crate::egress::{Call, Egress, Outcome, Question};
use crate::jwks;
use crate::limiter::{self, Asked, Demand};
use crate::telemetry::RequestId;
use crate::telemetry::counted::Counted;

/// Whose exchange a call is made for, and where what is counted in it is written down, if it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behalf {
    pub(crate) exchange: RequestId,
    pub(crate) counted: Option<Arc<Counted>>,
}

impl From<RequestId> for Behalf {
    fn from(exchange: RequestId) -> Self {
        Self { exchange, counted: None }
    }
}

/// The occasion of one call. Usually nothing came before it.
#[derive(Debug, Clone, Default)]
pub(super) struct Occasion {
    pub(super) behalf: Behalf,
    /// Whoever asks would rather wait for what helps the call than hear what it says without.
    pub(super) is_patient: bool,
    /// What limiters said to those before, in the order in which they were asked.
    pub(super) taken: Option<Arc<[Taken]>>,
    /// What services answered to those before, new enough for this one whatever that takes for new.
    pub(super) learned: Option<Arc<[Learned]>>,
}

/// What came of demands: nothing that is known, where the store did not answer in time. What is held stays held.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) limiter: String,
    pub(super) demands: Arc<[Demand]>,
    pub(super) outcome: Option<limiter::Outcome>,
}

/// What came of asking a service.
#[derive(Debug, Clone)]
pub(super) struct Learned {
    pub(super) egress: Arc<Egress>,
    pub(super) question: Question,
    pub(super) outcome: Outcome,
}

/// What would help a call, and is on its way; and what it had taken by then.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(super) awaits: Awaits,
    pub(super) taken: Vec<Taken>,
}

#[derive(Debug)]
pub(super) enum Awaits {
    Keys(jwks::Wait),
    /// Of this name.
    Limiter(String, Asked),
    /// What a service says; whether that is kept for others.
    Answer(Arc<Egress>, Question, Call, bool),
}

impl Occasion {
    /// For a call that says what it says.
    pub(super) fn of(behalf: Behalf) -> Self {
        Self { behalf, ..Self::default() }
    }

    /// Wait, and remember what that came to; false where it took too long, and would again.
    pub(super) async fn learn(&mut self, wait: Wait) -> bool {
        // What was said again is among it.
        let mut taken = wait.taken;
        let helps = match wait.awaits {
            Awaits::Keys(wait) => wait.over().await,
            Awaits::Limiter(limiter, asked) => {
                let (demands, outcome) = asked.over().await;
                taken.push(Taken { limiter, demands, outcome });
                true
            }
            Awaits::Answer(egress, question, call, is_kept) => {
                let outcome = egress.clone().learn(question, call, is_kept).await;
                let known = self.learned.iter().flat_map(|known| known.iter().cloned());
                self.learned = Some(known.chain([Learned { egress, question, outcome }]).collect());
                true
            }
        };
        self.taken = (!taken.is_empty()).then(|| taken.into());
        helps
    }
}
