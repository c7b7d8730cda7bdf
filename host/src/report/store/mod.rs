//! What is kept of finished requests, in SQLite: sums by minute, hour and day, and some requests one by one.

mod cells;
mod ids;
mod samples;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::finished::Finished;
use super::rollup::{Axis, Cell, Cells, Series};
use super::span::Unit;
use crate::state;
use ids::{Ids, Numbering};
use samples::Samples;
use schema::Kind;

pub(crate) use cells::{COLUMNS, number, read};
pub(crate) use ids::{Names, SERIES_COLUMNS};
pub(crate) use schema::{StoreError, table};

/// In the folder of the room.
const FILE: &str = "rollup.db";
/// What is too old is looked for so often, in seconds; and the time by which it is goes on by at most so much: a clock
/// that is wrong for a while, and years ahead, must not end everything.
const RETIRING: u64 = 3_600;
const LEAP: u64 = 6 * 3_600;

/// The store of one folder, to write in.
pub(crate) struct Store {
    path: PathBuf,
    /// None where one was damaged and another could not be begun yet.
    connection: Option<Connection>,
    ids: Ids,
    samples: Samples,
    /// When what is too old was last looked for.
    retired: Option<u64>,
}

impl Store {
    /// Open what is there, or begin.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        state::make_folder(folder).map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
        let path = folder.join(FILE);
        let connection = schema::open(&path, Kind::Rollup)?;
        Ok(Self {
            path,
            connection: Some(connection),
            ids: Ids::default(),
            samples: Samples::of(folder),
            retired: None,
        })
    }

    /// Open it beside the gateway, to read.
    pub(crate) fn open_to_read(folder: &Path) -> Result<Connection, StoreError> {
        schema::open_to_read(&folder.join(FILE))
    }

    pub(crate) fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or_else(|| StoreError::Missing(self.path.clone()))
    }

    /// Why it could not be read.
    pub(crate) fn failed(folder: &Path, error: rusqlite::Error) -> StoreError {
        StoreError::of(&folder.join(FILE), error)
    }

    /// Add cells of minutes to the rows of their minutes, hours and days: all of them or none. `now` is a second since
    /// 1970.
    pub(crate) fn add(&mut self, cells: &Cells, now: u64) -> Result<(), StoreError> {
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
        // It is closed first: SQLite then deletes what has the name of its log, whosever that is.
        self.connection = None;
        schema::move_aside(&self.path, reason)?;
        self.connection = Some(schema::open(&self.path, Kind::Rollup)?);
        Ok(())
    }

    fn try_add(&mut self, cells: &Cells, now: u64) -> Result<(), StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(schema::open(&self.path, Kind::Rollup)?),
        };
        let is_due = self.retired.is_none_or(|retired| now.abs_diff(retired) >= RETIRING);
        let put = put(connection, &mut self.ids, cells, is_due.then_some(now));
        if put.is_err() {
            // Numbers that were given in a transaction that is undone are no numbers.
            self.ids = Ids::default();
        }
        let horizon = put.map_err(|error| StoreError::of(&self.path, error))?;
        if let Some(horizon) = horizon {
            self.retired = Some(now);
            self.samples.retire(horizon);
        }
        Ok(())
    }
}

/// Add cells, and delete what is too old by now, if that is given, in one transaction. Returns the time by which that was
/// decided.
fn put(connection: &mut Connection, ids: &mut Ids, cells: &Cells, now: Option<u64>) -> rusqlite::Result<Option<u64>> {
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
    }
    drop(numbering);
    let horizon = now.map(|now| retire(&transaction, now)).transpose()?;
    transaction.commit()?;
    Ok(horizon)
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

/// Delete what is kept no longer; returns the time by which that was decided.
fn retire(transaction: &Transaction<'_>, now: u64) -> rusqlite::Result<u64> {
    let before: Option<i64> = transaction.query_row("SELECT at FROM clock", [], |row| row.get(0)).optional()?;
    let horizon = before.map_or(now, |before| now.min(u64::try_from(before).unwrap_or_default() + LEAP));
    for axis in Axis::ALL {
        for unit in Unit::ALL {
            let sql = format!("DELETE FROM {} WHERE start < ?1", table(axis, unit));
            transaction.execute(&sql, [number(horizon.saturating_sub(unit.kept()))])?;
        }
    }
    transaction.execute("DELETE FROM clock", [])?;
    transaction.execute("INSERT INTO clock VALUES (?1)", [number(horizon)])?;
    Ok(horizon)
}
