//! The book: consumers, applications and keys in SQLite, in the state directory.

mod acts;
mod lists;

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior, params};
use serde::de::DeserializeOwned;

use super::bounds::Bounds;
use super::directory::{Known, Uses};
use super::key::{KeyDigest, KeyId};
use super::name::{Application, Attributes, Holder, Name};
use crate::state;

/// In the state directory.
pub(super) const FILE: &str = "consumers.db";
/// Beside it from when there was one: an empty one in its place would make strangers of all callers.
const BEGUN: &str = "consumers.begun";
/// Of the database; one that is newer belongs to a newer gateway.
const VERSION: u32 = 1;
/// How long another process may be writing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Times are seconds since 1970; attributes and bounds are JSON. Of a key only the digest is there.
const SCHEMA: &str = "
CREATE TABLE consumer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    attributes TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE application (
    id INTEGER PRIMARY KEY,
    consumer INTEGER NOT NULL REFERENCES consumer ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    attributes TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    UNIQUE (consumer, name)
) STRICT;
CREATE TABLE key (
    id TEXT PRIMARY KEY,
    application INTEGER NOT NULL REFERENCES application ON DELETE CASCADE,
    environment TEXT NOT NULL,
    digest BLOB NOT NULL,
    note TEXT NOT NULL,
    bounds TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER,
    used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX key_of_application ON key (application, environment);
";

/// All there is to know of keys for requests.
const KNOWN: &str = "
SELECT key.id, digest, environment, bounds, expires, revoked IS NOT NULL, used,
    consumer.name, consumer.attributes, application.name, application.attributes,
    consumer.disabled OR application.disabled
FROM key JOIN application ON application.id = key.application JOIN consumer ON consumer.id = application.consumer
";

/// The database of one state directory.
pub(super) struct Book {
    connection: Connection,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum BookError {
    #[error("it is gone, and was there: put back a copy, or remove {BEGUN} beside it to begin without anybody")]
    Gone,
    #[error("it was written by a newer gateway (version {0}): use that one, or put back the file of before")]
    Newer(u32),
    #[error("it is damaged ({0}): put back a copy, without the `-wal` and `-shm` that lie beside it")]
    Damaged(String),
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

impl Book {
    /// Open what is there, or begin.
    pub(super) fn open(path: &Path) -> Result<Self, BookError> {
        Self::open_as_it_is(path).map_err(|error| match error {
            BookError::Database(error)
                if matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)) =>
            {
                BookError::Damaged(error.to_string())
            }
            error => error,
        })
    }

    fn open_as_it_is(path: &Path) -> Result<Self, BookError> {
        let begun = path.with_file_name(BEGUN);
        if begun.try_exists()? && !path.try_exists()? {
            return Err(BookError::Gone);
        }
        // Made by us, so that nobody else may read it; what SQLite puts beside it has the same mode. It is closed before
        // SQLite opens it: a process that closes a file loses all its locks on it, whoever has them.
        drop(OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?);
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            // A copy that was put back.
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
        }
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // What was answered is on the disk.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match transaction.pragma_query_value(None, "user_version", |row| row.get(0))? {
            0 => {
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
            }
            VERSION => {}
            newer => return Err(BookError::Newer(newer)),
        }
        let found: String = transaction.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if found != "ok" {
            return Err(BookError::Damaged(found));
        }
        transaction.commit()?;
        if !begun.try_exists()? {
            state::put(&begun, b"")?;
        }
        Ok(Self { connection })
    }

    /// Whether there is this one.
    pub(super) fn has(&self, holder: &Holder) -> rusqlite::Result<bool> {
        let (consumer, application) = match holder {
            Holder::Consumer(consumer) => (consumer.to_string(), None),
            Holder::Application(Application { consumer, name }) => (consumer.to_string(), Some(name.to_string())),
        };
        let sql = "SELECT EXISTS (SELECT 1 FROM consumer WHERE name = ?1 AND (?2 IS NULL OR EXISTS \
                   (SELECT 1 FROM application WHERE consumer = consumer.id AND name = ?2)))";
        self.connection.query_row(sql, params![consumer, application], |row| row.get(0))
    }

    /// All keys.
    pub(super) fn known(&self) -> rusqlite::Result<Vec<(KeyId, Known)>> {
        self.connection.prepare(KNOWN)?.query_map([], known)?.collect()
    }

    /// The keys of a consumer.
    pub(super) fn known_of(&self, consumer: &Name) -> rusqlite::Result<Vec<(KeyId, Known)>> {
        let mut statement = self.connection.prepare(&format!("{KNOWN} WHERE consumer.name = ?1"))?;
        statement.query_map([consumer.to_string()], known)?.collect()
    }

    /// Tells one state of the database from another that somebody else wrote.
    pub(super) fn version(&self) -> rusqlite::Result<i64> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0))
    }

    /// Keys were used then.
    pub(super) fn note(&mut self, uses: &[(KeyId, u64)]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut statement = transaction.prepare("UPDATE key SET used = max(coalesce(used, 0), ?2) WHERE id = ?1")?;
        for (key, at) in uses {
            statement.execute(params![key.to_string(), seconds(*at)])?;
        }
        drop(statement);
        transaction.commit()
    }
}

fn known(row: &Row<'_>) -> rusqlite::Result<(KeyId, Known)> {
    let id: KeyId = parsed(row, 0)?;
    let digest = KeyDigest::kept(row.get_ref(1)?.as_blob()?);
    let digest = digest.ok_or_else(|| rusqlite::Error::InvalidColumnType(1, "digest".to_owned(), Type::Blob))?;
    let (environment, consumer, application): (String, String, String) = (row.get(2)?, row.get(7)?, row.get(9)?);
    let attributes = json::<Attributes>(row, 8)?.with(json(row, 10)?);
    let said = [
        ("consumer", consumer.clone()),
        ("application", application),
        ("key", id.to_string()),
        ("environment", environment),
    ];
    let attributes = attributes.iter().map(|(name, value)| (name, value.to_owned()));
    let known = Known {
        consumer,
        digest,
        is_revoked: row.get(5)?,
        is_disabled: row.get(11)?,
        expires: time(row, 4)?,
        bounds: json::<Bounds>(row, 3)?,
        identity: said.into_iter().chain(attributes).map(|(name, value)| (name.to_owned(), value)).collect(),
        uses: Arc::new(Uses::noted(time(row, 6)?.unwrap_or_default())),
    };
    Ok((id, known))
}

/// As SQLite has numbers.
fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|time| u64::try_from(time).unwrap_or_default()))
}

/// A text that is one of ours.
fn parsed<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
