//! The numbers by which the store knows names and series.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Statement, Transaction, params};

use super::super::rollup::{Axis, Name, OUTCOMES, Series};
use super::cells::number;
use crate::telemetry::metrics::Label;

/// That are remembered; the database has all.
const MOST: usize = 100_000;

pub(crate) const SERIES_COLUMNS: &str =
    "id, axis, api, version, operation, consumer, application, policy, hook, status, class, outcome";

/// What was looked up. It must be forgotten where a transaction was not committed.
#[derive(Default)]
pub(super) struct Ids {
    /// When names were last swept, by whatever process, as they were looked up.
    swept: i64,
    names: HashMap<Arc<str>, i64>,
    series: HashMap<Series, i64>,
}

/// Gives numbers in one transaction.
pub(super) struct Numbering<'a> {
    ids: &'a mut Ids,
    name: Statement<'a>,
    new_name: Statement<'a>,
    series: Statement<'a>,
    new_series: Statement<'a>,
    seen: Statement<'a>,
}

impl<'a> Numbering<'a> {
    pub(super) fn new(transaction: &'a Transaction<'_>, ids: &'a mut Ids) -> rusqlite::Result<Self> {
        let swept = transaction.query_row("SELECT swept FROM clock", [], |row| row.get(0)).optional()?;
        let swept = swept.unwrap_or_default();
        if ids.swept != swept || ids.names.len().max(ids.series.len()) > MOST {
            *ids = Ids { swept, ..Ids::default() };
        }
        Ok(Self {
            ids,
            name: transaction.prepare("SELECT id FROM name WHERE text = ?1")?,
            new_name: transaction.prepare("INSERT INTO name (text) VALUES (?1)")?,
            series: transaction.prepare(
                "SELECT id FROM series WHERE axis = ?1 AND api = ?2 AND version = ?3 AND operation = ?4
                    AND consumer = ?5 AND application = ?6 AND policy = ?7 AND hook = ?8 AND status = ?9
                    AND class = ?10 AND outcome = ?11",
            )?,
            new_series: transaction.prepare(&format!(
                "INSERT INTO series ({SERIES_COLUMNS}) VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
            ))?,
            seen: transaction.prepare("UPDATE series SET day = ?2 WHERE id = ?1 AND day < ?2")?,
        })
    }

    /// The number of a series, which is a new one if need be.
    pub(super) fn of(&mut self, series: &Series) -> rusqlite::Result<i64> {
        if let Some(id) = self.ids.series.get(series) {
            return Ok(*id);
        }
        let Series { api, version, operation, consumer, application, policy, .. } = series;
        let values = params![
            series.axis as i64,
            self.name(api)?,
            self.name(version)?,
            self.name(operation)?,
            self.name(consumer)?,
            self.name(application)?,
            self.name(policy)?,
            self.text(&series.hook)?,
            series.status.unwrap_or_default(),
            self.text(&series.class)?,
            series.outcome.index() as i64,
        ];
        let id = match self.series.query_row(values, |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self.new_series.insert(values)?,
        };
        self.ids.series.insert(series.clone(), id);
        Ok(id)
    }

    /// A series was counted in a day.
    pub(super) fn seen(&mut self, series: i64, day: u64) -> rusqlite::Result<()> {
        self.seen.execute(params![series, number(day)])?;
        Ok(())
    }

    fn name(&mut self, name: &Name) -> rusqlite::Result<i64> {
        name.as_ref().map_or(Ok(0), |name| self.text(name))
    }

    fn text(&mut self, name: &str) -> rusqlite::Result<i64> {
        if name.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.ids.names.get(name) {
            return Ok(*id);
        }
        let id = match self.name.query_row([name], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self.new_name.insert([name])?,
        };
        self.ids.names.insert(name.into(), id);
        Ok(id)
    }
}

/// Delete the series that were counted in no day since one, and the names that no series has.
pub(super) fn sweep(transaction: &Transaction<'_>, day: u64) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM series WHERE day < ?1", [number(day)])?;
    let columns = ["api", "version", "operation", "consumer", "application", "policy", "hook", "class"];
    let used = columns.map(|column| format!("SELECT {column} FROM series")).join(" UNION ");
    transaction.execute(&format!("DELETE FROM name WHERE id > 0 AND id NOT IN ({used})"), [])?;
    Ok(())
}

/// Reads series, each name once.
pub(crate) struct Names<'a> {
    known: HashMap<i64, Name>,
    name: Statement<'a>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self { known: HashMap::new(), name: connection.prepare("SELECT text FROM name WHERE id = ?1")? })
    }

    /// Of a row of [`SERIES_COLUMNS`].
    pub(crate) fn series(&mut self, row: &Row<'_>) -> rusqlite::Result<(i64, Series)> {
        let (axis, outcome): (u8, u8) = (row.get(1)?, row.get(11)?);
        let status: u16 = row.get(9)?;
        let mut name = |column| self.name(row.get(column)?);
        let text = |name: Name| Cow::Owned(name.as_deref().unwrap_or_default().to_owned());
        let series = Series {
            axis: *Axis::ALL.get(usize::from(axis)).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, axis.into()))?,
            api: name(2)?,
            version: name(3)?,
            operation: name(4)?,
            consumer: name(5)?,
            application: name(6)?,
            policy: name(7)?,
            hook: text(name(8)?),
            status: (status > 0).then_some(status),
            class: text(name(10)?),
            outcome: *OUTCOMES
                .get(usize::from(outcome))
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(11, outcome.into()))?,
        };
        Ok((row.get(0)?, series))
    }

    fn name(&mut self, id: i64) -> rusqlite::Result<Name> {
        if let Some(name) = self.known.get(&id) {
            return Ok(name.clone());
        }
        let text: String = self.name.query_row([id], |row| row.get(0))?;
        let name: Name = (!text.is_empty()).then(|| text.into());
        self.known.insert(id, name.clone());
        Ok(name)
    }
}
