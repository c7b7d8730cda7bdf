//! One alert: what it was declared as, what it counts, how it stands, and who was told of that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::watch;

use super::course::{Course, Phase};
use super::notice::{self, Notice};
use super::window::{Reading, Window};
use crate::config;
use crate::egress::Egress;
use crate::report::{Finished, Lap};
use crate::telemetry::metrics::{AlertMetrics, NoticeOutcome};

/// One for the process, for as long as its table says the same.
#[derive(Debug)]
pub(crate) struct Alert {
    name: String,
    settings: config::Alert,
    /// None until requests are looked at.
    watched: Mutex<Option<Watched>>,
    /// Those who tell others hear when it fires and when it does not any more.
    standing: watch::Sender<Standing>,
    /// By name of `[egress.NAME]`, as they are now.
    services: Mutex<BTreeMap<String, Arc<Egress>>>,
    /// What took its place, whose services are newer.
    successor: OnceLock<Arc<Alert>>,
    /// What each receiver was told last, in their order.
    told: Mutex<Vec<Option<Told>>>,
    metrics: AlertMetrics,
}

#[derive(Debug)]
struct Watched {
    window: Window,
    course: Course,
}

/// How it stands with an alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) phase: Phase,
    pub(crate) reading: Reading,
    /// Since when it is in this phase.
    pub(crate) since: SystemTime,
    /// When it fired last; that, and how often it did.
    pub(crate) fired: Option<SystemTime>,
    pub(crate) times: u64,
    /// It is not watched for any more.
    pub(crate) is_over: bool,
}

/// What came of telling a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) at: SystemTime,
    /// `firing` or `resolved`.
    pub(crate) state: &'static str,
    pub(crate) outcome: NoticeOutcome,
}

impl Alert {
    pub(crate) fn new(name: &str, settings: config::Alert, metrics: AlertMetrics) -> Self {
        let standing = Standing {
            phase: Phase::Ok,
            reading: Reading::default(),
            since: SystemTime::now(),
            fired: None,
            times: 0,
            is_over: false,
        };
        Self {
            name: name.to_owned(),
            told: Mutex::new(vec![None; settings.notify.len()]),
            settings,
            watched: Mutex::default(),
            standing: watch::Sender::new(standing),
            services: Mutex::default(),
            successor: OnceLock::new(),
            metrics,
        }
    }

    /// Of `[alert.NAME]`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn settings(&self) -> &config::Alert {
        &self.settings
    }

    /// Tell by way of these services from now on.
    pub(crate) fn ask(&self, services: &BTreeMap<String, Arc<Egress>>) {
        let named = self.settings.notify.iter().filter_map(|it| services.get_key_value(&it.service));
        *lock(&self.services) = named.map(|(name, service)| (name.clone(), service.clone())).collect();
    }

    pub(super) fn service(&self, name: &str) -> Option<Arc<Egress>> {
        let newer = self.successor.get().and_then(|successor| successor.service(name));
        newer.or_else(|| lock(&self.services).get(name).cloned())
    }

    pub(crate) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// The value it has, if there is one.
    pub(crate) fn shown(&self) -> Option<String> {
        let value = self.standing().reading.value;
        value.map(|value| notice::shown(self.settings.when.measure, value))
    }

    pub(super) fn news(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// What receivers were told last, each with what it is called in `notify`.
    pub(crate) fn told(&self) -> Vec<(String, Option<Told>)> {
        let receivers = self.settings.notify.iter().map(|it| format!("egress:{}{}", it.service, it.target));
        receivers.zip(lock(&self.told).iter().cloned()).collect()
    }

    pub(super) fn count(&self, outcome: NoticeOutcome) {
        self.metrics.told(outcome);
    }

    /// Something came of telling a receiver.
    pub(super) fn note(&self, receiver: usize, state: &'static str, outcome: NoticeOutcome) {
        self.count(outcome);
        if let Some(told) = lock(&self.told).get_mut(receiver) {
            *told = Some(Told { at: SystemTime::now(), state, outcome });
        }
    }

    /// Requests have ended by now, and where these are none, all those before are counted; `time` is what the clock says,
    /// which is shown and nothing else.
    pub(super) fn observe(&self, batch: &[Finished], now: Instant, time: SystemTime) {
        let config::Alert { when, over, filter, errors, at_least, pending, keep_firing, .. } = &self.settings;
        let mut watched = lock(&self.watched);
        let Watched { window, course } =
            watched.get_or_insert_with(|| Watched { window: Window::new(*over, now), course: Course::default() });
        window.advance(now);
        for finished in batch.iter().filter(|finished| filter.admits(finished)) {
            let is_error = errors.as_ref().map_or_else(|| finished.is_error(), |errors| errors.admits(finished));
            window.record(is_error, when.measure.quantile().map(|_| Lap::of(finished.total_us)));
        }
        // Of some of them it is not known how it stands.
        if !batch.is_empty() {
            return;
        }
        let reading = window.read(when.measure, now);
        // Of a time that was not watched from its beginning it is not known that little came.
        let is_known = when.measure != config::Measure::Requests || when.is_above || window.is_full();
        let is_enough = is_known && reading.requests >= *at_least;
        let holds = is_enough && reading.value.is_some_and(|value| when.holds_of(value));
        let phase = course.step(holds, now, *pending, *keep_firing);
        self.stand(phase, reading, time);
    }

    /// Nothing is watched for any more: what fires does not. Another of its name may take its place.
    pub(super) fn end(&self, successor: Option<&Arc<Self>>) {
        if let Some(successor) = successor {
            // It ends once.
            let _ = self.successor.set(successor.clone());
        }
        self.metrics.fires(false);
        self.standing.send_modify(|standing| {
            (standing.is_over, standing.phase) = (true, Phase::Ok);
        });
    }

    fn stand(&self, phase: Phase, reading: Reading, time: SystemTime) {
        let mut turned = None;
        self.standing.send_if_modified(|standing| {
            // One that is over stays so, whoever still looked at it.
            if standing.is_over {
                return false;
            }
            standing.reading = reading;
            if standing.phase == phase {
                return false;
            }
            turned = Some((standing.phase, phase));
            (standing.phase, standing.since) = (phase, time);
            if phase == Phase::Firing {
                (standing.fired, standing.times) = (Some(time), standing.times + 1);
            }
            true
        });
        let text = || Notice::of(self, &self.standing(), false).text;
        match turned {
            Some((_, Phase::Firing)) => {
                self.metrics.fires(true);
                tracing::warn!(alert = self.name, "{}", text());
            }
            Some((Phase::Firing, _)) => {
                self.metrics.fires(false);
                tracing::info!(alert = self.name, "{}", text());
            }
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
