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
use std::time::{Instant, SystemTime};

use crate::report::Finished;

pub(crate) use alert::{Alert, Standing};

/// All alerts of the process.
#[derive(Debug, Default)]
pub(crate) struct Alerts(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    alerts: Vec<Arc<Alert>>,
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
        watched.alerts.iter().filter(|alert| !has(&alerts, alert)).for_each(|alert| alert.end());
        for alert in alerts.iter().filter(|alert| !has(&watched.alerts, alert)) {
            for receiver in 0..alert.settings().notify.len() {
                tokio::task::spawn_local(deliver::keep(alert.clone(), receiver));
            }
        }
        watched.alerts = alerts;
    }

    /// Requests have ended, perhaps none.
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

    /// Those that are watched for, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Alert>> {
        self.lock().alerts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
