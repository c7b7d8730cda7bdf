//! Tables of a page: of operations, consumers and errors, of times, of single requests.

use std::time::SystemTime;

use crate::report::{Answer, Asked, Figures, Sample, Table as Rows};

use super::{address, chart, words};

/// A table, whose first column has names.
pub(super) struct Table {
    pub(super) id: String,
    pub(super) title: String,
    /// What it is about.
    pub(super) caption: String,
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<Row>,
    /// What does not fit, and where that is.
    pub(super) more: Option<(String, Option<String>)>,
}

pub(super) struct Head {
    pub(super) name: &'static str,
    /// How its column looks.
    pub(super) class: &'static str,
}

pub(super) struct Row {
    pub(super) name: String,
    /// Where its name leads.
    pub(super) link: Option<String>,
    /// One for each head after the first.
    pub(super) cells: Vec<Cell>,
}

pub(super) enum Cell {
    Text(String),
    /// That somebody should look at.
    Bad(String),
    Trend(String),
}

/// What leads where.
pub(super) struct Links<'a> {
    pub(super) asked: &'a Asked,
    pub(super) now: SystemTime,
    /// Not in a file.
    pub(super) is_on: bool,
}

impl Links<'_> {
    fn narrowed(&self, dimension: &str, value: &str) -> Option<String> {
        let narrowed = address::narrowed(self.asked, dimension, value, self.now).filter(|_| self.is_on)?;
        Some(address::write(&narrowed))
    }

    /// All rows of a dimension.
    fn all(&self, dimension: &str) -> Option<String> {
        let by = vec![dimension.to_owned()];
        self.is_on.then(|| address::write(&Asked { by, limit: Some("1000".into()), ..self.asked.clone() }))
    }
}

const NUMBER: &str = "number";
const WIDE: &str = "number wide";

pub(super) fn head(name: &'static str, class: &'static str) -> Head {
    Head { name, class }
}

/// The values of a dimension with most requests; of errors alone, those with most of these.
pub(super) fn values(table: &Rows, title: &str, most: usize, only_errors: bool, links: &Links<'_>) -> Table {
    let mut rows: Vec<_> = table.rows.iter().filter(|row| !only_errors || row.figures.errors > 0).collect();
    if only_errors {
        rows.sort_by_key(|row| std::cmp::Reverse(row.figures.errors));
    }
    let beyond = rows.split_off(rows.len().min(most));
    let hidden = beyond.iter().copied().chain(&table.other);
    let (requests, errors) =
        hidden.fold((0, 0), |(requests, errors), row| (requests + row.figures.requests, errors + row.figures.errors));
    let others = beyond.len() + table.others;
    let more = (others > 0 && (!only_errors || errors > 0)).then(|| {
        let text =
            format!("{others} more, with {} requests and {} errors", words::count(requests), words::count(errors));
        (text, links.all(table.by).filter(|_| most < 1_000))
    });
    let row = |row: &crate::report::Row| Row {
        name: row.name.clone(),
        link: links.narrowed(table.by, &row.name),
        cells: if only_errors { of_errors(&row.figures) } else { of_all(&row.figures, &row.trend) },
    };
    let (kind, heads) = match only_errors {
        true => {
            ("errors", vec![head(table.by, ""), head("errors", NUMBER), head("requests", NUMBER), head("p50", NUMBER)])
        }
        false => ("requests", all_heads(table.by)),
    };
    Table {
        id: format!("by-{}", table.by),
        title: title.to_owned(),
        caption: format!("Those with most {kind} first"),
        heads,
        rows: rows.into_iter().map(row).collect(),
        more,
    }
}

/// Calls of policies, by a dimension of theirs.
pub(super) fn calls(table: &Rows, title: &str, most: usize, links: &Links<'_>) -> Table {
    let heads = [
        ("calls", NUMBER),
        ("faults", NUMBER),
        ("fault rate", WIDE),
        ("p50", NUMBER),
        ("p99", NUMBER),
        ("over time", "trend wide"),
    ];
    let row = |row: &crate::report::Row| {
        let (it, faults) = (&row.figures, words::count(row.figures.errors));
        let total = it.total_us.as_ref();
        Row {
            name: row.name.clone(),
            link: links.narrowed(table.by, &row.name),
            cells: vec![
                Cell::Text(words::count(it.requests)),
                if it.errors > 0 { Cell::Bad(faults) } else { Cell::Text(faults) },
                Cell::Text(words::part(it.error_rate)),
                Cell::Text(words::time(total.map(|it| it.p50))),
                Cell::Text(words::time(total.map(|it| it.p99))),
                Cell::Trend(chart::trend(&row.trend)),
            ],
        }
    };
    Table {
        id: format!("by-{}", table.by),
        title: title.to_owned(),
        caption: "Calls of policies: how often, with which faults, and how long they took".to_owned(),
        heads: std::iter::once((table.by, "")).chain(heads).map(|(name, class)| head(name, class)).collect(),
        rows: table.rows.iter().take(most).map(row).collect(),
        more: None,
    }
}

