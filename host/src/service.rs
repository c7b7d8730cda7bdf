//! What the service manager is told: that the gateway serves, that it ends, and that its workers are alive.
//!
//! The protocol is systemd's `sd_notify`, which other managers know too. Where nobody listens, nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch::{Receiver, Sender, channel};

/// The gateway takes requests.
pub(crate) fn serves() {
    tell(&[NotifyState::Ready, NotifyState::Status("takes requests")]);
}

/// It takes no more, and what was begun is finished, for which it may take this long.
pub(crate) fn ends(within: Duration) {
    // As long as the manager can be told to wait: some 71 minutes.
    let micros = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
    let patience = NotifyState::ExtendTimeoutUsec(micros);
    tell(&[NotifyState::Stopping, NotifyState::Status("finishes what was begun"), patience]);
}

/// Another process takes requests in place of this one.
pub(crate) fn is_succeeded_by(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

fn tell(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// Asks the workers whether they are alive, for a manager that restarts what has hung.
pub(crate) struct Watchdog {
    /// Where the manager wants no signs of life, nobody asks.
    period: Option<Duration>,
    asks: Sender<u64>,
    answers: Vec<Receiver<u64>>,
}

/// How one worker is asked, and answers.
pub(crate) struct Life {
    asked: Receiver<u64>,
    answer: Sender<u64>,
}

impl Watchdog {
    /// As the environment says.
    pub(crate) fn wanted() -> Self {
        // Twice in the time the manager gives, as `sd_watchdog_enabled(3)` recommends.
        Self::every(sd_notify::watchdog_enabled().map(|time| time / 2))
    }

    fn every(period: Option<Duration>) -> Self {
        Self { period, asks: channel(0).0, answers: Vec::new() }
    }

    /// For one worker.
    pub(crate) fn life(&mut self) -> Option<Life> {
        self.period?;
        let (answer, answers) = channel(0);
        self.answers.push(answers);
        Some(Life { asked: self.asks.subscribe(), answer })
    }

    /// Tell the manager now and then that all is well, while it is.
    pub(crate) async fn watch(mut self) {
        let Some(period) = self.period else { return };
        loop {
            tokio::time::sleep(period).await;
            self.all_answer().await;
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// Ends when every worker has come round to it. One that has ended had nothing left to do; one that hangs keeps us
    /// here, and the manager waits in vain.
    async fn all_answer(&mut self) {
        self.asks.send_modify(|number| *number += 1);
        let number = *self.asks.borrow();
        for worker in &mut self.answers {
            let _ = worker.wait_for(|answered| *answered >= number).await;
        }
    }
}

impl Life {
    /// Answer for as long as the thread comes round to it.
    pub(crate) async fn answer(mut self) {
        while self.asked.changed().await.is_ok() {
            let number = *self.asked.borrow_and_update();
            self.answer.send_replace(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    /// Whether all of two workers answer, one of which is as `second` says, once everybody had many turns.
    fn answer(second: impl FnOnce(Life)) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let mut watchdog = Watchdog::every(Some(Duration::from_secs(1)));
            tokio::task::spawn_local(watchdog.life().unwrap().answer());
            second(watchdog.life().unwrap());
            let mut all = std::pin::pin!(watchdog.all_answer());
            for _ in 0..100 {
                if all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    return true;
                }
                tokio::task::yield_now().await;
            }
            false
        })
    }

    #[test]
    fn workers_that_answer_or_have_ended_are_well_and_one_that_hangs_is_not() {
        assert!(answer(|life| drop(tokio::task::spawn_local(life.answer()))));
        assert!(answer(drop));
        assert!(!answer(std::mem::forget));
    }

    #[test]
    fn nobody_asks_where_the_manager_does_not_want_to_know() {
        assert!(Watchdog::every(None).life().is_none());
    }
}
