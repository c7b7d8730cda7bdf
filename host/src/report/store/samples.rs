//! Requests that are kept one by one, in a database for each day of UTC, so that old ones go with their file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, params};

use super::super::finished::Finished;
use super::super::sample::{Said, Sample};
use super::super::span::Unit;
use super::cells::number;
use super::file::Database;
use super::schema::{self, Kind, StoreError};
use crate::telemetry::date;

/// Days they are kept.
pub(crate) const KEPT: u64 = 14;

pub(super) struct Samples {
    folder: PathBuf,
    /// The one that was last written to, and the number of its day.
    open: Option<(u64, Database)>,
}

impl Samples {
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: None }
    }

    /// Keep requests, those of each day or none of it, and take out those that are. Returns how many are too old.
    pub(super) fn keep(&mut self, requests: &mut Vec<(u64, Finished)>, now: u64) -> Result<usize, StoreError> {
        let all = requests.len();
        requests.retain(|(second, _)| day(*second) + KEPT > day(now));
        let late = all - requests.len();
        while let Some(day) = requests.first().map(|(second, _)| day(*second)) {
            let path = self.path(day);
            if let Err(error) = self.try_keep(day, requests)? {
                let failed = StoreError::of(&path, error);
                let StoreError::Damaged { reason, .. } = &failed else { return Err(failed) };
                if let Some((_, damaged)) = self.open.take() {
                    damaged.discard(reason)?;
                }
                self.try_keep(day, requests)?.map_err(|error| StoreError::of(&path, error))?;
            }
            requests.retain(|(second, _)| self::day(*second) != day);
        }
        Ok(late)
    }

    /// Delete the files of days that are too old. One that cannot be deleted is tried again later.
    pub(super) fn retire(&mut self, now: u64) {
        self.open.take_if(|(of, _)| *of + KEPT <= day(now));
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let oldest = name(day(now).saturating_sub(KEPT - 1));
        for entry in entries.flatten() {
            // Names are as long as each other, with the year first; those of SQLite beside them begin the same.
            let file = entry.file_name();
            let is_old = |file: &str| file.starts_with("samples-") && *file < *oldest;
            if file.to_str().is_some_and(is_old)
                && let Err(error) = fs::remove_file(entry.path())
            {
                let file = entry.path();
                tracing::warn!(%error, file = %file.display(), "requests that are kept too long cannot be deleted");
            }
        }
    }

    fn try_keep(&mut self, day: u64, requests: &[(u64, Finished)]) -> Result<rusqlite::Result<()>, StoreError> {
        let database = match self.open.take() {
            Some((of, database)) if of == day && database.is_in_place() => database,
            _ => Database::open(&self.path(day), Kind::Samples)?,
        };
        let (_, database) = self.open.insert((day, database));
        Ok(put(&mut database.connection, requests.iter().filter(|(second, _)| self::day(*second) == day)))
    }

    fn path(&self, day: u64) -> PathBuf {
        self.folder.join(name(day))
    }
}

/// Those of a day, by its number, to read; none where none were kept.
pub(crate) fn open_day(folder: &Path, day: u64) -> Result<Option<Connection>, StoreError> {
    match schema::open_to_read(&folder.join(name(day))) {
        Err(StoreError::Missing(_)) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Why those of a day could not be read.
pub(crate) fn day_failed(folder: &Path, day: u64, error: rusqlite::Error) -> StoreError {
    StoreError::of(&folder.join(name(day)), error)
}

/// The number of the day of UTC that a second is in.
pub(crate) fn day(second: u64) -> u64 {
    second / Unit::Day.seconds()
}

fn name(day: u64) -> String {
    let (year, month, day) = date(day);
    format!("samples-{year:04}{month:02}{day:02}.db")
}

fn put<'a>(connection: &mut Connection, requests: impl Iterator<Item = &'a (u64, Finished)>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let mut put = transaction.prepare(
        "INSERT INTO sample VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
            ?20, ?21, ?22, ?23)",
    )?;
    for (second, finished) in requests {
        // The second is what was found of the time, which may not be to be relied on.
        let fraction = finished.time.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_micros();
        let it = Sample::at(second.saturating_mul(1_000_000).saturating_add(fraction.into()), finished);
        put.execute(params![
            number(it.time_us),
            it.id,
            it.trace,
            it.api,
            it.version,
            it.operation,
            it.consumer,
            it.application,
            it.method,
            it.path,
            it.status,
            it.class,
            it.blame,
            number(it.total_us),
            it.upstream_us.map(number),
            number(it.policy_us),
            number(it.gateway_us),
            number(it.bytes_in),
            number(it.bytes_out),
            it.retries,
            number(it.generation),
            it.client,
            json(&it.policies),
        ])?;
    }
    drop(put);
    transaction.commit()
}

/// None where no policy was asked. Texts and numbers always serialise.
fn json(said: &Said) -> Option<String> {
    (!said.calls.is_empty()).then(|| serde_json::to_string(said).unwrap_or_default())
}
