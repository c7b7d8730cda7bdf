//! Which requests are kept one by one: those that ended in an error, and the slowest of each operation.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::finished::{Finished, Operation};
use super::histogram::{Histogram, Lap};
use super::rollup::{Near, address};
use super::span::Unit;

/// In a minute, of errors of one class and kind of status, and of slow ones in all.
const MOST_ERRORS: u32 = 100;
const MOST_SLOW: u32 = 1_000;
/// That wait for the store.
const MOST_WAITING: usize = 20_000;
/// What is slow is known from so many on; and looked at again after as many.
const ENOUGH: u64 = 100;
/// The slowest 1 % are beyond.
const SLOW: f64 = 0.99;
/// Operations whose times are known, so that a flood of names takes no more memory.
const MOST_OPERATIONS: usize = 4_000;

#[derive(Default)]
pub(crate) struct Sampling {
    waiting: Vec<(u64, Finished)>,
    minute: u64,
    /// By class and kind of status; slow ones have none.
    kept: HashMap<Option<(&'static str, u16)>, u32>,
    hour: u64,
    speeds: Vec<Speed>,
    /// By what is called the same, and by what is the same.
    places: FxHashMap<Option<Arc<Operation>>, usize>,
    near: Near<usize, Option<Arc<Operation>>, usize>,
}

/// How long an operation took in this hour, and beyond which time it is slow.
#[derive(Default)]
struct Speed {
    total: Histogram,
    recorded: u64,
    slow_us: Option<f64>,
}

impl Sampling {
    /// It is this second now.
    pub(crate) fn on(&mut self, now: u64) {
        let (minute, hour) = (Unit::Minute.start(now), Unit::Hour.start(now));
        if minute != self.minute {
            self.minute = minute;
            self.kept.clear();
        }
        if hour != self.hour {
            self.hour = hour;
            // What was slow before is, until enough is known of this hour.
            let mut before = std::mem::take(&mut self.speeds);
            self.near.clear();
            self.places.retain(|_, place| {
                let slow_us =
                    before.get_mut(*place).filter(|speed| speed.recorded > 0).map(|speed| speed.slow_us.take());
                let is_kept = slow_us.is_some();
                *place = self.speeds.len();
                self.speeds.extend(slow_us.map(|slow_us| Speed { slow_us, ..Speed::default() }));
                is_kept
            });
        }
    }

    /// Keep a request of a second since 1970, if it is one of those. False if it is, and there is no place.
    pub(crate) fn record(&mut self, second: u64, finished: &Finished, total: Lap) -> bool {
        let is_slow = self.is_slow(finished, total);
        let kind = finished.is_error().then(|| (finished.class, finished.status.unwrap_or_default() / 100));
        if kind.is_none() && !is_slow {
            return true;
        }
        let kept = self.kept.entry(kind).or_default();
        if *kept >= if kind.is_some() { MOST_ERRORS } else { MOST_SLOW } {
            return true;
        }
        *kept += 1;
        let fits = self.waiting.len() < MOST_WAITING;
        if fits {
            self.waiting.push((second, finished.clone()));
        }
        fits
    }

    /// Those that wait for the store, which takes out what it has.
    pub(crate) fn waiting(&mut self) -> &mut Vec<(u64, Finished)> {
        &mut self.waiting
    }

    /// Let go of what waits; returns how many those were.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.waiting).len()
    }

    fn is_slow(&mut self, finished: &Finished, total: Lap) -> bool {
        let Some(speed) = self.speed(finished) else { return false };
        let is_slow = speed.slow_us.is_some_and(|slow| finished.total_us as f64 > slow);
        speed.total.record(total);
        speed.recorded += 1;
        if speed.recorded.is_multiple_of(ENOUGH) {
            speed.slow_us = speed.total.quantile_limit(SLOW);
        }
        is_slow
    }

