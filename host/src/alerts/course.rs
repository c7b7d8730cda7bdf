//! From what holds now to whether an alert fires: not at once where it is to wait, and no longer only when it has not held for a while.

use std::time::{Duration, Instant};

/// What an alert does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Ok,
    /// It holds, and not for long enough.
    Pending,
    Firing,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// How it went until now.
#[derive(Debug, Default)]
pub(super) struct Course {
    phase: Phase,
    /// Since when it has held where it is pending, and has not where it fires.
    since: Option<Instant>,
}

impl Course {
    /// It holds now, or not. `pending` and `keep_firing` are how long it has to, and must not.
    pub(super) fn step(&mut self, holds: bool, now: Instant, pending: Duration, keep_firing: Duration) -> Phase {
        let (turns, wait) = match self.phase {
            Phase::Ok | Phase::Pending => (holds, pending),
            Phase::Firing => (!holds, keep_firing),
        };
        if !turns {
            self.since = None;
            if self.phase == Phase::Pending {
                self.phase = Phase::Ok;
            }
            return self.phase;
        }
        let since = *self.since.get_or_insert(now);
        let is_due = now.saturating_duration_since(since) >= wait;
        self.phase = match self.phase {
            Phase::Firing if is_due => Phase::Ok,
            Phase::Firing => Phase::Firing,
            _ if is_due => Phase::Firing,
            _ => Phase::Pending,
        };
        if is_due {
            self.since = None;
        }
        self.phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phases a course takes, where it holds at these seconds.
    fn course(pending: u64, keep: u64, holds: &str) -> String {
        let (begun, mut course) = (Instant::now(), Course::default());
        let phases = holds.chars().enumerate().map(|(second, holds)| {
            let (now, seconds) = (begun + Duration::from_secs(second as u64), Duration::from_secs);
            match course.step(holds == '1', now, seconds(pending), seconds(keep)) {
                Phase::Ok => '.',
                Phase::Pending => 'p',
                Phase::Firing => 'F',
            }
        });
        phases.collect()
    }

    #[test]
    fn it_fires_when_it_has_held_and_ends_when_it_has_not_for_long_enough() {
        for (pending, keep, holds, phases) in [
            (0, 0, "0110010", ".FF..F."),
            (2, 0, "0101110", ".p.ppF."),
            (2, 0, "1111000", "ppFF..."),
            (0, 2, "1010001000", "FFFFF.FFF."),
            (1, 3, "110111000011", "pFFFFFFFF.pF"),
        ] {
            let taken = course(pending, keep, holds);
            assert_eq!(taken, phases, "{pending} {keep} {holds}");
        }
    }
}