fn all_heads(by: &'static str) -> Vec<Head> {
    let heads = [
        ("requests", NUMBER),
        ("errors", NUMBER),
        ("error rate", WIDE),
        ("p50", NUMBER),
        ("p99", NUMBER),
        ("upstream p99", WIDE),
        ("gateway p99", WIDE),
        ("policies", WIDE),
        ("over time", "trend wide"),
    ];
    std::iter::once((by, "")).chain(heads).map(|(name, class)| head(name, class)).collect()
}

fn of_all(it: &Figures, trend: &[u64]) -> Vec<Cell> {
    let total = it.total_us.as_ref();
    let errors = words::count(it.errors);
    vec![
        Cell::Text(words::count(it.requests)),
        if it.errors > 0 { Cell::Bad(errors) } else { Cell::Text(errors) },
        Cell::Text(words::part(it.error_rate)),
        Cell::Text(words::time(total.map(|it| it.p50))),
        Cell::Text(words::time(total.map(|it| it.p99))),
        Cell::Text(words::time(it.upstream_us.as_ref().map(|it| it.p99))),
        Cell::Text(words::time(it.gateway_us.as_ref().map(|it| it.p99))),
        Cell::Text(words::time(it.policy_us)),
        Cell::Trend(chart::trend(trend)),
    ]
}

fn of_errors(it: &Figures) -> Vec<Cell> {
    vec![
        Cell::Bad(words::count(it.errors)),
        Cell::Text(words::count(it.requests)),
        Cell::Text(words::time(it.total_us.as_ref().map(|it| it.p50))),
    ]
}

/// The numbers that charts are drawn from.
pub(super) fn steps(answer: &Answer) -> Table {
    let heads = [
        ("from", ""),
        ("requests", NUMBER),
        ("errors", NUMBER),
        ("error rate", NUMBER),
        ("p50", NUMBER),
        ("p90", NUMBER),
        ("p99", NUMBER),
    ];
    let rows = answer.points.iter().map(|point| {
        let it = &point.figures;
        let total = it.total_us.as_ref();
        let numbers = [words::count(it.requests), words::count(it.errors), words::part(it.error_rate)];
        let times = [total.map(|it| it.p50), total.map(|it| it.p90), total.map(|it| it.p99)].map(words::time);
        let cells = numbers.into_iter().chain(times).map(Cell::Text).collect();
        Row { name: words::moment(&point.at), link: None, cells }
    });
    Table {
        id: "steps".to_owned(),
        title: "The numbers of the charts".to_owned(),
        caption: "Requests, errors and times of each step, in UTC".to_owned(),
        heads: heads.map(|(name, class)| head(name, class)).into(),
        rows: rows.collect(),
        more: None,
    }
}

/// Single requests.
pub(super) fn samples(samples: &[Sample], id: &str, title: &str, links: &Links<'_>) -> Table {
    let heads = [
        ("time", ""),
        ("status", NUMBER),
        ("class", ""),
        ("blame", ""),
        ("operation", ""),
        ("consumer", "wide"),
        ("total", NUMBER),
        ("upstream", WIDE),
    ];
    let shown = |name: &Option<String>| Cell::Text(name.clone().unwrap_or_else(|| words::NOTHING.to_owned()));
    let rows = samples.iter().map(|it| {
        let status = it.status.map_or_else(|| words::NOTHING.to_owned(), |status| status.to_string());
        let is_bad = it.status.is_none_or(|status| status >= 400);
        Row {
            name: moment_of(&it.time),
            link: links.is_on.then(|| address::request(&it.id, it.time_us)),
            cells: vec![
                if is_bad { Cell::Bad(status) } else { Cell::Text(status) },
                Cell::Text(it.class.clone()),
                Cell::Text(it.blame.clone()),
                Cell::Text(match (&it.api, &it.operation) {
                    (Some(api), Some(operation)) => format!("{api}/{operation}"),
                    (_, operation) => operation.clone().unwrap_or_else(|| words::NOTHING.to_owned()),
                }),
                shown(&it.consumer),
                Cell::Text(words::duration(it.total_us as f64)),
                Cell::Text(words::time(it.upstream_us.map(|us| us as f64))),
            ],
        }
    });
    Table {
        id: id.to_owned(),
        title: title.to_owned(),
        caption: "Of those that are kept one by one: errors, and what took longer than nearly all others".to_owned(),
        heads: heads.map(|(name, class)| head(name, class)).into(),
        rows: rows.collect(),
        more: None,
    }
}

/// Date and second.
fn moment_of(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}
