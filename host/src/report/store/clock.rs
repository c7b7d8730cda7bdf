//! By which time what is old is deleted, though the clock of the machine may be wrong for a while.

use std::time::{Duration, Instant};

use super::super::span::Now;

/// What is too old is looked for so often, of time that the gateway runs.
const RETIRING: Duration = Duration::from_secs(3_600);
/// A clock that goes on or back by more between two looks, in seconds, is doubted.
const LEAP: u64 = 6 * 3_600;

/// What one process knows of the clock. The store has the time of the last look that was believed.
///
/// A first time, and one that is more than [`LEAP`] before that of the store, is taken as it is and ends nothing. One that
/// is more than [`LEAP`] after it is believed, and ends what is old by it, once a look an hour of run time later agrees:
/// until then it is as if there had been no look. So a wrong clock must stay wrong for an hour to end anything, one that
/// was behind delays what is deleted by an hour, and so does a long stop.
#[derive(Debug, Default)]
pub(super) struct Clock {
    looked: Option<Instant>,
    doubted: Option<Now>,
}

/// What a look at the clock comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The store has this time from now on; nothing is too old.
    Taken(u64),
    /// The same, and what is too old by it goes.
    Believed(u64),
    Doubted,
}

impl Clock {
    pub(super) fn is_due(&self, now: Now) -> bool {
        self.looked.is_none_or(|looked| now.run.saturating_duration_since(looked) >= RETIRING)
    }

    /// The look that was due is done, and its outcome on the disk.
    pub(super) fn looked(&mut self, now: Now) {
        self.looked = Some(now.run);
    }

    /// Look at the clock; `before` is the time that the store has.
    pub(super) fn look(&mut self, before: Option<u64>, now: Now) -> Look {
        let doubted = self.doubted.take();
        match before {
            None => Look::Taken(now.second),
            Some(before) if now.second + LEAP < before => Look::Taken(now.second),
            Some(before) if now.second <= before + LEAP => Look::Believed(now.second.max(before)),
            Some(_) => {
                let passed = |doubted: &Now| now.run.saturating_duration_since(doubted.run);
                let agrees = |it: &Now| (it.second + passed(it).as_secs()).abs_diff(now.second) <= LEAP;
                let since = doubted.filter(agrees).unwrap_or(now);
                if passed(&since) >= RETIRING {
                    return Look::Believed(now.second);
                }
                self.doubted = Some(since);
                Look::Doubted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Report;
    use super::super::super::tests::{NOON, at, counts, failed, report};
    use super::*;

    const HOUR: u64 = 3_600;
    const YEAR: u64 = 365 * 86_400;

    /// Count a request and flush, so many hours after noon, while the clock says something else.
    fn write(report: &mut Report, hours: u64, second: u64) {
        report.record_at(&[failed(second)], second);
        report.flush_as(Now { second, ..at(NOON + hours * HOUR) }).unwrap();
    }

    fn samples(state: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(state.join("report")).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("samples") && name.ends_with(".db")).count()
    }

    #[test]
    fn a_clock_that_was_behind_and_is_corrected_ends_nothing_and_delays_by_an_hour() {
        let state = tempfile::tempdir().unwrap();
        let mut report = report(state.path());
        write(&mut report, 0, NOON);
        for (hours, second) in [(1, 60), (2, NOON + 2 * HOUR), (3, NOON + 3 * HOUR)] {
            write(&mut report, hours, second);
        }
        // What was counted in 1970 is gone once the clock of today is believed.
        assert_eq!((counts(state.path()), samples(state.path())), (vec![3; 9], 1));
        report.flush_at(NOON + 51 * HOUR).unwrap();
        assert_eq!(counts(state.path()), [3; 9]);
        report.flush_at(NOON + 52 * HOUR).unwrap();
        assert_eq!(counts(state.path()), [0, 3, 3, 0, 3, 3, 0, 3, 3]);
    }

    #[test]
    fn a_clock_that_is_ahead_for_a_while_ends_nothing_also_at_the_start() {
        for first in [0, 1] {
            let state = tempfile::tempdir().unwrap();
            let mut report = report(state.path());
            if first == 1 {
                write(&mut report, 0, NOON);
            }
            write(&mut report, first, NOON + 10 * YEAR);
            let [before, after] = [first + 1, first + 2].map(|hours| NOON + hours * HOUR);
            write(&mut report, first + 1, before);
            write(&mut report, first + 2, after);
            assert_eq!(counts(state.path()), [first as i64 + 3; 9]);
            // Again, when nobody remembers.
            write(&mut report, 5, NOON + 10 * YEAR + 5 * HOUR);
            assert_eq!(counts(state.path()), [first as i64 + 4; 9]);
            assert_eq!(samples(state.path()), 2);
        }
    }

    #[test]
    fn after_a_long_stop_what_is_old_goes_once_the_clock_is_believed() {
        let state = tempfile::tempdir().unwrap();
        write(&mut report(state.path()), 0, NOON);
        // One that is asked for nothing.
        let mut report = Report::new(state.path());
        let after = NOON + 40 * 86_400;
        for (later, expected) in [(0, 1), (HOUR / 2, 1), (HOUR, 0)] {
            report.flush_at(after + later).unwrap();
            assert_eq!((counts(state.path())[0], samples(state.path())), (expected, expected as usize));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_takes_no_time_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.look(Some(NOON), at(NOON - LEAP)), Look::Believed(NOON));
        assert_eq!(clock.look(Some(NOON), at(NOON - LEAP - 1)), Look::Taken(NOON - LEAP - 1));
        assert_eq!(clock.look(Some(NOON), at(NOON + LEAP)), Look::Believed(NOON + LEAP));
        assert_eq!(clock.look(Some(NOON), at(NOON + LEAP + 1)), Look::Doubted);
        // One that keeps leaping is doubted for as long.
        let later = at(NOON + 2 * LEAP);
        assert_eq!(clock.look(Some(NOON), Now { second: NOON + YEAR, ..later }), Look::Doubted);
    }
}
