//! What is kept of finished requests, in SQLite: sums by minute, hour and day, and some requests one by one.

mod cells;
mod clock;
mod file;
mod ids;
mod samples;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};

use super::finished::Finished;
use super::rollup::{Axis, Cell, Key, Series};
use super::span::{Now, Unit};
use crate::state;
use clock::{Clock, Look};
use file::Database;
use ids::{Ids, Numbering};
use samples::Samples;
use schema::Kind;

pub(crate) use cells::{COLUMNS, number, read};
pub(crate) use ids::{Names, SERIES_COLUMNS};
pub(crate) use samples::{KEPT as SAMPLE_DAYS, day, day_failed, open_day};
pub(crate) use schema::{StoreError, table};

/// In the folder of the room.
const FILE: &str = "rollup.db";

/// Names that nothing has any more are looked for so often, in seconds.
const SWEEPING: u64 = 86_400;

/// The store of one folder, to write in.
pub(crate) struct Store {
    path: PathBuf,
    /// None where it is not open yet, or was damaged and another could not be begun.
    database: Option<Database>,
    ids: Ids,
    samples: Samples,
    clock: Clock,
}

impl Store {
    /// One that is not open yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            database: None,
            ids: Ids::default(),
            samples: Samples::of(folder),
            clock: Clock::default(),
        }
    }

    /// Open what is there, or begin, unless it is open: true if it was not.
    pub(crate) fn ready(&mut self) -> Result<bool, StoreError> {
        if self.database.as_ref().is_some_and(Database::is_in_place) {
            return Ok(false);
        }
        self.close();
        let folder = self.path.parent().unwrap_or(&self.path);
        state::make_folder(folder).map_err(|error| StoreError::File { path: folder.to_owned(), error })?;
        self.database = Some(Database::open(&self.path, Kind::Rollup)?);
        Ok(true)
    }

    /// Open it beside the gateway, to read.
    pub(crate) fn open_to_read(folder: &Path) -> Result<Connection, StoreError> {
        schema::open_to_read(&folder.join(FILE))
    }

    pub(crate) fn connection(&self) -> Result<&Connection, StoreError> {
        self.database.as_ref().map(|it| &it.connection).ok_or_else(|| StoreError::Missing(self.path.clone()))
    }

    /// Why it could not be read.
    pub(crate) fn failed(folder: &Path, error: rusqlite::Error) -> StoreError {
        StoreError::of(&folder.join(FILE), error)
    }

    /// Add cells of minutes to the rows of their minutes, hours and days: all of them or none. What is too
    /// old by now goes, also where there are no cells.
    pub(crate) fn add(&mut self, cells: &[&(Key, Cell)], now: Now) -> Result<(), StoreError> {
        match self.try_add(cells, now) {
            Err(StoreError::Damaged { reason, .. }) => {
                self.begin_anew(&reason)?;
                self.try_add(cells, now)
            }
            added => added,
        }
    }

    /// Keep requests as they are, each with its second, and take out those that are; returns how many are too old.
    pub(crate) fn keep(&mut self, requests: &mut Vec<(u64, Finished)>, now: u64) -> Result<usize, StoreError> {
        self.samples.keep(requests, now)
    }

    /// The series that were counted in a day, which begins at a second since 1970.
    pub(crate) fn series_of(&mut self, day: u64) -> Result<Vec<Series>, StoreError> {
        let read = try_series_of(self.connection()?, day).map_err(|error| StoreError::of(&self.path, error));
        match read {
            Err(StoreError::Damaged { reason, .. }) => self.begin_anew(&reason).map(|()| Vec::new()),
            read => read,
        }
    }

    /// Move a damaged store aside and begin another.
    fn begin_anew(&mut self, reason: &str) -> Result<(), StoreError> {
        if let Some(damaged) = self.close() {
            damaged.discard(reason)?;
        }
        self.database = Some(Database::open(&self.path, Kind::Rollup)?);
        Ok(())
    }

    /// Forget it; numbers of another are others.
    fn close(&mut self) -> Option<Database> {
        self.ids = Ids::default();
        self.database.take()
    }

    fn try_add(&mut self, cells: &[&(Key, Cell)], now: Now) -> Result<(), StoreError> {
        let Some(database) = &mut self.database else { return Err(StoreError::Missing(self.path.clone())) };
        let clock = self.clock.is_due(now).then_some((&mut self.clock, now));
        let put = put(&mut database.connection, &mut self.ids, cells, clock);
        if put.is_err() {
            // Numbers that were given in a transaction that is undone are no numbers.
            self.ids = Ids::default();
        }
        if let Some(look) = put.map_err(|error| StoreError::of(&self.path, error))? {
            self.clock.looked(now);
            if let Look::Believed(time) = look {
                self.samples.retire(time);
            }
        }
        Ok(())
    }
}

