//! Which refusals are logged: of each kind a few a second, for a flood of them must not fill the log.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::telemetry::metrics::{Label, Refusal};

/// Lines a second, of each reason; all are counted.
const LINES: u32 = 10;

/// What a worker has logged of each reason: the second, and the lines in it.
#[derive(Default)]
pub(super) struct Refusals([Cell<(u64, u32)>; Refusal::NAMES.len()]);

impl Refusals {
    /// Whether one more is to be logged.
    pub(super) fn admit(&self, reason: Refusal, now: SystemTime) -> bool {
        let Some(logged) = self.0.get(reason.index()) else { return false };
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let lines = match logged.get() {
            (then, lines) if then == second => lines,
            _ => 0,
        };
        logged.set((second, lines.saturating_add(1)));
        lines < LINES
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_of_one_kind_leaves_a_few_lines_a_second_and_the_others_theirs() {
        let refusals = Refusals::default();
        let logged = |reason, second| {
            let now = UNIX_EPOCH + Duration::from_secs(second);
            (0..1000).filter(|_| refusals.admit(reason, now)).count()
        };
        assert_eq!((logged(Refusal::Tls, 1), logged(Refusal::Address, 1), logged(Refusal::Tls, 2)), (10, 10, 10));
    }
}
