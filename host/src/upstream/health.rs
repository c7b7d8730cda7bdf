//! Whether a target is asked: what its failures and its health checks say. Shared by all workers and kept across generations.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Server;
use crate::config::Eject;
use crate::telemetry::metrics::TargetMetrics;

/// The targets of one upstream.
#[derive(Debug)]
pub(super) struct Targets {
    eject: Eject,
    servers: Vec<Arc<Server>>,
    /// Held by who leaves one out, so that two do not leave out one too many.
    ejecting: Mutex<()>,
}

/// How one target does.
#[derive(Debug)]
pub(super) struct State {
    /// In a row.
    failures: AtomicU32,
    /// In a row, each for twice as long as the one before.
    ejections: AtomicU32,
    /// Milliseconds since [`epoch`]; 0 where it is not left out.
    until: AtomicU64,
    is_unwell: AtomicBool,
    metrics: TargetMetrics,
}

impl Targets {
    pub(super) fn new(eject: &Eject, servers: Vec<Arc<Server>>) -> Self {
        Self { eject: eject.clone(), servers, ejecting: Mutex::default() }
    }

    /// Whether a target may be asked. One whose time is over may, and one more failure leaves it out again.
    pub(super) fn is_open(&self, target: usize, now: Instant) -> bool {
        let Some(server) = self.servers.get(target) else { return false };
        let state = &server.state;
        if state.is_unwell() || state.is_out(now) {
            return false;
        }
        let until = state.until.load(Relaxed);
        if until != 0 && state.until.compare_exchange(until, 0, Relaxed, Relaxed).is_ok() {
            state.metrics.up();
        }
        true
    }

    /// A target answered.
    pub(super) fn succeeded(&self, target: usize) {
        let Some(Server { state, .. }) = self.servers.get(target).map(|server| &**server) else { return };
        // Read before written, so that workers whose targets are well share the line.
        if state.failures.load(Relaxed) != 0 {
            state.failures.store(0, Relaxed);
            state.ejections.store(0, Relaxed);
        }
    }

    /// A target failed at `now`.
    pub(super) fn failed(&self, target: usize, now: Instant) {
        let (Some(server), true) = (self.servers.get(target), self.eject.failures > 0) else { return };
        if server.state.failures.fetch_add(1, Relaxed) + 1 < self.eject.failures {
            return;
        }
        let _one_at_a_time = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.servers.len() as u64;
        let most = (count * u64::from(self.eject.share) / 100).max(1).min(count - 1);
        let out = self.servers.iter().filter(|server| server.state.is_out(now)).count() as u64;
        if out < most && !server.state.is_out(now) {
            let length = server.state.leave_out(&self.eject, now);
            tracing::warn!(url = %server.target, ?length, "target keeps failing and is left out");
        }
    }
}

impl State {
    pub(super) fn new(metrics: TargetMetrics) -> Self {
        metrics.up();
        Self {
            failures: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            until: AtomicU64::new(0),
            is_unwell: AtomicBool::new(false),
            metrics,
        }
    }

    pub(super) fn is_unwell(&self) -> bool {
        self.is_unwell.load(Relaxed)
    }

    /// Whether it is left out for failures.
    pub(super) fn is_out(&self, now: Instant) -> bool {
        let until = self.until.load(Relaxed);
        until != 0 && millis(now) < until
    }

    fn leave_out(&self, eject: &Eject, now: Instant) -> Duration {
        let times = self.ejections.load(Relaxed).min(31);
        let length = eject.first.saturating_mul(1 << times).min(eject.longest);
        self.until.store(millis(now + length).max(1), Relaxed);
        self.ejections.store(times + 1, Relaxed);
        // One more is enough when its time is over.
        self.failures.store(eject.failures - 1, Relaxed);
        self.metrics.down();
        length
    }

    /// What health checks found; true if that is news.
    pub(super) fn is_well(&self, well: bool) -> bool {
        let news = self.is_unwell.swap(!well, Relaxed) == well;
        match (news, well) {
            (true, true) if self.until.load(Relaxed) == 0 => self.metrics.up(),
            (true, false) => self.metrics.down(),
            _ => {}
        }
        news
    }
}

/// What moments are counted from.
fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn millis(at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(epoch()).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Target;
    use crate::telemetry::metrics::Metrics;
    use crate::upstream::resolve::Addresses;

    const FIRST: Duration = Duration::from_secs(10);

    fn targets(count: usize, share: u32) -> Targets {
        let eject = Eject { failures: 3, status: Vec::new(), first: FIRST, longest: FIRST * 3, share };
        let metrics = Metrics::new("0", "0");
        let server = |at: usize| {
            let target: Target = format!("http://host-{at}").parse().unwrap();
            let state = State::new(metrics.target("up", &target.to_string()));
            Arc::new(Server { target, host: None, addresses: Addresses::default(), state })
        };
        Targets::new(&eject, (0..count).map(server).collect())
    }

    fn fail(targets: &Targets, target: usize, times: u32, now: Instant) {
        (0..times).for_each(|_| targets.failed(target, now));
    }

    #[test]
    fn a_target_is_left_out_after_failures_in_a_row() {
        let (targets, now) = (targets(2, 50), epoch());
        fail(&targets, 0, 2, now);
        targets.succeeded(0);
        fail(&targets, 0, 2, now);
        assert!(targets.is_open(0, now));
        fail(&targets, 0, 1, now);
        assert!(!targets.is_open(0, now));
        assert!(!targets.is_open(0, now + FIRST - Duration::from_millis(1)));
        assert!(targets.is_open(0, now + FIRST));
    }

    #[test]
    fn one_that_fails_again_at_once_is_left_out_for_longer_up_to_a_limit() {
        let (targets, mut now) = (targets(2, 50), epoch());
        fail(&targets, 0, 3, now);
        for length in [FIRST, FIRST * 2, FIRST * 3, FIRST * 3] {
            assert!(!targets.is_open(0, now + length - Duration::from_millis(1)), "{length:?}");
            now += length;
            assert!(targets.is_open(0, now), "{length:?}");
            fail(&targets, 0, 1, now);
        }
        now += FIRST * 3;
        assert!(targets.is_open(0, now));
        targets.succeeded(0);
        fail(&targets, 0, 2, now);
        assert!(targets.is_open(0, now));
    }

    #[test]
    fn some_targets_are_always_asked() {
        let now = epoch();
        for (count, share, left_out) in [(1, 100, 0), (2, 0, 1), (2, 100, 1), (4, 50, 2), (4, 100, 3)] {
            let targets = targets(count, share);
            (0..count).for_each(|target| fail(&targets, target, 9, now));
            let out = (0..count).filter(|target| !targets.is_open(*target, now)).count();
            assert_eq!(out, left_out, "{count} targets, {share} %");
        }
    }

    #[test]
    fn an_unwell_target_is_left_out_until_it_is_well() {
        let (targets, now) = (targets(2, 50), epoch());
        assert!(targets.servers[0].state.is_well(false));
        assert!(!targets.servers[0].state.is_well(false), "that is no news");
        assert!(!targets.is_open(0, now));
        assert!(targets.servers[0].state.is_well(true));
        assert!(targets.is_open(0, now));
    }
}
