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

/// Of the shape of JSON and CSV.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Answer {
    /// What it is about: what was asked for, in whole steps.
    pub(crate) from: String,
    pub(crate) to: String,
    /// In seconds since 1970, what it is from.
    #[serde(skip)]
    pub(crate) start: u64,
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

impl Table {
    /// Whether its figures are those of calls of policies.
    pub(crate) fn is_of_calls(&self) -> bool {
        ["policy", "hook", "verdict"].contains(&self.by)
    }
}

impl Answer {
    /// For programs, in one line. Numbers and strings always serialise.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Said<'a> {
            format: u32,
            #[serde(flatten)]
            answer: &'a Answer,
        }
        serde_json::to_string(&Said { format: FORMAT, answer: self }).unwrap_or_default()
    }
}

/// What was read of one axis.
struct Found {
    points: Vec<Sum>,
    groups: Vec<(Dimension, Vec<Group>)>,
}

/// One value of a dimension.
struct Group {
    name: String,
    sum: Sum,
    trend: Vec<u64>,
}

/// Answer from the store, as it is at one moment.
pub(crate) fn answer(connection: &Connection, query: &Query) -> rusqlite::Result<Answer> {
    let snapshot = connection.unchecked_transaction()?;
    let axis = query.axis();
    let by = |of: Axis| query.by.iter().copied().filter(move |by| query.axis_of(*by) == of).collect::<Vec<_>>();
    let Found { points, mut groups } = find(&snapshot, query, axis, &by(axis))?;
    for other in Axis::ALL.into_iter().filter(|other| *other != axis && !by(*other).is_empty()) {
        groups.extend(find(&snapshot, query, other, &by(other))?.groups);
    }
    // In the order they were asked for.
    groups.sort_by_key(|(dimension, _)| query.by.iter().position(|by| by == dimension));
    let mut total = Sum::default();
    points.iter().for_each(|point| total.merge(point));
    let recorded = Recorded { since: read::begun(&snapshot)?.unwrap_or_default(), until: query.now };
    let points = points.iter().zip(0..).map(|(sum, point)| {
        let start = query.from + point * query.step;
        Point { at: second(start), figures: Figures::of(sum, recorded.seconds(start, start + query.step)) }
    });
    let seconds = recorded.seconds(query.from, query.to);
    Ok(Answer {
        from: second(query.from),
        to: second(query.to),
        start: query.from,
        step: query.step,
        total: Figures::of(&total, seconds),
        points: points.collect(),
        tables: groups.into_iter().map(|(by, groups)| table(query, by, groups, seconds)).collect(),
    })
}

/// Of all that is asked about.
pub(super) fn total(connection: &Connection, query: &Query) -> rusqlite::Result<Sum> {
    let mut total = Sum::default();
    find(connection, query, query.axis(), &[])?.points.iter().for_each(|point| total.merge(point));
    Ok(total)
}

fn find(connection: &Connection, query: &Query, axis: Axis, by: &[Dimension]) -> rusqlite::Result<Found> {
    let series = read::series(connection, query, axis)?;
    let steps = usize::try_from((query.to - query.from) / query.step).unwrap_or_default();
    let mut points = vec![Sum::default(); steps];
    let mut of: Vec<_> = by.iter().map(|by| Grouping::new(*by)).collect();
    read::cells(connection, query, axis, &series, |start, id, cell| {
        let Some((series, point)) = series.get(&id).zip(usize::try_from((start - query.from) / query.step).ok()) else {
            return;
        };
        points[point].add(&cell, series.is_error());
        for grouping in &mut of {
            let group = grouping.group(id, series, steps);
            group.sum.add(&cell, series.is_error());
            group.trend[point] += cell.requests;
        }
    })?;
    Ok(Found { points, groups: of.into_iter().map(|grouping| (grouping.by, grouping.groups)).collect() })
}

/// Finds the group of a series.
struct Grouping {
    by: Dimension,
    groups: Vec<Group>,
    of_series: HashMap<i64, usize>,
    of_name: HashMap<String, usize>,
}

impl Grouping {
    fn new(by: Dimension) -> Self {
        Self { by, groups: Vec::new(), of_series: HashMap::new(), of_name: HashMap::new() }
    }

    fn group(&mut self, id: i64, series: &Series, steps: usize) -> &mut Group {
        let group = *self.of_series.entry(id).or_insert_with(|| {
            *self.of_name.entry(self.by.of(series)).or_insert_with_key(|name| {
                self.groups.push(Group { name: name.clone(), sum: Sum::default(), trend: vec![0; steps] });
                self.groups.len() - 1
            })
        });
        &mut self.groups[group]
    }
}

fn table(query: &Query, by: Dimension, mut groups: Vec<Group>, seconds: u64) -> Table {
    groups.sort_by(|a, b| b.sum.cell.requests.cmp(&a.sum.cell.requests).then_with(|| a.name.cmp(&b.name)));
    let rest = groups.split_off(groups.len().min(query.limit));
    let row = |group: Group| Row { figures: Figures::of(&group.sum, seconds), name: group.name, trend: group.trend };
    let others = rest.len();
    let other = rest.into_iter().reduce(|mut all, group| {
        all.sum.merge(&group.sum);
        all.trend.iter_mut().zip(group.trend).for_each(|(all, more)| *all += more);
        all
    });
    let other = other.map(|group| row(Group { name: "other".to_owned(), ..group }));
    Table { by: by.name(), rows: groups.into_iter().map(row).collect(), other, others }
}

/// The time that anything can be known of: not what was before the first request, nor the future.
struct Recorded {
    since: u64,
    until: u64,
}

impl Recorded {
    /// How much of a span it is.
    fn seconds(&self, from: u64, to: u64) -> u64 {
        to.min(self.until).saturating_sub(from.max(self.since))
    }
}

pub(super) fn second(second: u64) -> String {
    let text = UNIX_EPOCH.checked_add(Duration::from_secs(second)).map(rfc3339).unwrap_or_default();
    text.split('.').next().map(|second| format!("{second}Z")).unwrap_or_default()
}
