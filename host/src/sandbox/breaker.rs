//! Leaves a policy alone for a while when it fails again and again, and tries it again then.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use crate::config;

/// Failures are counted for so long.
const WINDOW: Duration = Duration::from_secs(10);
/// Successes before a window count, up to so many for each failure that would be too many.
const CREDIT: u32 = 10;

/// For one policy on one worker. A call that succeeds costs two counts and no look at the clock.
pub(super) struct Breaker {
    settings: config::Breaker,
    state: Cell<State>,
    /// Of the window, and before it: a policy that worked so far does not lose its name by a burst of a few.
    successes: Cell<u32>,
    /// Of the window.
    failures: Cell<u32>,
    since: Cell<Option<Instant>>,
    pauses: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Nobody calls until the pause is over.
    Open,
    /// One call is tried.
    Trying,
}

/// As what a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Usual,
    /// What comes of it decides whether others are.
    Trial,
}

/// What a call that ended did to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    None,
    /// The policy is left alone for so long.
    Paused(Duration),
    /// It is called again.
    Resumed,
}

impl Breaker {
    pub(super) fn new(settings: config::Breaker) -> Self {
        Self {
            settings,
            state: Cell::new(State::Closed),
            successes: Cell::new(0),
            failures: Cell::new(0),
            since: Cell::new(None),
            pauses: Backoff::new(settings.pause, settings.max_pause),
        }
    }

    /// Whether the policy may be called now, and as what. After a pause one call is, and the others wait for what comes
    /// of it.
    pub(super) fn admit(&self, now: impl FnOnce() -> Instant) -> Option<Admission> {
        match self.state.get() {
            State::Closed => Some(Admission::Usual),
            State::Trying => None,
            State::Open if self.pauses.is_pausing(now) => None,
            State::Open => {
                self.state.set(State::Trying);
                Some(Admission::Trial)
            }
        }
    }

    /// A call ended that says nothing about the policy: it was given up, or not made after all. The next one is tried
    /// instead.
    pub(super) fn learned_nothing(&self, call: Admission) {
        if call == Admission::Trial && self.state.get() == State::Trying {
            self.state.set(State::Open);
        }
    }

    pub(super) fn succeeded(&self, call: Admission) -> Turn {
        match (call, self.state.get()) {
            (Admission::Usual, State::Closed) => self.successes.set(self.successes.get().saturating_add(1)),
            (Admission::Trial, State::Trying) => {
                self.state.set(State::Closed);
                self.since.set(None);
                self.successes.set(0);
                return Turn::Resumed;
            }
            // It began before the pause.
            _ => {}
        }
        Turn::None
    }

    pub(super) fn failed(&self, call: Admission, now: Instant) -> Turn {
        match (call, self.state.get()) {
            (Admission::Usual, State::Closed) => {}
            (Admission::Trial, State::Trying) => return self.open(now),
            _ => return Turn::None,
        }
        if self.since.get().is_none_or(|since| now.duration_since(since) > WINDOW) {
            self.since.set(Some(now));
            self.failures.set(0);
            self.successes.set(self.successes.get().min(self.settings.failures.saturating_mul(CREDIT)));
        }
        self.failures.set(self.failures.get().saturating_add(1));
        if self.failures.get() < self.settings.failures.max(self.successes.get()) {
            return Turn::None;
        }
        self.open(now)
    }

    fn open(&self, now: Instant) -> Turn {
        self.state.set(State::Open);
        Turn::Paused(self.pauses.begin(now))
    }
}

#[cfg(test)]
mod tests {
    use super::Admission::{Trial, Usual};
    use super::*;

    fn breaker() -> (Breaker, Instant) {
        let (pause, max_pause) = (Duration::from_secs(1), Duration::from_secs(3));
        (Breaker::new(config::Breaker { failures: 3, pause, max_pause }), Instant::now())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn failures_that_are_few_or_far_apart_change_nothing() {
        let (breaker, start) = breaker();
        for n in 0..20 {
            assert_eq!(breaker.failed(Usual, start + n * 6 * SECOND), Turn::None, "two in each window");
        }
        let (breaker, start) = self::breaker();
        for _ in 0..1000 {
            assert_eq!(breaker.succeeded(Usual), Turn::None);
        }
        for _ in 0..29 {
            assert_eq!(breaker.failed(Usual, start), Turn::None, "it worked for long");
        }
        assert_eq!(breaker.failed(Usual, start), Turn::Paused(SECOND), "but not any more");
    }

    #[test]
    fn pauses_grow_until_a_call_succeeds() {
        let (breaker, start) = breaker();
        assert_eq!((breaker.failed(Usual, start), breaker.failed(Usual, start)), (Turn::None, Turn::None));
        assert_eq!(breaker.failed(Usual, start), Turn::Paused(SECOND));
        let mut now = start;
        for pause in [1, 2, 3, 3] {
            assert_eq!(breaker.admit(|| now + pause * SECOND - Duration::from_millis(1)), None);
            now += pause * SECOND;
            assert_eq!(breaker.admit(|| now), Some(Trial), "one call is tried");
            assert_eq!(breaker.admit(|| now), None, "and no other");
            assert_eq!(breaker.failed(Trial, now), Turn::Paused((pause * 2).min(3) * SECOND));
        }
        now += 3 * SECOND;
        assert_eq!(breaker.admit(|| now), Some(Trial));
        assert_eq!(breaker.succeeded(Trial), Turn::Resumed);
        assert_eq!(breaker.admit(|| now), Some(Usual));
    }

    #[test]
    fn calls_that_began_before_a_pause_change_nothing_and_one_that_is_given_up_is_not_waited_for() {
        let (breaker, start) = breaker();
        assert_eq!([(); 3].map(|()| breaker.failed(Usual, start))[2], Turn::Paused(SECOND));
        let before_the_pause = |now| {
            breaker.learned_nothing(Usual);
            assert_eq!((breaker.succeeded(Usual), breaker.failed(Usual, now)), (Turn::None, Turn::None));
        };
        before_the_pause(start);
        assert_eq!(breaker.admit(|| start + SECOND / 2), None);
        let now = start + SECOND;
        assert_eq!(breaker.admit(|| now), Some(Trial));
        before_the_pause(now);
        assert_eq!(breaker.admit(|| now), None, "the trial goes on");
        breaker.learned_nothing(Trial);
        assert_eq!(breaker.admit(|| now), Some(Trial), "another one is tried");
        assert_eq!(breaker.failed(Trial, now), Turn::Paused(2 * SECOND));
        breaker.learned_nothing(Trial);
        assert_eq!(breaker.admit(|| now), None, "the pause goes on");
    }
}
