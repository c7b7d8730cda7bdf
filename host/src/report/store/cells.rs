//! Cells as rows of the store.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::histogram::Histogram;
use super::super::rollup::{Axis, Cell};
use super::super::span::Unit;
use super::schema::table;

/// In the order of [`read`].
pub(crate) const COLUMNS: &str = "requests, bytes_in, bytes_out, retries, policy_us, total, upstream, gateway";

/// Merge cells into the rows of their starts and series. Rows lie in the order of these, so cells should too.
pub(super) fn merge<'a>(
    connection: &Connection,
    (axis, unit): (Axis, Unit),
    cells: impl Iterator<Item = (&'a (u64, i64), &'a Cell)>,
) -> rusqlite::Result<()> {
    let table = table(axis, unit);
    let mut old = connection.prepare(&format!("SELECT {COLUMNS} FROM {table} WHERE start = ?1 AND series = ?2"))?;
    let mut put = connection.prepare(&format!(
        "INSERT OR REPLACE INTO {table} (start, series, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    ))?;
    for ((start, series), cell) in cells {
        let start = number(*start);
        let merged = old.query_row(params![start, series], |row| read(row, 0)).optional()?.map(|mut merged| {
            merged.merge(cell);
            merged
        });
        let cell = merged.as_ref().unwrap_or(cell);
        put.execute(params![
            start,
            series,
            number(cell.requests),
            number(cell.bytes_in),
            number(cell.bytes_out),
            number(cell.retries),
            number(cell.policy_us),
            cell.total.encode(),
            cell.upstream.encode(),
            cell.gateway.encode(),
        ])?;
    }
    Ok(())
}

/// The cell whose columns begin there.
pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Cell> {
    let sum = |column: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(first + column)?).unwrap_or(0));
    let histogram = |column: usize| {
        let bytes = row.get_ref(first + column)?.as_blob()?;
        Histogram::decode(bytes).ok_or_else(|| {
            rusqlite::Error::FromSqlConversionFailure(first + column, Type::Blob, "it is no histogram".into())
        })
    };
    Ok(Cell {
        requests: sum(0)?,
        bytes_in: sum(1)?,
        bytes_out: sum(2)?,
        retries: sum(3)?,
        policy_us: sum(4)?,
        total: histogram(5)?,
        upstream: histogram(6)?,
        gateway: histogram(7)?,
    })
}

/// As SQLite has numbers.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
