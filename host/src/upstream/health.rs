//! Whether a target is asked: what its failures and its health checks say. Shared by all workers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use tokio::time::Instant;

use crate::config::Eject;
use crate::telemetry::metrics::TargetMetrics;

/// The targets of one upstream.
#[derive(Debug)]
pub(super) struct Targets {
    eject: Eject,
    states: Vec<State>,
    /// Left out for failures just now.
    ejected: AtomicU32,
}

#[derive(Debug)]
struct State {
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
    pub(super) fn new(eject: &Eject, metrics: impl Iterator<Item = TargetMetrics>) -> Self {
        let state = |metrics: TargetMetrics| {
            metrics.up();
            State {
                failures: AtomicU32::new(0),
                ejections: AtomicU32::new(0),
                until: AtomicU64::new(0),
                is_unwell: AtomicBool::new(false),
                metrics,
            }
        };
        Self { eject: eject.clone(), states: metrics.map(state).collect(), ejected: AtomicU32::new(0) }
    }

    /// Whether a target may be asked. One whose time is over may, and one more failure leaves it out again.
    pub(super) fn is_open(&self, target: usize, now: Instant) -> bool {
        let Some(state) = self.states.get(target) else { return false };
        if state.is_unwell.load(Relaxed) {
            return false;
        }
        let until = state.until.load(Relaxed);
        if until == 0 {
            return true;
        }
        if millis(now) < until {
            return false;
        }
        if state.until.compare_exchange(until, 0, Relaxed, Relaxed).is_ok() {
            self.ejected.fetch_sub(1, Relaxed);
            state.metrics.up();
        }
        true
    }

    /// A target answered.
    pub(super) fn succeeded(&self, target: usize) {
        let Some(state) = self.states.get(target) else { return };
        // Read before written, so that workers whose targets are well share the line.
        if state.failures.load(Relaxed) != 0 {
            state.failures.store(0, Relaxed);
            state.ejections.store(0, Relaxed);
        }
    }

    /// A target failed at `now`.
    pub(super) fn failed(&self, target: usize, now: Instant) {
        let (Some(state), true) = (self.states.get(target), self.eject.failures > 0) else { return };
        if state.failures.fetch_add(1, Relaxed) + 1 < self.eject.failures {
            return;
        }
        let most = (self.states.len() as u64 * u64::from(self.eject.share) / 100).max(1);
        let most = most.min(self.states.len() as u64 - 1);
        if u64::from(self.ejected.load(Relaxed)) >= most {
            return;
        }
        let times = state.ejections.load(Relaxed).min(31);
        let length = self.eject.first.saturating_mul(1 << times).min(self.eject.longest);
        let until = millis(now + length).max(1);
        if state.until.compare_exchange(0, until, Relaxed, Relaxed).is_ok() {
            self.ejected.fetch_add(1, Relaxed);
            state.ejections.store(times + 1, Relaxed);
            // One more is enough when its time is over.
            state.failures.store(self.eject.failures - 1, Relaxed);
            state.metrics.down();
        }
    }

    /// What health checks found; true if that is news.
    pub(super) fn is_well(&self, target: usize, well: bool) -> bool {
        let Some(state) = self.states.get(target) else { return false };
        let news = state.is_unwell.swap(!well, Relaxed) == well;
        match (news, well) {
            (true, true) => state.metrics.up(),
            (true, false) => state.metrics.down(),
            (false, _) => {}
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
    use std::time::Duration;

    use super::*;
    use crate::telemetry::metrics::Metrics;

    const FIRST: Duration = Duration::from_secs(10);

    fn targets(count: usize, share: u32) -> Targets {
        let eject = Eject { failures: 3, status: Vec::new(), first: FIRST, longest: FIRST * 3, share };
        let metrics = Metrics::new("0", "0");
        Targets::new(&eject, (0..count).map(|at| metrics.target("up", &at.to_string())))
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
        assert!(targets.is_well(0, false));
        assert!(!targets.is_well(0, false), "that is no news");
        assert!(!targets.is_open(0, now));
        assert!(targets.is_well(0, true));
        assert!(targets.is_open(0, now));
    }
}
