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

/// It takes no more, and what was begun is finished.
pub(crate) fn ends() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishes what was begun")]);
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
    pub(crate) async fn watch(self) {
        self.report(|| tell(&[NotifyState::Watchdog])).await;
    }

    async fn report(mut self, alive: impl Fn()) {
        let Some(period) = self.period else { return };
        loop {
            tokio::time::sleep(period).await;
            self.asks.send_modify(|number| *number += 1);
            let number = *self.asks.borrow();
            for worker in &mut self.answers {
                // One that has ended had nothing left to do; one that hangs keeps us here, and the manager waits in vain.
                let _ = worker.wait_for(|answered| *answered >= number).await;
            }
            alive();
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
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;

    /// How often the manager hears of a gateway of two workers, one of which is as `second` says, in some periods.
    fn heard(second: impl FnOnce(Life)) -> u32 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let mut watchdog = Watchdog::every(Some(Duration::from_secs(1)));
            tokio::task::spawn_local(watchdog.life().unwrap().answer());
            second(watchdog.life().unwrap());
            let heard = Rc::new(Cell::new(0));
            let counted = heard.clone();
            let report = watchdog.report(move || counted.set(counted.get() + 1));
            let _ = tokio::time::timeout(Duration::from_millis(5500), report).await;
            heard.get()
        })
    }

    #[test]
    fn the_manager_hears_of_workers_that_answer_or_have_ended_and_nothing_while_one_hangs() {
        assert_eq!(heard(|life| drop(tokio::task::spawn_local(life.answer()))), 5);
        assert_eq!(heard(drop), 5);
        assert_eq!(heard(std::mem::forget), 0);
    }

    #[test]
    fn nobody_asks_where_the_manager_does_not_want_to_know() {
        assert!(Watchdog::every(None).life().is_none());
    }
}
