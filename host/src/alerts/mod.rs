//! Alerts: what of the requests is watched, whether it holds, and who is told when it begins and when it ends.
//!
//! Requests are counted as they are read, in memory, by a clock that is never set; so an alert costs no question to the store, and
//! works where that cannot be written. Whoever is to be told is told by tasks of their own, from the state an alert is in then: the
//! newest wins, and there is no queue that could grow.

mod alert;
mod course;
mod deliver;
mod link;
mod notice;
#[cfg(test)]
mod tests;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::Receiver;
use crate::report::Finished;
use deliver::Teller;

pub(crate) use alert::{Alert, Standing};

/// How long a process that ends waits for receivers.
const GRACE: Duration = Duration::from_secs(3);

/// All alerts of the process.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    watched: Mutex<Watched>,
    /// Whether only what is due now is still told.
    ending: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Watched {
    alerts: Vec<Arc<Alert>>,
    /// The last of each receiver of each name.
    tellers: Vec<Teller>,
    /// No more requests are looked at.
    rests: bool,
}

impl Alerts {
    /// Watch for these from now on. Those that were there before go on as they are; what is there no more, or is another, is over.
    /// To be called where tasks can be spawned.
    pub(crate) fn take_up(&self, alerts: Vec<Arc<Alert>>) {
        let mut watched = self.lock();
        if watched.rests {
            return;
        }
        let has = |alerts: &[Arc<Alert>], alert: &Arc<Alert>| alerts.iter().any(|other| Arc::ptr_eq(other, alert));
        for alert in watched.alerts.iter().filter(|alert| !has(&alerts, alert)) {
            alert.end(alerts.iter().find(|other| other.name() == alert.name()));
        }
        watched.tellers.retain(|teller| !teller.is_done());
        let new: Vec<_> = alerts.iter().filter(|alert| !has(&watched.alerts, alert)).cloned().collect();
        for alert in new {
            for receiver in 0..alert.settings().notify.len() {
                let before = watched.take_teller(alert.name(), &alert.settings().notify[receiver]);
                watched.tellers.push(Teller::start(alert.clone(), receiver, before, self.ending.subscribe()));
            }
        }
        watched.alerts = alerts;
    }

    /// Requests have ended; where these are none, all that ended before are known of, and it is time to see how alerts stand.
    pub(crate) fn observe(&self, batch: &[Finished], now: Instant) {
        // Whoever wants to know how they stand does not wait for all this.
        let (alerts, time) = (self.watched(), SystemTime::now());
        alerts.iter().for_each(|alert| alert.observe(batch, now, time));
    }

    /// None once no more requests are looked at.
    fn watched(&self) -> Vec<Arc<Alert>> {
        let watched = self.lock();
        if watched.rests { Vec::new() } else { watched.alerts.clone() }
    }

    /// Look at no more requests: those of a process that ends are no measure of anything. What was to be told still is, as long as the process lives.
    pub(crate) fn rest(&self) {
        self.lock().rests = true;
    }

    /// Have receivers told what is due now, once, and no more; for a while.
    pub(crate) async fn settle(&self) {
        self.rest();
        let tellers = std::mem::take(&mut self.lock().tellers);
        self.ending.send_replace(true);
        let all = async {
            for teller in tellers {
                teller.done().await;
            }
        };
        if timeout(GRACE, all).await.is_err() {
            tracing::warn!("receivers of alerts could not be told in time");
        }
    }

    /// Those that are watched for, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Alert>> {
        self.lock().alerts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// The one that tells this receiver of an alert of this name, which is not the last any more.
    fn take_teller(&mut self, name: &str, receiver: &Receiver) -> Option<Teller> {
        let at = self.tellers.iter().position(|teller| teller.tells(name, receiver))?;
        Some(self.tellers.swap_remove(at))
    }
}
