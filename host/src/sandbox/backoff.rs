//! Pauses that grow while one soon follows the other.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Trouble that comes later than this after a pause is a new story.
const QUIET: Duration = Duration::from_secs(10);

/// Of one policy on one worker.
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Cell<Duration>,
    /// When the last pause ends.
    over: Cell<Option<Instant>>,
    /// Until somebody sees that it has ended: whoever never paused, or not lately, looks at no clock.
    is_pausing: Cell<bool>,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: Cell::new(first), over: Cell::new(None), is_pausing: Cell::new(false) }
    }

    /// A pause begins; how long it is. One that is under way goes on as it is: what ends during it began before.
    pub(super) fn begin(&self, now: Instant) -> Duration {
        if let Some(over) = self.over.get().filter(|over| now < *over) {
            return over - now;
        }
        let soon = |over: Instant| now.saturating_duration_since(over) <= QUIET.max(self.next.get());
        let pause = if self.over.get().is_some_and(soon) { self.next.get() } else { self.first };
        self.next.set((pause * 2).min(self.longest));
        self.over.set(Some(now + pause));
        self.is_pausing.set(true);
        pause
    }

    /// Whether the last pause is under way.
    pub(super) fn is_pausing(&self, now: impl FnOnce() -> Instant) -> bool {
        if self.is_pausing.get() && self.over.get().is_none_or(|over| now() >= over) {
            self.is_pausing.set(false);
        }
        self.is_pausing.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_short_again_after_quiet() {
        let (second, start) = (Duration::from_secs(1), Instant::now());
        let backoff = Backoff::new(second, 3 * second);
        assert!(!backoff.is_pausing(|| start));
        let mut now = start;
        for seconds in [1, 2, 3, 3] {
            assert_eq!(backoff.begin(now), seconds * second);
            assert_eq!(backoff.begin(now), seconds * second, "trouble during a pause makes it no longer");
            assert!(backoff.is_pausing(|| now));
            now += seconds * second;
            assert!(!backoff.is_pausing(|| now));
        }
        assert_eq!(backoff.begin(now + 11 * second), second);
    }
}
