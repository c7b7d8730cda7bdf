//! Connections that could not be accepted: of a failure that lasts, the log is told now and then, and how often it was.

use std::time::Duration;

use tokio::time::Instant;

/// The log is told no more often than that.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Those of one worker on one listener.
#[derive(Default)]
pub(super) struct Failures {
    told: Option<Instant>,
    untold: u64,
}

impl Failures {
    /// There was one more. How many the log is to be told of, if it is to be told now.
    pub(super) fn count(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_told_and_then_how_many_there_were() {
        let (mut failures, begun) = (Failures::default(), Instant::now());
        assert_eq!(failures.count(begun), Some(1));
        for millis in (50..10_000).step_by(50) {
            assert_eq!(failures.count(begun + Duration::from_millis(millis)), None, "after {millis} ms");
        }
        assert_eq!(failures.count(begun + TELL_EVERY), Some(200));
        assert_eq!(failures.count(begun + TELL_EVERY + Duration::from_millis(50)), None);
        assert_eq!(failures.count(begun + 3 * TELL_EVERY), Some(2));
    }
}
