//! Requests that were kept one by one: those a question is about, or the one of a name, from the files of their days.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::SystemTime;

use rusqlite::types::Value as Parameter;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use super::super::interrupt::Interrupt;
use super::super::rollup::Axis;
use super::super::sample::{Said, Sample, shown};
use super::super::span::{AHEAD, seconds};
use super::super::store::{SAMPLE_DAYS, StoreError, day, day_failed, number, open_day};
use super::Query;
use super::answer::FORMAT;
use super::condition::{Condition, Value, halves};
use super::dimension::Dimension;
use crate::telemetry::Outcome;
use crate::telemetry::metrics::Label;

const COLUMNS: &str =
    "time, request, trace, api, version, operation, consumer, application, method, path, status, class,
    blame, total_us, upstream_us, policy_us, gateway_us, bytes_in, bytes_out, retries, generation, client, calls";

/// An error is what [`is_error`](super::super::finished::is_error) says.
const ERRORS: &str = "(blame <> 'ok' OR status IS NULL OR status >= 400)";

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    Newest,
    NewestErrors,
    Slowest,
}

#[derive(Debug, Serialize)]
pub(crate) struct Samples {
    /// Of the shape of JSON.
    format: u32,
    pub(crate) samples: Vec<Sample>,
    /// Why those of some days are not among them.
    pub(crate) unread: Vec<String>,
}

impl Default for Samples {
    fn default() -> Self {
        Self { format: FORMAT, samples: Vec::new(), unread: Vec::new() }
    }
}

/// As many as the question has rows.
pub(crate) fn samples(folder: &Path, query: &Query, pick: Pick, interrupt: &Interrupt) -> Result<Samples, StoreError> {
    let mut wanted = Wanted { sql: "time >= ? AND time < ?".to_owned(), parameters: Vec::new() };
    wanted.parameters.extend([query.from, query.to].map(|second| number(second).saturating_mul(1_000_000).into()));
    let (of_calls, of_it): (Vec<_>, Vec<_>) =
        query.conditions.iter().partition(|condition| condition.dimension.axes() == [Axis::Policy]);
    of_it.into_iter().for_each(|condition| wanted.add(condition));
    wanted.add_call(&of_calls);
    if pick == Pick::NewestErrors {
        wanted.sql.push_str(&format!(" AND {ERRORS}"));
    }
    wanted.sql.push_str(if pick == Pick::Slowest { " ORDER BY total_us DESC" } else { " ORDER BY time DESC" });
    let mut found = Samples::default();
    let oldest = day(query.from).max(oldest(query.now));
    for day in (oldest..=day(query.to - 1).min(day(query.now + AHEAD))).rev() {
        let most = if pick == Pick::Slowest { query.limit } else { query.limit - found.samples.len() };
        if most == 0 {
            break;
        }
        found.take(folder, day, &wanted, most, interrupt)?;
    }
    if pick == Pick::Slowest {
        found.samples.sort_by_key(|sample| std::cmp::Reverse(sample.total_us));
        found.samples.truncate(query.limit);
    }
    Ok(found)
}

