//! The sums of finished requests that are not in the store yet, by minute and on both axes.

mod cap;
mod cell;
mod series;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use super::finished::Finished;
use super::span::Unit;

pub(crate) use cap::Cap;
pub(crate) use cell::Cell;
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

/// Cells that wait for the store at most, some 50 MB of them.
const MOST_CELLS: usize = 100_000;

/// The start of a minute, in seconds since 1970, and what was counted.
pub(crate) type Cells = HashMap<(u64, Series), Cell>;

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
            cells: HashMap::new(),
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

    /// Count a request at a second since 1970, on both axes or on none: false if there is no place for it.
    pub(crate) fn record(&mut self, second: u64, finished: &Finished) -> bool {
        let minute = Unit::Minute.start(second);
        let keys = self.series(minute, finished).map(|series| (minute, series));
        let new = keys.iter().filter(|key| !self.cells.contains_key(key)).count();
        if self.cells.len() + new > self.most {
            return false;
        }
        for key in keys {
            self.cells.entry(key).or_default().record(finished);
        }
        true
    }

    /// Names that are told apart already, of what the store has.
    pub(crate) fn know(&mut self, second: u64, series: &Series) {
        let day = Unit::Day.start(second);
        self.operation(day, [&series.api, &series.version, &series.operation].map(Clone::clone));
        self.holder(day, series.consumer.clone(), series.application.clone());
    }

    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    pub(crate) fn clear(&mut self) {
        self.cells.clear();
    }

    fn series(&mut self, minute: u64, finished: &Finished) -> [Series; 2] {
        let day = Unit::Day.start(minute);
        let shared = series::shared(finished);
        let operation = [&finished.api, &finished.version, &finished.operation].map(Clone::clone);
        let operation = self.operation(day, operation);
        let (consumer, application) = self.holder(day, finished.consumer.clone(), finished.application.clone());
        [Series { operation, ..shared.clone() }, Series { axis: Axis::Consumer, consumer, application, ..shared }]
    }

    fn operation(&mut self, day: u64, name: [Name; 3]) -> Name {
        if is_counted(&name[2]) && !self.operations.admits(day, &name) {
            return Some(self.other.clone());
        }
        let [_, _, operation] = name;
        operation
    }

    fn holder(&mut self, day: u64, consumer: Name, application: Name) -> (Name, Name) {
        let other = || Some(self.other.clone());
        if let Some(name) = consumer.as_ref().filter(|_| is_counted(&consumer)) {
            if !self.consumers.admits(day, name) {
                return (other(), other());
            }
        }
        let name = [consumer, application];
        if is_counted(&name[1]) && !self.applications.admits(day, &name) {
            let [consumer, _] = name;
            return (consumer, other());
        }
        let [consumer, application] = name;
        (consumer, application)
    }
}

fn is_counted(name: &Name) -> bool {
    name.as_deref().is_some_and(|name| name != OTHER)
}
