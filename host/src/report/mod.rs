//! What is kept of finished requests: sums by operation and by consumer, some requests one by one; and answers to questions about them.

#[cfg(feature = "bench")]
pub mod bench;
mod finished;
mod histogram;
mod interrupt;
mod query;
mod rollup;
mod sample;
mod sampling;
mod show;
mod span;
mod store;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;

use rollup::{Caps, Laps, Rollup};
use sampling::Sampling;
use span::{AHEAD, Now, Unit, seconds};
use store::Store;

pub(crate) use finished::{Called, Client, Finished, Operation};
pub(crate) use histogram::{Histogram, Lap};
pub(crate) use interrupt::Interrupt;
pub(crate) use query::{
    Answer, Asked, Compared, Figures, Filter, Part, Pick, Point, Query, QueryFault, Row, Samples, Table, Total,
    show_span,
};
pub(crate) use rollup::{NONE, OTHER};
pub(crate) use sample::{Call, Said, Sample};
pub(crate) use show::{percent, scaled};
pub(crate) use store::StoreError;

/// In the state directory.
const FOLDER: &str = "report";

/// The report of one process, to write.
pub(crate) struct Report {
    store: Store,
    rollup: Rollup,
    sampling: Sampling,
    tally: Tally,
}

/// What did not go as it should, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Requests that are counted nowhere, since the store could not be written for too long.
    pub(crate) lost: u64,
    /// Requests that should have been kept one by one and are not, for that reason or since they came too late.
    pub(crate) samples_lost: u64,
    /// Requests of the future, which were counted as of now.
    pub(crate) moved: u64,
}

impl Report {
    /// Of a state directory, which is looked at with the first flush.
    pub(crate) fn new(state: &Path) -> Self {
        Self::with(state, Caps::default())
    }

    /// The same, open.
    #[cfg(test)]
    fn open(state: &Path) -> Result<Self, StoreError> {
        let mut report = Self::new(state);
        report.ready(seconds(SystemTime::now()))?;
        Ok(report)
    }

    fn with(state: &Path, caps: Caps) -> Self {
        let store = Store::new(&state.join(FOLDER));
        Self { store, rollup: Rollup::new(caps), sampling: Sampling::default(), tally: Tally::default() }
    }

    /// Count requests. They are in memory until the next flush.
    pub(crate) fn record(&mut self, requests: &[Finished]) {
        self.record_at(requests, seconds(SystemTime::now()));
    }

    /// Put what was counted on the disk, and delete what is too old there. Where that fails it is kept, and part of the next flush.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.flush_as(Now::read())
    }

    /// Answer from what is on the disk.
    #[cfg(test)]
    fn query(&self, query: &Query) -> Result<Answer, StoreError> {
        query::answer(self.store.connection()?, query).map_err(|error| Store::failed(Path::new(FOLDER), error))
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    fn record_at(&mut self, requests: &[Finished], now: u64) {
        self.rollup.on(now);
        self.sampling.on(now);
        for request in requests {
            let mut second = seconds(request.time);
            if second > now + AHEAD {
                self.tally.moved += 1;
                second = now;
            }
            let laps = Laps::of(request);
            if !self.rollup.record(second, request, &laps) {
                self.tally.lost += 1;
                // Where memory is short, sums are worth more.
                self.tally.samples_lost += self.sampling.clear() as u64;
            } else if !self.sampling.record(second, request, laps.total) {
                self.tally.samples_lost += 1;
            }
        }
    }

    /// Have the store open.
    fn ready(&mut self, now: u64) -> Result<(), StoreError> {
        if self.store.ready()? {
            // The names of today are still those.
            self.rollup.on(now);
            self.store.series_of(Unit::Day.start(now))?.into_iter().for_each(|series| self.rollup.know(series));
        }
        Ok(())
    }

    fn flush_as(&mut self, now: Now) -> Result<(), StoreError> {
        self.ready(now.second)?;
        self.store.add(&self.rollup.cells(), now)?;
        self.rollup.clear();
        let late = self.store.keep(self.sampling.waiting(), now.second);
        self.tally.samples_lost += late.map_err(|error| StoreError::Samples(error.into()))? as u64;
        Ok(())
    }
}

/// What another process keeps, to read.
pub(crate) struct Reader {
    folder: PathBuf,
    connection: Connection,
    interrupt: Interrupt,
}

impl Reader {
    /// Of a state directory.
    pub(crate) fn open(state: &Path) -> Result<Self, StoreError> {
        Self::open_for(state, Interrupt::default())
    }

    /// The same, for whoever may end it.
    pub(crate) fn open_for(state: &Path, interrupt: Interrupt) -> Result<Self, StoreError> {
        let folder = state.join(FOLDER);
        let mut connection = Store::open_to_read(&folder)?;
        interrupt.watch(&mut connection).map_err(|error| Store::failed(&folder, error))?;
        Ok(Self { folder, connection, interrupt })
    }

    pub(crate) fn query(&self, query: &Query) -> Result<Answer, StoreError> {
        self.read(|connection| query::answer(connection, query))
    }

    /// The totals of what is asked about, and of the same a week before.
    pub(crate) fn compare(&self, query: &Query) -> Result<Option<Compared>, StoreError> {
        self.read(|connection| query::compare(connection, query))
    }

    /// Requests that were kept one by one, of those that are asked about.
    pub(crate) fn samples(&self, query: &Query, pick: Pick) -> Result<Samples, StoreError> {
        query::samples(&self.folder, query, pick, &self.interrupt)
    }

    /// The one that was kept under this name, at a time of microseconds since 1970; the newest, where none is said.
    pub(crate) fn sample(&self, request: &str, time: Option<u64>) -> Result<Samples, StoreError> {
        query::named(&self.folder, request, time, SystemTime::now(), &self.interrupt)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let read = self.interrupt.check().and_then(|()| read(&self.connection));
        read.map_err(|error| Store::failed(&self.folder, error))
    }
}