/// The newest of a name, or the one of a time of microseconds since 1970.
pub(crate) fn named(
    folder: &Path,
    request: &str,
    time: Option<u64>,
    now: SystemTime,
    interrupt: &Interrupt,
) -> Result<Samples, StoreError> {
    let now = seconds(now);
    let mut wanted = Wanted { sql: "request = ?".to_owned(), parameters: vec![request.to_owned().into()] };
    if let Some(time) = time {
        wanted.sql.push_str(" AND time = ?");
        wanted.parameters.push(number(time).into());
    }
    wanted.sql.push_str(" ORDER BY time DESC");
    let days = match time {
        Some(time) => day(time / 1_000_000)..=day(time / 1_000_000),
        None => oldest(now)..=day(now + AHEAD),
    };
    let mut found = Samples::default();
    for day in days.rev() {
        found.take(folder, day, &wanted, 1, interrupt)?;
        if !found.samples.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// The first day of which any are kept.
fn oldest(now: u64) -> u64 {
    day(now).saturating_sub(SAMPLE_DAYS)
}

impl Samples {
    /// Those of a day, or why there are none.
    fn take(
        &mut self,
        folder: &Path,
        day: u64,
        wanted: &Wanted,
        most: usize,
        interrupt: &Interrupt,
    ) -> Result<(), StoreError> {
        let failed = |error| day_failed(folder, day, error);
        interrupt.check().map_err(failed)?;
        let read = open_day(folder, day).and_then(|opened| {
            let Some(mut connection) = opened else { return Ok(Vec::new()) };
            interrupt.watch(&mut connection).and_then(|()| wanted.read(&connection, most)).map_err(failed)
        });
        match read {
            Ok(samples) => self.samples.extend(samples),
            Err(error) => self.unread.push(error.to_string()),
        }
        // Only what nobody waits for is no answer.
        interrupt.check().map_err(failed)
    }
}

/// A part of SQL with `?` for each of its parameters.
struct Wanted {
    sql: String,
    parameters: Vec<Parameter>,
}

impl Wanted {
    fn add(&mut self, Condition { dimension, values }: &Condition) {
        let column = match dimension {
            Dimension::Status => "status / 100",
            Dimension::Code => "status",
            named => named.name(),
        };
        let mut any = Vec::new();
        for value in values {
            match value {
                Value::Number(index) if *dimension == Dimension::Blame => {
                    let name = Outcome::NAMES.get(usize::from(*index)).copied().unwrap_or_default();
                    any.push(self.equals(column, name.to_owned()));
                }
                // What has none is 0.
                Value::Number(0) => any.push("status IS NULL".to_owned()),
                Value::Number(number) => any.push(self.equals(column, i64::from(*number))),
                Value::Name(name) => {
                    any.push(self.is(column, name));
                    let Some(parent) = dimension.parent() else { continue };
                    for (of, own) in halves(name) {
                        let (of, own) = (self.is(parent.name(), of), self.is(column, own));
                        any.push(format!("({of} AND {own})"));
                    }
                }
            }
        }
        self.sql.push_str(&format!(" AND ({})", any.join(" OR ")));
    }

    /// All of one and the same call.
    fn add_call(&mut self, conditions: &[&Condition]) {
        if conditions.is_empty() {
            return;
        }
        self.sql.push_str(" AND EXISTS (SELECT 1 FROM json_each(calls, '$.calls') AS call WHERE 1");
        for Condition { dimension, values } in conditions {
            let member = match dimension {
                Dimension::Verdict => "said",
                named => named.name(),
            };
            let names = values.iter().filter_map(|value| match value {
                Value::Name(name) => Some(name.clone()),
                Value::Number(_) => None,
            });
            let any: Vec<_> = names.map(|name| self.equals(&format!("call.value ->> '{member}'"), name)).collect();
            self.sql.push_str(&format!(" AND ({})", any.join(" OR ")));
        }
        self.sql.push(')');
    }

    fn is(&mut self, column: &str, name: &str) -> String {
        if name.is_empty() { format!("{column} IS NULL") } else { self.equals(column, name.to_owned()) }
    }

    fn equals(&mut self, column: &str, value: impl Into<Parameter>) -> String {
        self.parameters.push(value.into());
        format!("{column} = ?")
    }

    fn read(&self, connection: &Connection, most: usize) -> rusqlite::Result<Vec<Sample>> {
        let sql = format!("SELECT {COLUMNS} FROM sample WHERE {} LIMIT {most}", self.sql);
        let mut statement = connection.prepare(&sql)?;
        statement.query_map(params_from_iter(&self.parameters), sample)?.collect()
    }
}

/// What cannot be read is nothing: it was written by hand.
fn said(json: Option<String>) -> Said {
    json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

fn sample(row: &Row<'_>) -> rusqlite::Result<Sample> {
    let time_us = u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
    let number =
        |column: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default());
    Ok(Sample {
        time: shown(time_us),
        time_us,
        id: row.get(1)?,
        trace: row.get(2)?,
        api: row.get(3)?,
        version: row.get(4)?,
        operation: row.get(5)?,
        consumer: row.get(6)?,
        application: row.get(7)?,
        method: row.get(8)?,
        path: row.get(9)?,
        status: row.get(10)?,
        class: row.get(11)?,
        blame: row.get(12)?,
        total_us: number(13)?,
        upstream_us: row.get::<_, Option<i64>>(14)?.map(|us| u64::try_from(us).unwrap_or_default()),
        policy_us: number(15)?,
        gateway_us: number(16)?,
        bytes_in: number(17)?,
        bytes_out: number(18)?,
        retries: row.get(19)?,
        generation: number(20)?,
        client: row.get(21)?,
        policies: said(row.get::<_, Option<String>>(22)?),
    })
}
