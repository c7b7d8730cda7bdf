//! A store that several gateways share, as those see it who count in it: asked by way of its keeper, with a bound on how
//! long anybody waits.
//!
//! While it does not answer, nobody asks it: of all who wait when it falls silent none waits longer than the timeout, and
//! who comes then does not wait at all.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::hold::{Hold, Member};
use super::keeper::{Keeper, Take};
use super::{Demand, Outcome, redis};
use crate::config::RedisAddress;
use crate::telemetry::metrics::{LimiterMetrics, TakeOutcome};
use crate::tls;

/// Demands that wait to be sent.
const QUEUE: usize = 4096;

/// A store as it is declared.
#[derive(PartialEq)]
pub(crate) struct Settings {
    /// Of `[limiter.NAME]`.
    pub(crate) name: String,
    pub(crate) address: RedisAddress,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) tls: Option<Arc<tls::Client>>,
    /// Longest time anybody waits for an answer.
    pub(crate) timeout: Duration,
}

/// What those who ask and the keeper have in common.
pub(super) struct Common {
    pub(super) settings: Settings,
    /// Whether the store does, as far as is known; before the first attempt it is hoped.
    pub(super) answers: AtomicBool,
    pub(super) metrics: LimiterMetrics,
}

/// A shared store; one for the process.
pub(crate) struct Shared {
    common: Arc<Common>,
    to_take: mpsc::Sender<Take>,
    /// Never more than are held.
    to_give_back: mpsc::UnboundedSender<Vec<Member>>,
    /// Until it begins.
    keeper: Mutex<Option<Keeper>>,
    /// What tells holds of this process from those of others, and from each other.
    process: u64,
    holds: AtomicU64,
}

/// A place among those that wait for the store.
#[derive(Debug)]
pub(crate) struct Asked {
    store: Arc<Shared>,
    space: Arc<str>,
    demands: Arc<[Demand]>,
    id: String,
    until: Instant,
    outcome: oneshot::Receiver<Outcome>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, metrics: LimiterMetrics) -> Self {
        let ((to_take, takes), (to_give_back, given)) = (mpsc::channel(QUEUE), mpsc::unbounded_channel());
        let common = Arc::new(Common { settings, answers: AtomicBool::new(true), metrics });
        let keeper = Mutex::new(Some(Keeper::new(common.clone(), takes, given)));
        // Seeded by the system.
        let process = RandomState::new().hash_one(std::process::id());
        Self { common, to_take, to_give_back, keeper, process, holds: AtomicU64::new(0) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.common.settings.name
    }

    /// Whether the store does, as far as is known.
    pub(crate) fn answers(&self) -> bool {
        self.common.answers.load(Relaxed)
    }

    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        self.common.settings == *settings
    }

    /// Have the keeper begin, on this thread. It goes on as long as anybody has this, or what counts in it: exchanges
    /// outlive the generation they belong to.
    pub(crate) async fn begin(self: Arc<Self>) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            tokio::task::spawn_local(keeper.keep());
        }
    }

    /// Have demands taken, at a time in milliseconds since 1970; none where the store does not answer, or too many wait already.
    pub(super) fn ask(self: &Arc<Self>, space: &Arc<str>, demands: &[Demand], now: u64) -> Option<Asked> {
        let demands: Arc<[Demand]> = demands.into();
        let (tell, outcome) = oneshot::channel();
        let (until, id) = (Instant::now() + self.common.settings.timeout, self.id(&demands));
        let take = Take { space: space.clone(), demands: demands.clone(), now, id: id.clone(), until, outcome: tell };
        if !self.common.answers.load(Relaxed) || self.to_take.try_send(take).is_err() {
            self.common.metrics.took(TakeOutcome::Unanswered);
            return None;
        }
        Some(Asked { store: self.clone(), space: space.clone(), demands, id, until, outcome })
    }

    /// By what name what is held of these demands is known; none where nothing is.
    fn id(&self, demands: &[Demand]) -> String {
        match demands.iter().any(|demand| demand.rule.is_held()) {
            true => format!("{:x}.{:x}", self.process, self.holds.fetch_add(1, Relaxed)),
            false => String::new(),
        }
    }

    /// Give back what is held, as soon as the store answers.
    pub(super) fn give_back(&self, members: Vec<Member>) {
        // Where there is no keeper any more the process ends, and it lapses.
        let _ = self.to_give_back.send(members);
    }
}

impl Asked {
    /// Until there is an answer, or no more time for one.
    pub(crate) async fn over(self) -> (Arc<[Demand]>, Option<Outcome>) {
        let outcome = timeout_at(self.until, self.outcome).await.ok().and_then(Result::ok);
        let outcome = outcome.map(|outcome| {
            let members =
                if outcome.admits() { redis::members(&self.space, &self.demands, &self.id) } else { Vec::new() };
            outcome.holding((!members.is_empty()).then(|| Hold::shared(self.store.clone(), members)))
        });
        self.store.common.metrics.took(match &outcome {
            Some(outcome) if outcome.admits() => TakeOutcome::Admitted,
            Some(_) => TakeOutcome::Refused,
            None => TakeOutcome::Unanswered,
        });
        (self.demands, outcome)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what opens it.
        out.debug_struct("Shared").field("name", &self.common.settings.name).finish_non_exhaustive()
    }
}
