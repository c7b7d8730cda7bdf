//! What was counted in the last minutes or hours, in parts that go one by one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::Measure;
use crate::report::{Histogram, Lap};

/// Parts of a window, the one that is being filled among them.
const PARTS: u32 = 30;

/// Sums of the last so many parts.
#[derive(Debug)]
pub(super) struct Window {
    begun: Instant,
    /// How long a part is.
    span: Duration,
    /// The number of the part that is being filled, from the beginning.
    number: u64,
    filled: Sums,
    /// The oldest first; those that are missing have nothing in them.
    parts: VecDeque<Sums>,
    /// Of all of those.
    past: Sums,
}

#[derive(Debug, Clone, Default)]
struct Sums {
    requests: u64,
    errors: u64,
    times: Histogram,
}

/// What a window says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// A part of 1, microseconds, or requests per minute; none where that is not known.
    pub(crate) value: Option<f64>,
}

impl Window {
    pub(super) fn new(over: Duration, begun: Instant) -> Self {
        let (number, filled, parts, past) = Default::default();
        Self { begun, span: over / PARTS, number, filled, parts, past }
    }

    /// It is so late now: what is too old goes.
    pub(super) fn advance(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.begun);
        let number = u64::try_from(since.as_nanos() / self.span.as_nanos().max(1)).unwrap_or(u64::MAX);
        let passed = number.saturating_sub(self.number);
        if passed == 0 {
            return;
        }
        for _ in 0..passed.min(PARTS.into()) {
            self.parts.push_back(std::mem::take(&mut self.filled));
            if self.parts.len() >= PARTS as usize {
                self.parts.pop_front();
            }
        }
        self.number = number;
        self.past = self.parts.iter().fold(Sums::default(), |mut past, part| {
            past.merge(part);
            past
        });
    }

    /// Count a request, and where `lap` is given how long it took.
    pub(super) fn record(&mut self, is_error: bool, lap: Option<Lap>) {
        self.filled.requests += 1;
        self.filled.errors += u64::from(is_error);
        if let Some(lap) = lap {
            self.filled.times.record(lap);
        }
    }

    pub(super) fn read(&self, measure: Measure, now: Instant) -> Reading {
        let requests = self.past.requests + self.filled.requests;
        let errors = self.past.errors + self.filled.errors;
        let value = match measure.quantile() {
            Some(quantile) => {
                let mut times = self.past.times.clone();
                times.merge(&self.filled.times);
                times.quantile(quantile)
            }
            None if measure == Measure::Requests => Some(requests as f64 / (self.covered(now).as_secs_f64() / 60.0)),
            None => (requests > 0).then(|| errors as f64 / requests as f64),
        };
        Reading { requests, errors, value }
    }

    /// Whether it was watched for as long as it is.
    pub(super) fn is_full(&self) -> bool {
        self.number >= u64::from(PARTS) - 1
    }

    /// Which time it is about: all parts, but for what of the one that is being filled is still to come.
    fn covered(&self, now: Instant) -> Duration {
        let filled = now.saturating_duration_since(self.begun).as_nanos() % self.span.as_nanos().max(1);
        self.span * (PARTS - 1) + Duration::from_nanos(u64::try_from(filled).unwrap_or(u64::MAX))
    }
}

impl Sums {
    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.times.merge(&other.times);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SPAN: u64 = 2_000;

    proptest! {
        #[test]
        fn a_window_says_what_all_requests_of_its_time_say(
            requests in prop::collection::vec((0..15_000_u64, any::<bool>(), 0..5_000_000_u64), 1..200),
            later in 0..70_000_u64,
        ) {
            let begun = Instant::now();
            let at = |millis| begun + Duration::from_millis(millis);
            let mut window = Window::new(MINUTE, begun);
            // Each comes so much after the one before.
            let (mut time, mut all) = (0, Vec::new());
            for (after, is_error, us) in requests {
                time += after % [1, 10, 1_000, 15_000][(us % 4) as usize];
                all.push((time, is_error, us));
                window.advance(at(time));
                window.record(is_error, Some(Lap::of(us)));
            }
            let now = time + later;
            window.advance(at(now));
            // The part that is being filled, and the 29 before it.
            let first = (now / SPAN).saturating_sub(29) * SPAN;
            let within: Vec<_> = all.into_iter().filter(|(time, ..)| *time >= first).collect();
            let (count, errors) = (within.len() as u64, within.iter().filter(|it| it.1).count() as u64);
            let mut times = Histogram::default();
            within.iter().for_each(|it| times.record(Lap::of(it.2)));
            for measure in [Measure::P50, Measure::P90, Measure::P99] {
                let wanted = measure.quantile().and_then(|quantile| times.quantile(quantile));
                let wanted = Reading { requests: count, errors, value: wanted };
                prop_assert_eq!(window.read(measure, at(now)), wanted);
            }
            let rate = window.read(Measure::ErrorRate, at(now)).value;
            prop_assert_eq!(rate, (count > 0).then(|| errors as f64 / count as f64));
            let per_minute = window.read(Measure::Requests, at(now)).value.unwrap();
            let covered = (29 * SPAN + now % SPAN) as f64 / 60_000.0;
            prop_assert!((per_minute - count as f64 / covered).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_older_than_the_window_is_gone_at_once_and_does_not_come_back() {
        let begun = Instant::now();
        let mut window = Window::new(MINUTE, begun);
        assert!(!window.is_full());
        (0..5).for_each(|_| window.record(true, None));
        window.advance(begun + Duration::from_millis(57_999));
        assert!(!window.is_full() && window.read(Measure::ErrorRate, begun).errors == 5);
        window.advance(begun + Duration::from_secs(58));
        assert!(window.is_full());
        window.advance(begun + Duration::from_secs(60));
        assert_eq!(window.read(Measure::ErrorRate, begun), Reading::default());
        window.record(false, None);
        window.advance(begun + Duration::from_secs(86_400));
        assert_eq!(window.read(Measure::P99, begun), Reading::default());
    }
}
