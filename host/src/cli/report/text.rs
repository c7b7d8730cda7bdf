//! An answer as people read it: tables whose columns stand below each other, and lines that show what came when.

use super::super::out;
use crate::report::{Answer, Figures, percent, scaled, show_span};

const COLUMNS: usize = 13;
const HEADS: [&str; COLUMNS - 2] =
    ["REQUESTS", "ERRORS", "", "PER S", "P50", "P90", "P99", "P99.9", "UPSTREAM P99", "GATEWAY P99", "POLICIES"];
/// Letters of a line that shows what came when.
const TREND: usize = 32;
/// The first is for nothing.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(super) fn show(answer: &Answer) {
    out::line(&format!("{} to {}, in steps of {}", answer.from, answer.to, show_span(answer.step)));
    out::line("");
    match answer.total.requests {
        0 => out::line("no such request is on record"),
        _ => out::table(lines(answer)),
    }
}

/// All tables, with an empty line between two.
pub(super) fn lines(answer: &Answer) -> Vec<[String; COLUMNS]> {
    let trend: Vec<_> = answer.points.iter().map(|point| point.figures.requests).collect();
    let mut lines = vec![heads(""), line("all", &answer.total, &trend)];
    for table in &answer.tables {
        let heads = if table.is_of_calls() { heads_of_calls(table.by) } else { heads(table.by) };
        lines.extend([std::array::from_fn(|_| String::new()), heads]);
        lines.extend(table.rows.iter().map(|row| line(&out::plain(&row.name), &row.figures, &row.trend)));
        let other = table.other.as_ref();
        lines.extend(other.map(|row| line(&format!("({} others)", table.others), &row.figures, &row.trend)));
    }
    right(lines)
}

fn heads(name: &str) -> [String; COLUMNS] {
    let heads = [&[name][..], &HEADS, &["REQUESTS OVER TIME"]].concat();
    std::array::from_fn(|column| heads[column].to_uppercase())
}

/// Of calls of policies there is less to tell.
fn heads_of_calls(name: &str) -> [String; COLUMNS] {
    let calls = |head: String| head.replace("REQUESTS", "CALLS").replace("ERRORS", "FAULTS");
    heads(name).map(calls)
}

fn line(name: &str, it: &Figures, trend: &[u64]) -> [String; COLUMNS] {
    let time = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), duration);
    let total = it.total_us.as_ref();
    [
        name.to_owned(),
        it.requests.to_string(),
        it.errors.to_string(),
        format!("{}%", percent(it.error_rate)),
        format!("{:.*}", if it.per_second < 10.0 { 2 } else { 0 }, it.per_second),
        time(total.map(|it| it.p50)),
        time(total.map(|it| it.p90)),
        time(total.map(|it| it.p99)),
        time(total.map(|it| it.p999)),
        time(it.upstream_us.as_ref().map(|it| it.p99)),
        time(it.gateway_us.as_ref().map(|it| it.p99)),
        time(it.policy_us),
        shape(trend),
    ]
}

/// Numbers end below each other; names and shapes begin so.
fn right(mut lines: Vec<[String; COLUMNS]>) -> Vec<[String; COLUMNS]> {
    for column in 1..COLUMNS - 1 {
        let width = lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
        for line in lines.iter_mut().filter(|line| !line[0].is_empty() || !line[1].is_empty()) {
            line[column] = format!("{:>width$}", line[column]);
        }
    }
    lines
}

pub(in crate::cli) fn duration(us: f64) -> String {
    let (number, unit) = scaled(us);
    format!("{number}{unit}")
}

/// One letter for each step, or for several where there are many.
pub(super) fn shape(steps: &[u64]) -> String {
    let sums: Vec<u64> = steps.chunks(steps.len().div_ceil(TREND).max(1)).map(|steps| steps.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or_default().max(1);
    let above = (HEIGHTS.len() - 1) as f64;
    sums.iter().map(|sum| HEIGHTS[(*sum as f64 / most as f64 * above).ceil() as usize]).collect()
}
