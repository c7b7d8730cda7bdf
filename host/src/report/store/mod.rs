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
    connection: Connection,
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
        Ok(Self { path, connection, ids: Ids::default(), samples: Samples::of(folder), retired: None })
    }

    /// Open it beside the gateway, to read.
    pub(crate) fn open_to_read(folder: &Path) -> Result<Connection, StoreError> {
        schema::open_to_read(&folder.join(FILE))
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Why it could not be read.
    pub(crate) fn failed(folder: &Path, error: rusqlite::Error) -> StoreError {
        StoreError::of(&folder.join(FILE), error)
    }

    /// Add cells of minutes to the rows of their minutes, hours and days: all of them or none. `now` is a second since
    /// 1970.
    pub(crate) fn add(&mut self, cells: &Cells, now: u64) -> Result<(), StoreError> {
        let Err(error) = self.try_add(cells, now) else { return Ok(()) };
        // Numbers that were given in a transaction that is undone are no numbers.
        self.ids = Ids::default();
        self.begin_anew(error)?;
        self.try_add(cells, now).map_err(|error| StoreError::of(&self.path, error))
    }

    /// Keep requests as they are, each with its second, and take out those that are; returns how many are too old.
    pub(crate) fn keep(&mut self, requests: &mut Vec<(u64, Finished)>, now: u64) -> Result<usize, StoreError> {
        self.samples.keep(requests, now)
    }

    /// The series that were counted in a day, which begins at a second since 1970.
    pub(crate) fn series_of(&mut self, day: u64) -> Result<Vec<Series>, StoreError> {
        self.try_series_of(day).or_else(|error| self.begin_anew(error).map(|()| Vec::new()))
    }

    /// Where the store turned out to be damaged, move it aside and begin another.
    fn begin_anew(&mut self, error: rusqlite::Error) -> Result<(), StoreError> {
        match StoreError::of(&self.path, error) {
            StoreError::Damaged { reason, .. } => {
                schema::move_aside(&self.path, &reason)?;
                self.connection = schema::open(&self.path, Kind::Rollup)?;
                Ok(())
            }
            error => Err(error),
        }
    }

    fn try_series_of(&self, day: u64) -> rusqlite::Result<Vec<Series>> {
        let (mut names, mut all) = (Names::of(&self.connection)?, Vec::new());
        for axis in Axis::ALL {
            let days = table(axis, Unit::Day);
            let sql =
                format!("SELECT {SERIES_COLUMNS} FROM series WHERE id IN (SELECT series FROM {days} WHERE start = ?1)");
            let mut statement = self.connection.prepare(&sql)?;
            let series = statement.query_map([number(day)], |row| Ok(names.series(row)?.1))?;
            all.extend(series.collect::<rusqlite::Result<Vec<_>>>()?);
        }
        Ok(all)
    }

    fn try_add(&mut self, cells: &Cells, now: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut numbering = Numbering::new(&transaction, &mut self.ids)?;
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
        let is_due = self.retired.is_none_or(|retired| now.abs_diff(retired) >= RETIRING);
        let horizon = if is_due { Some(retire(&transaction, now)?) } else { None };
        transaction.commit()?;
        if let Some(horizon) = horizon {
            self.retired = Some(now);
            self.samples.retire(horizon);
        }
        Ok(())
    }
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
