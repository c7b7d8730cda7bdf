//! The sums of finished requests that are not in the store yet, by minute and on all axes.

mod cap;
mod cell;
mod series;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::finished::Finished;
use super::span::Unit;

pub(crate) use cap::Cap;
pub(crate) use cell::{Cell, Laps};
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

/// The start of a minute, in seconds since 1970, and what was counted.
pub(crate) type Cells = FxHashMap<(u64, Series), Cell>;

pub(crate) struct Rollup {
    cells: Cells,
    most: usize,
    other: Arc<str>,
    operations: Cap<[Name; 3]>,
    consumers: Cap<Arc<str>>,
    applications: Cap<[Name; 2]>,
}

impl Rollup {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            cells: Cells::default(),
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
        let mut keys: Vec<_> = series::of(finished).into_iter().map(|series| (minute, series)).collect();
        keys.extend(finished.calls.iter().map(|call| (minute, series::of_call(finished, call))));
        if self.cells.len() + keys.len() > self.most {
            keys.iter_mut().for_each(|(_, series)| self.cap(series));
            let new = keys.iter().filter(|key| !self.cells.contains_key(key)).count();
            if self.cells.len() + new > self.most {
                return false;
            }
        }
        let calls = finished.calls.iter().map(|call| Some(call.took_us));
        for (key, took) in keys.into_iter().zip([None, None].into_iter().chain(calls)) {
            let cell = self.cell(key);
            match took {
                None => cell.record(finished, laps),
                Some(took_us) => cell.record_call(took_us),
            }
        }
        true
    }

    fn cell(&mut self, mut key: (u64, Series)) -> &mut Cell {
        // What is counted in this minute is told apart already.
        if !self.cells.contains_key(&key) {
            self.cap(&mut key.1);
        }
        self.cells.entry(key).or_default()
    }

    /// A name that is told apart already, of what the store has of the day.
    pub(crate) fn know(&mut self, mut series: Series) {
        self.cap(&mut series);
    }

    /// It is this second now.
    pub(crate) fn on(&mut self, now: u64) {
        let day = Unit::Day.start(now);
        self.operations.on(day);
        self.consumers.on(day);
        self.applications.on(day);
    }

    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    pub(crate) fn clear(&mut self) {
        self.cells.clear();
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

fn is_counted(name: &Name) -> bool {
    name.as_deref().is_some_and(|name| name != OTHER)
}
