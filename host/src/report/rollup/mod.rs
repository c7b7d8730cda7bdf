//! The sums of finished requests that are not in the store yet, by minute and on all axes.

mod cap;
mod cell;
mod near;
mod series;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::finished::{Called, Finished, Operation};
use super::span::Unit;
use crate::telemetry::Outcome;
use crate::telemetry::metrics::Label;

use cap::Cap;
pub(crate) use cell::{Cell, Laps};
pub(crate) use near::{Near, address};
pub(crate) use series::{Axis, NONE, Name, OTHER, OUTCOMES, Series};

/// How many are told apart, in a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) operations: usize,
    pub(crate) consumers: usize,
    pub(crate) applications: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { operations: 2_000, consumers: 10_000, applications: 10_000 }
    }
}

/// Cells that wait for the store at most: some 25 MB where each is of a few requests, ten times as much where each is of
/// hundreds.
const MOST_CELLS: usize = 50_000;
/// Pairs of cells whose requests are counted together; those of others are counted in each.
const MOST_PAIRS: usize = 1_000;

/// The start of a minute, in seconds since 1970, and what was counted by.
pub(crate) type Key = (u64, Series);

pub(crate) struct Rollup {
    cells: Vec<(Key, Cell)>,
    /// Which of them.
    places: FxHashMap<Key, usize>,
    /// What was counted for two cells at once, of an operation and of a consumer, and is in neither yet.
    pairs: Vec<([usize; 2], Cell)>,
    by_pair: Near<([usize; 3], Mark), (Option<Arc<Operation>>, [Name; 2]), usize>,
    by_operation: Near<(usize, Mark), Option<Arc<Operation>>, usize>,
    by_consumer: Near<([usize; 4], Mark), (Option<Arc<Operation>>, [Name; 2]), usize>,
    by_policy: Near<([usize; 3], u64, usize, usize), (Option<Arc<Operation>>, Arc<str>), usize>,
    /// It is now.
    minute: u64,
    /// Cells are of another.
    is_over: bool,
    most: usize,
    other: Arc<str>,
    operations: Cap<[Name; 3]>,
    consumers: Cap<Arc<str>>,
    applications: Cap<[Name; 2]>,
}

/// What else requests are told apart by: the minute, the status, where the class lies in memory, and who is to blame.
type Mark = (u64, Option<u16>, usize, Outcome);