/// Add cells, and delete what is too old by a clock, if that is given, in one transaction.
fn put(
    connection: &mut Connection,
    ids: &mut Ids,
    cells: &[&(Key, Cell)],
    clock: Option<(&mut Clock, Now)>,
) -> rusqlite::Result<Option<Look>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut numbering = Numbering::new(&transaction, ids)?;
    for axis in Axis::ALL {
        let mut minutes = BTreeMap::new();
        for ((start, series), cell) in cells.iter().filter(|((_, series), _)| series.axis == axis) {
            minutes.insert((*start, numbering.of(series)?), cell);
        }
        let hours = merged(Unit::Hour, minutes.iter().map(|(key, cell)| (key, *cell)));
        let days = merged(Unit::Day, hours.iter());
        cells::merge(&transaction, (axis, Unit::Minute), minutes.iter().map(|(key, cell)| (key, *cell)))?;
        cells::merge(&transaction, (axis, Unit::Hour), hours.iter())?;
        cells::merge(&transaction, (axis, Unit::Day), days.iter())?;
        days.keys().try_for_each(|(day, series)| numbering.seen(*series, *day))?;
    }
    drop(numbering);
    let look = clock.map(|(clock, now)| retire(&transaction, clock, now)).transpose()?;
    transaction.commit()?;
    Ok(look)
}

/// The series of a day.
fn try_series_of(connection: &Connection, day: u64) -> rusqlite::Result<Vec<Series>> {
    let (mut names, mut all) = (Names::of(connection)?, Vec::new());
    for axis in Axis::ALL {
        let days = table(axis, Unit::Day);
        let sql =
            format!("SELECT {SERIES_COLUMNS} FROM series WHERE id IN (SELECT series FROM {days} WHERE start = ?1)");
        let mut statement = connection.prepare(&sql)?;
        let series = statement.query_map([number(day)], |row| Ok(names.series(row)?.1))?;
        all.extend(series.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(all)
}

/// The cells of longer spans, from those of shorter ones.
fn merged<'a>(unit: Unit, cells: impl Iterator<Item = (&'a (u64, i64), &'a Cell)>) -> BTreeMap<(u64, i64), Cell> {
    let mut merged = BTreeMap::<_, Cell>::new();
    for ((start, series), cell) in cells {
        merged.entry((unit.start(*start), *series)).or_default().merge(cell);
    }
    merged
}

/// Delete what is kept no longer, as far as the clock is to be relied on.
fn retire(transaction: &Transaction<'_>, clock: &mut Clock, now: Now) -> rusqlite::Result<Look> {
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let second = |it: i64| u64::try_from(it).unwrap_or_default();
    let (before, swept) = transaction.query_row("SELECT at, swept FROM clock", [], read).optional()?.unzip();
    let (look, mut swept) = (clock.look(before.map(second), now), swept.map_or(0, second));
    if let Look::Believed(time) = look {
        for axis in Axis::ALL {
            for unit in Unit::ALL {
                let sql = format!("DELETE FROM {} WHERE start < ?1", table(axis, unit));
                transaction.execute(&sql, [number(time.saturating_sub(unit.kept()))])?;
            }
        }
        if time.abs_diff(swept) >= SWEEPING {
            ids::sweep(transaction, time.saturating_sub(Unit::Day.kept()))?;
            swept = time;
        }
    }
    if let Look::Taken(time) | Look::Believed(time) = look {
        transaction.execute("DELETE FROM clock", [])?;
        transaction.execute("INSERT INTO clock VALUES (?1, ?2)", [time, swept].map(number))?;
    }
    Ok(look)
}