    /// Of its operation, unless there are too many of those.
    fn speed(&mut self, finished: &Finished) -> Option<&mut Speed> {
        let key = address(finished.operation.as_ref());
        let place = self.near.get(&key).or_else(|| {
            let is_full = self.speeds.len() >= MOST_OPERATIONS;
            let place = match self.places.entry(finished.operation.clone()) {
                Entry::Occupied(place) => *place.get(),
                Entry::Vacant(_) if is_full => return None,
                Entry::Vacant(place) => {
                    self.speeds.push(Speed::default());
                    *place.insert(self.speeds.len() - 1)
                }
            };
            self.near.put(key, finished.operation.clone(), place);
            Some(place)
        })?;
        self.speeds.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOON, failed, finished, of_api};
    use super::*;

    fn record(sampling: &mut Sampling, second: u64, finished: &Finished) -> bool {
        sampling.on(second);
        sampling.record(second, finished, Lap::of(finished.total_us))
    }

    #[test]
    fn errors_are_kept_up_to_a_bound_for_each_kind_in_a_minute() {
        let mut sampling = Sampling::default();
        let not_found = Finished { status: Some(404), class: "ok", ..finished(NOON) };
        for at in 0..120 {
            // Two in each second, of two minutes.
            for error in [failed(NOON + at), not_found.clone(), failed(NOON + at), finished(NOON + at)] {
                assert!(record(&mut sampling, NOON + at, &error));
            }
        }
        let kept = |class| sampling.waiting.iter().filter(|(_, it)| it.class == class).count();
        assert_eq!((kept("upstream_closed"), kept("ok")), (200, 120));
        assert_eq!((sampling.clear(), sampling.clear()), (320, 0));
    }

    #[test]
    fn the_slowest_of_each_operation_are_kept_by_its_own_measure() {
        let mut sampling = Sampling::default();
        let of = |operation: &str, total_us| Finished {
            operation: of_api("petstore", operation),
            total_us,
            ..finished(NOON)
        };
        // From 1 ms to 1 s, the longer the rarer; of the other a thousand times as much.
        for at in 0..10_000_u64 {
            let (second, us) = (NOON + at / 10, 1_000_000 / (1 + at * 7_919 % 1_000));
            assert!(record(&mut sampling, second, &of("fast", us)));
            assert!(record(&mut sampling, second, &of("slow", us * 1_000)));
        }
        for (operation, slow) in [("fast", 100_000), ("slow", 100_000_000)] {
            let kept = sampling
                .waiting
                .iter()
                .map(|(_, it)| it)
                .filter(|it| it.name().is_some_and(|name| **name == *operation));
            let kept: Vec<_> = kept.map(|it| it.total_us).collect();
            assert!((80..=110).contains(&kept.len()), "{} of {operation}", kept.len());
            assert!(kept.iter().all(|us| *us >= slow / 100 * 98), "{kept:?}");
        }
        // The next hour begins with what was slow before.
        sampling.clear();
        record(&mut sampling, NOON + 3_600, &of("fast", 500_000));
        assert_eq!(sampling.waiting.len(), 1);
    }

    #[test]
    fn a_clock_that_was_ahead_ends_no_samples_and_what_is_late_is_of_the_minute_it_came_in() {
        let mut sampling = Sampling::default();
        let mut kept = |now, time| {
            let before = sampling.waiting.len();
            sampling.on(now);
            for _ in 0..2 * MOST_ERRORS {
                assert!(sampling.record(time, &failed(time), Lap::of(1_000)));
            }
            sampling.waiting.len() - before
        };
        let year = 365 * 86_400;
        assert_eq!([kept(NOON + year, NOON + year), kept(NOON, NOON), kept(NOON + 59, NOON - 60)], [100, 100, 0]);
    }

    #[test]
    fn what_finds_no_place_is_told() {
        let mut sampling = Sampling::default();
        let minutes = (0..).map(|n| NOON + 60 * (n / u64::from(MOST_ERRORS)));
        let told: Vec<_> = minutes.take(MOST_WAITING + 1).map(|at| record(&mut sampling, at, &failed(at))).collect();
        assert_eq!((told[MOST_WAITING - 1], told[MOST_WAITING]), (true, false));
    }
}