impl Rollup {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            cells: Vec::new(),
            places: FxHashMap::default(),
            pairs: Vec::new(),
            by_pair: Near::default(),
            by_operation: Near::default(),
            by_consumer: Near::default(),
            by_policy: Near::default(),
            minute: 0,
            is_over: false,
            most: MOST_CELLS,
            other: OTHER.into(),
            operations: Cap::new(caps.operations),
            consumers: Cap::new(caps.consumers),
            applications: Cap::new(caps.applications),
        }
    }

    /// One that has place for so many cells.
    #[cfg(test)]
    pub(crate) fn bounded(most: usize) -> Self {
        Self { most, ..Self::new(Caps::default()) }
    }

    /// Count a request and the calls it took at a second since 1970, on all axes or on none: false if there is no place for it.
    pub(crate) fn record(&mut self, second: u64, finished: &Finished, laps: &Laps) -> bool {
        let minute = Unit::Minute.start(second);
        let calls = finished.calls.iter().map(|call| Some((self.of_call(minute, finished, call)?, call.took_us)));
        let Some(calls) = calls.collect::<Option<Vec<_>>>() else { return false };
        if let Some(pair) = self.pair(minute, finished) {
            self.pairs[pair].1.record(finished, laps);
        } else {
            let Some(places) = self.both(minute, finished) else { return false };
            places.into_iter().for_each(|place| self.cells[place].1.record(finished, laps));
        }
        for (place, took_us) in calls {
            self.cells[place].1.record_call(took_us);
        }
        true
    }

    /// Where it is counted with all that are of the same two cells.
    fn pair(&mut self, minute: u64, finished: &Finished) -> Option<usize> {
        let (operation, consumer, application) = (&finished.operation, &finished.consumer, &finished.application);
        let names = [address(operation.as_ref()), address(consumer.as_ref()), address(application.as_ref())];
        let key = (names, mark(minute, finished));
        self.by_pair.get(&key).or_else(|| {
            let pair = self.pairs.len();
            let places = (pair < MOST_PAIRS).then(|| self.both(minute, finished))??;
            self.pairs.push((places, Cell::default()));
            self.by_pair.put(key, (operation.clone(), [consumer.clone(), application.clone()]), pair);
            Some(pair)
        })
    }

    /// The cell of its operation and that of its consumer.
    fn both(&mut self, minute: u64, finished: &Finished) -> Option<[usize; 2]> {
        Some([self.of_operation(minute, finished)?, self.of_consumer(minute, finished)?])
    }

    fn of_operation(&mut self, minute: u64, finished: &Finished) -> Option<usize> {
        let key = (address(finished.operation.as_ref()), mark(minute, finished));
        self.by_operation.get(&key).or_else(|| {
            let place = self.place((minute, series::of_operation(finished)))?;
            self.by_operation.put(key, finished.operation.clone(), place);
            Some(place)
        })
    }

    fn of_consumer(&mut self, minute: u64, finished: &Finished) -> Option<usize> {
        let (consumer, application) = (finished.consumer.as_ref(), finished.application.as_ref());
        let names = [finished.api(), finished.version(), consumer, application].map(address);
        let key = (names, mark(minute, finished));
        self.by_consumer.get(&key).or_else(|| {
            let place = self.place((minute, series::of_consumer(finished)))?;
            let held = (finished.operation.clone(), [consumer.cloned(), application.cloned()]);
            self.by_consumer.put(key, held, place);
            Some(place)
        })
    }

    fn of_call(&mut self, minute: u64, finished: &Finished, call: &Called) -> Option<usize> {
        let names = [finished.api(), finished.version(), Some(&call.policy)].map(address);
        let key = (names, minute, call.hook.index(), call.outcome.index());
        self.by_policy.get(&key).or_else(|| {
            let place = self.place((minute, series::of_call(finished, call)))?;
            self.by_policy.put(key, (finished.operation.clone(), call.policy.clone()), place);
            Some(place)
        })
    }

    /// The place of a cell, which is a new one if need be and there is room.
    fn place(&mut self, mut key: Key) -> Option<usize> {
        // What is counted in this minute is told apart already.
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        self.cap(&mut key.1);
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        if self.cells.len() >= self.most {
            return None;
        }
        let place = self.cells.len();
        self.places.insert(key.clone(), place);
        self.cells.push((key, Cell::default()));
        Some(place)
    }

    /// A name that is told apart already, of what the store has of the day.
    pub(crate) fn know(&mut self, mut series: Series) {
        self.cap(&mut series);
    }

    /// It is this second now.
    pub(crate) fn on(&mut self, now: u64) {
        let (day, minute) = (Unit::Day.start(now), Unit::Minute.start(now));
        self.is_over |= minute != self.minute;
        self.minute = minute;
        self.operations.on(day);
        self.consumers.on(day);
        self.applications.on(day);
    }

    /// What was counted since it was cleared last; of pairs of cells nothing is left.
    pub(crate) fn cells(&mut self) -> Vec<&(Key, Cell)> {
        for (places, together) in self.pairs.iter_mut().filter(|(_, together)| together.requests > 0) {
            let together = std::mem::take(together);
            places.iter().for_each(|place| self.cells[*place].1.merge(&together));
        }
        self.cells.iter().filter(|(_, cell)| cell.requests > 0).collect()
    }

    /// Begin anew, once that is written. Where cells lie is known until the minute is over, in which they are likely to be counted in again.
    pub(crate) fn clear(&mut self) {
        if self.is_over || self.cells.len() > self.most / 2 {
            self.cells.clear();
            self.places.clear();
            self.pairs.clear();
            self.by_pair.clear();
            self.by_operation.clear();
            self.by_consumer.clear();
            self.by_policy.clear();
            self.is_over = false;
        }
        self.cells.iter_mut().for_each(|(_, cell)| *cell = Cell::default());
    }

    /// Count names that are too many as one.
    fn cap(&mut self, series: &mut Series) {
        let Series { api, version, operation, consumer, application, .. } = series;
        if is_counted(operation) && !self.operations.admits(&[api, version, operation].map(|name| name.clone())) {
            *operation = Some(self.other.clone());
        }
        if let Some(name) = consumer.as_ref().filter(|_| is_counted(consumer))
            && !self.consumers.admits(name)
        {
            (*consumer, *application) = (Some(self.other.clone()), Some(self.other.clone()));
        }
        if is_counted(application) && !self.applications.admits(&[consumer, application].map(|name| name.clone())) {
            *application = Some(self.other.clone());
        }
    }
}

fn mark(minute: u64, finished: &Finished) -> Mark {
    (minute, finished.status, finished.class.as_ptr().addr(), finished.outcome)
}

fn is_counted(name: &Name) -> bool {
    name.as_deref().is_some_and(|name| name != OTHER)
}
