//! The answer to a question: figures of all, over time, and of each value of each dimension.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::Connection;
use serde::Serialize;

use super::super::rollup::{Axis, Series};
use super::dimension::Dimension;
use super::sum::{Figures, Sum};
use super::{Query, read};
use crate::telemetry::rfc3339;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Answer {
    /// What it is about: what was asked for, in whole steps.
    pub(crate) from: String,
    pub(crate) to: String,
    /// In seconds.
    pub(crate) step: u64,
    pub(crate) total: Figures,
    pub(crate) points: Vec<Point>,
    pub(crate) tables: Vec<Table>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// The values of a dimension, those with most requests first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Table {
    pub(crate) by: &'static str,
    pub(crate) rows: Vec<Row>,
    /// All beyond the limit.
    pub(crate) other: Option<Row>,
    /// How many those are.
    pub(crate) others: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Requests of each step.
    pub(crate) trend: Vec<u64>,
}

/// What was read of one axis.
struct Found {
    series: HashMap<i64, Series>,
    sums: HashMap<i64, Sum>,
    points: Vec<Sum>,
    /// For each dimension, which group each series is in, and what is of each group.
    groups: Vec<(Dimension, HashMap<i64, usize>, Vec<Group>)>,
}

struct Group {
    name: String,
    sum: Sum,
    trend: Vec<u64>,
}

/// Answer from the store, as it is at one moment.
pub(crate) fn answer(connection: &Connection, query: &Query) -> rusqlite::Result<Answer> {
    let snapshot = connection.unchecked_transaction()?;
    let axis = query.axis();
    let by = |of: Axis| query.by.iter().copied().filter(move |by| by.axis().unwrap_or(axis) == of).collect::<Vec<_>>();
    let mut found = find(&snapshot, query, axis, by(axis))?;
    let mut total = Sum::default();
    found.sums.values().for_each(|sum| total.merge(sum));
    let points = std::mem::take(&mut found.points);
    let mut tables = found.tables(query);
    let other = match axis {
        Axis::Operation => Axis::Consumer,
        Axis::Consumer => Axis::Operation,
    };
    if !by(other).is_empty() {
        tables.extend(find(&snapshot, query, other, by(other))?.tables(query));
    }
    // In the order they were asked for.
    tables.sort_by_key(|table| query.by.iter().position(|by| by.name() == table.by));
    let points = points.iter().zip(0..).map(|(sum, point)| {
        let start = query.from + point * query.step;
        Point { at: second(start), figures: Figures::of(sum, passed(query, start, start + query.step)) }
    });
    Ok(Answer {
        from: second(query.from),
        to: second(query.to),
        step: query.step,
        total: Figures::of(&total, passed(query, query.from, query.to)),
        points: points.collect(),
        tables,
    })
}

fn find(connection: &Connection, query: &Query, axis: Axis, by: Vec<Dimension>) -> rusqlite::Result<Found> {
    let series = read::series(connection, axis, &query.conditions)?;
    let points = usize::try_from((query.to - query.from) / query.step).unwrap_or_default();
    let mut groups: Vec<_> = by.into_iter().map(|by| (by, HashMap::new(), Vec::<Group>::new())).collect();
    let mut known = vec![HashMap::new(); groups.len()];
    let mut found = Found { series, sums: HashMap::new(), points: vec![Sum::default(); points], groups: Vec::new() };
    read::cells(connection, query, axis, &found.series, |start, id, cell| {
        let (Some(series), point) = (found.series.get(&id), ((start - query.from) / query.step) as usize) else {
            return;
        };
        found.sums.entry(id).or_default().add(&cell, series.is_error());
        found.points[point].add(&cell, series.is_error());
        for ((by, of, groups), known) in groups.iter_mut().zip(&mut known) {
            let group = *of.entry(id).or_insert_with(|| {
                let name = by.of(series);
                *known.entry(name).or_insert_with_key(|name| {
                    groups.push(Group { name: name.clone(), sum: Sum::default(), trend: vec![0; points] });
                    groups.len() - 1
                })
            });
            groups[group].trend[point] += cell.requests;
        }
    })?;
    for (_, of, groups) in &mut groups {
        for (id, sum) in &found.sums {
            groups[of[id]].sum.merge(sum);
        }
    }
    found.groups = groups;
    Ok(found)
}

impl Found {
    fn tables(self, query: &Query) -> Vec<Table> {
        self.groups.into_iter().map(|(by, _, groups)| table(query, by, groups)).collect()
    }
}

fn table(query: &Query, by: Dimension, mut groups: Vec<Group>) -> Table {
    groups.sort_by(|a, b| b.sum.cell.requests.cmp(&a.sum.cell.requests).then_with(|| a.name.cmp(&b.name)));
    let rest = groups.split_off(groups.len().min(query.limit));
    let row = |group: Group| Row {
        figures: Figures::of(&group.sum, passed(query, query.from, query.to)),
        name: group.name,
        trend: group.trend,
    };
    let others = rest.len();
    let other = rest.into_iter().reduce(|mut all, group| {
        all.sum.merge(&group.sum);
        all.trend.iter_mut().zip(group.trend).for_each(|(all, more)| *all += more);
        all
    });
    let other = other.map(|group| row(Group { name: "other".to_owned(), ..group }));
    Table { by: by.name(), rows: groups.into_iter().map(row).collect(), other, others }
}

/// Seconds of a span that are not in the future.
fn passed(query: &Query, from: u64, to: u64) -> u64 {
    to.min(query.now).saturating_sub(from)
}

fn second(second: u64) -> String {
    let text = UNIX_EPOCH.checked_add(Duration::from_secs(second)).map(rfc3339).unwrap_or_default();
    text.split('.').next().map(|second| format!("{second}Z")).unwrap_or_default()
}
