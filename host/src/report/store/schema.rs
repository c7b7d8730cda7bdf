//! The tables of the store, and opening a database file in a state that can be relied on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::super::rollup::Axis;
use super::super::span::Unit;

/// Of every database here; one that is newer belongs to a newer gateway.
const VERSION: u32 = 2;
/// How long another process may be writing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names are numbers everywhere but here, and 0 is none. A series is on one axis; what is not of it is 0.
/// Its `day` is the last that it was counted in. The clock has when it was last believed, and when names were last swept.
const NAMES: &str = "
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO name VALUES (0, '');
CREATE TABLE clock (at INTEGER NOT NULL, swept INTEGER NOT NULL) STRICT;
";
const SERIES: &str = "
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    axis INTEGER NOT NULL,
    api INTEGER NOT NULL,
    version INTEGER NOT NULL,
    operation INTEGER NOT NULL,
    consumer INTEGER NOT NULL,
    application INTEGER NOT NULL,
    policy INTEGER NOT NULL,
    hook INTEGER NOT NULL,
    status INTEGER NOT NULL,
    class INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    day INTEGER NOT NULL DEFAULT 0,
    UNIQUE (axis, operation, consumer, application, policy, hook, api, version, status, class, outcome)
) STRICT;
CREATE INDEX series_of_consumer ON series (consumer);
";

/// By time first, so that what is written together lies together. `start` is in seconds since 1970.
const CELLS: &str = "(
    start INTEGER NOT NULL,
    series INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    policy_us INTEGER NOT NULL,
    total BLOB NOT NULL,
    upstream BLOB NOT NULL,
    gateway BLOB NOT NULL,
    PRIMARY KEY (start, series)
) STRICT, WITHOUT ROWID;
";

/// Times are microseconds since 1970. The calls of policies are JSON.
const SAMPLES: &str = "
CREATE TABLE sample (
    time INTEGER NOT NULL,
    request TEXT NOT NULL,
    trace TEXT,
    api TEXT,
    version TEXT,
    operation TEXT,
    consumer TEXT,
    application TEXT,
    method TEXT NOT NULL,
    path TEXT,
    status INTEGER,
    class TEXT NOT NULL,
    blame TEXT NOT NULL,
    total_us INTEGER NOT NULL,
    upstream_us INTEGER,
    policy_us INTEGER NOT NULL,
    gateway_us INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    client TEXT,
    calls TEXT
) STRICT;
CREATE INDEX sample_time ON sample (time);
";
/// Files of a day that was begun without it are read all the same, if slower.
const SAMPLES_BY_NAME: &str = "CREATE INDEX IF NOT EXISTS sample_request ON sample (request)";

/// Which tables a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rollup,
    Samples,
}

/// Why a store cannot be used. Where it cannot be written now, it may be later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(
        "{path} was written by a newer gateway (version {found}, this one knows {VERSION}): use that one, or move the file away to begin anew"
    )]
    Newer { path: PathBuf, found: u32 },
    #[error("{0} was written by an older gateway: start this one once, which brings it up to date")]
    Older(PathBuf),
    #[error(
        "{0} is not there: nothing was recorded in this state directory; add the table [analytics] to gateway.toml and restart the gateway, or name the directory of the one that is meant; where something is in the way, the gateway's log says what"
    )]
    Missing(PathBuf),
    #[error("{path} is damaged ({reason}): the gateway moves it away when it next writes there")]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} cannot be used: {error}")]
    File { path: PathBuf, error: std::io::Error },
    #[error("{path} cannot be read or written: {error}")]
    Database { path: PathBuf, error: rusqlite::Error },
    /// Of those that are kept one by one; sums are written.
    #[error("all requests are counted, but none is kept one by one: {0}")]
    Samples(Box<Self>),
}

impl StoreError {
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match is_damage(&error) {
            true => Self::Damaged { path, reason: error.to_string() },
            false => Self::Database { path, error },
        }
    }
}

/// Open a database beside the gateway that writes in it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| configured(connection, version))
        .map_err(|error| StoreError::of(path, error))?;
    match connection {
        (connection, VERSION) => Ok(connection),
        (_, 0) => Err(StoreError::Missing(path.to_owned())),
        (_, 1..VERSION) => Err(StoreError::Older(path.to_owned())),
        (_, found) => Err(StoreError::Newer { path: path.to_owned(), found }),
    }
}

/// Begin to write in a database, whose file is there, though it may be empty.
pub(super) fn open(path: &Path, kind: Kind) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::of(path, error);
    let (mut connection, found) =
        Connection::open(path).and_then(|connection| configured(connection, version)).map_err(failed)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found });
    }
    begin(&mut connection, kind).map_err(failed)?;
    Ok(connection)
}

fn configured<T>(
    connection: Connection,
    then: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<(Connection, T)> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let done = then(&connection)?;
    Ok((connection, done))
}

/// 0 of an empty file.
fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn begin(connection: &mut Connection, kind: Kind) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    // After a loss of power the last flushes may be missing, and nothing is damaged.
    connection.pragma_update(None, "synchronous", "normal")?;
    // What is deleted is in no free page any more.
    connection.pragma_update(None, "secure_delete", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    match found {
        0 => make(&transaction, kind)?,
        1 => upgrade(&transaction, kind)?,
        _ => {}
    }
    if kind == Kind::Samples {
        transaction.execute_batch(SAMPLES_BY_NAME)?;
    }
    if found < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

/// From version 1, which knew nothing of calls of policies.
fn upgrade(transaction: &Transaction<'_>, kind: Kind) -> rusqlite::Result<()> {
    if kind == Kind::Samples {
        return transaction.execute_batch("ALTER TABLE sample ADD COLUMN calls TEXT");
    }
    let columns = "id, axis, api, version, operation, consumer, application, status, class, outcome, day";
    transaction.execute_batch("DROP INDEX series_of_consumer; ALTER TABLE series RENAME TO old")?;
    transaction.execute_batch(SERIES)?;
    transaction.execute_batch(&format!(
        "INSERT INTO series ({columns}, policy, hook) SELECT {columns}, 0, 0 FROM old; DROP TABLE old"
    ))?;
    make_cells(transaction, Axis::Policy)
}

fn make(transaction: &Transaction<'_>, kind: Kind) -> rusqlite::Result<()> {
    if kind == Kind::Samples {
        return transaction.execute_batch(SAMPLES);
    }
    transaction.execute_batch(NAMES)?;
    transaction.execute_batch(SERIES)?;
    Axis::ALL.into_iter().try_for_each(|axis| make_cells(transaction, axis))
}

fn make_cells(transaction: &Transaction<'_>, axis: Axis) -> rusqlite::Result<()> {
    let tables = Unit::ALL.map(|unit| format!("CREATE TABLE {} {CELLS}", table(axis, unit)));
    transaction.execute_batch(&tables.concat())
}

/// Where cells are.
pub(crate) fn table(axis: Axis, unit: Unit) -> String {
    format!("{}_{}", axis.name(), unit.name())
}

/// Whether an error means that the file does not hold what was written there.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
        )
}
