//! Reading what answers a question from the store. Names and numbers reach SQL as parameters only.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::super::rollup::{Axis, Cell, Series};
use super::super::span::Unit;
use super::super::store::{COLUMNS, Names, SERIES_COLUMNS, number, read, table};
use super::Query;
use super::condition::{Condition, Value, halves};
use super::dimension::Dimension;

/// So few rows of so few series are looked up one by one; of more, all rows of the time are read.
const FEW_SERIES: usize = 256;
const FEW_ROWS: u64 = 20_000;

/// The series of an axis that all conditions hold for, and that may have cells.
pub(super) fn series(connection: &Connection, query: &Query, axis: Axis) -> rusqlite::Result<HashMap<i64, Series>> {
    let since = number(Unit::Day.start(query.from));
    let mut wanted = Wanted { sql: String::from("axis = ? AND day >= ?"), parameters: vec![axis as i64, since] };
    for condition in &query.conditions {
        wanted.add(connection, condition)?;
    }
    let mut names = Names::of(connection)?;
    let mut statement = connection.prepare(&format!("SELECT {SERIES_COLUMNS} FROM series WHERE {}", wanted.sql))?;
    statement.query_map(params_from_iter(wanted.parameters), |row| names.series(row))?.collect()
}

/// The cells of these series, each with its start and the number of its series.
pub(super) fn cells(
    connection: &Connection,
    query: &Query,
    axis: Axis,
    series: &HashMap<i64, Series>,
    mut each: impl FnMut(u64, i64, Cell),
) -> rusqlite::Result<()> {
    let table = table(axis, query.unit);
    let mut taken = |row: &Row<'_>| {
        let (start, id) = (row.get::<_, i64>(0)?, row.get(1)?);
        if series.contains_key(&id) {
            each(u64::try_from(start).unwrap_or_default(), id, read(row, 2)?);
        }
        Ok(())
    };
    if !are_few((query.to - query.from) / query.unit.seconds(), series.len()) {
        let sql = format!("SELECT start, series, {COLUMNS} FROM {table} WHERE start >= ?1 AND start < ?2");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(params![number(query.from), number(query.to)])?;
        while let Some(row) = rows.next()? {
            taken(row)?;
        }
        return Ok(());
    }
    let sql = format!("SELECT start, series, {COLUMNS} FROM {table} WHERE start = ?1 AND series = ?2");
    let mut statement = connection.prepare(&sql)?;
    let mut ids: Vec<_> = series.keys().collect();
    ids.sort_unstable();
    let mut start = query.from;
    while start < query.to {
        for id in &ids {
            statement.query_row(params![number(start), id], &mut taken).optional()?;
        }
        start += query.unit.seconds();
    }
    Ok(())
}

/// When the first request was counted that is still known of, as exactly as is kept.
pub(super) fn begun(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut begun = None;
    for unit in Unit::ALL.into_iter().rev() {
        let sql = format!("SELECT min(start) FROM {}", table(Axis::Operation, unit));
        let first = connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0))?;
        let Some(first) = first.and_then(|first| u64::try_from(first).ok()) else { break };
        // Of shorter ones the first may have gone.
        let is_within = |(start, longer): (u64, Unit)| first < start + longer.seconds();
        if !begun.is_none_or(is_within) {
            break;
        }
        begun = Some((first, unit));
    }
    Ok(begun.map(|(start, _)| start))
}

/// Whether that many series in that many units of time are.
fn are_few(units: u64, series: usize) -> bool {
    series <= FEW_SERIES && units.saturating_mul(series as u64) <= FEW_ROWS
}

/// A part of SQL with `?` for each of its parameters.
struct Wanted {
    sql: String,
    parameters: Vec<i64>,
}

impl Wanted {
    fn add(&mut self, connection: &Connection, condition: &Condition) -> rusqlite::Result<()> {
        let Condition { dimension, values } = condition;
        let column = match dimension {
            Dimension::Status => "status / 100",
            Dimension::Code => "status",
            Dimension::Blame => "outcome",
            Dimension::Verdict => "class",
            named => named.name(),
        };
        let mut any = Vec::new();
        for value in values {
            match value {
                Value::Number(number) => {
                    any.push(format!("{column} = ?"));
                    self.parameters.push((*number).into());
                }
                Value::Name(name) => {
                    any.push(format!("{column} = ?"));
                    self.parameters.push(id(connection, name)?);
                    let Some(parent) = dimension.parent() else { continue };
                    for (of, name) in halves(name) {
                        let (of, name) = (id(connection, of)?, id(connection, name)?);
                        if of != UNKNOWN && name != UNKNOWN {
                            any.push(format!("({} = ? AND {column} = ?)", parent.name()));
                            self.parameters.extend([of, name]);
                        }
                    }
                }
            }
        }
        self.sql.push_str(&format!(" AND ({})", any.join(" OR ")));
        Ok(())
    }
}

/// What no name has.
const UNKNOWN: i64 = -1;

/// The number of a name.
fn id(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare("SELECT id FROM name WHERE text = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(UNKNOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_rows_are_looked_up_only_where_they_are_few() {
        // A day of minutes, of hours, a year of days.
        let answers = [(1_440, 13), (1_440, 14), (24, 256), (24, 257), (365, 54), (365, 55)];
        let answers = answers.map(|(units, series)| are_few(units, series));
        assert_eq!(answers, [true, false, true, false, true, false]);
    }
}
