//! What is told of some requests: figures, from sums and merged histograms, never from averages of others.

use serde::Serialize;

use super::super::histogram::Histogram;
use super::super::rollup::Cell;

/// A cell, and how many of its requests were errors.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub(super) cell: Cell,
    pub(super) errors: u64,
}

impl Sum {
    pub(super) fn add(&mut self, cell: &Cell, is_error: bool) {
        self.cell.merge(cell);
        self.errors += if is_error { cell.requests } else { 0 };
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.cell.merge(&other.cell);
        self.errors += other.errors;
    }
}

/// Durations are microseconds, and none where nothing took time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) error_rate: f64,
    pub(crate) per_second: f64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u64,
    pub(crate) total_us: Option<Total>,
    pub(crate) upstream_us: Option<Part>,
    pub(crate) gateway_us: Option<Part>,
    pub(crate) policy_us: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Total {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Part {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Figures {
    /// Of a time of so many seconds.
    pub(super) fn of(sum: &Sum, seconds: u64) -> Self {
        let Sum { cell, errors } = sum;
        let per = |number: u64, of: u64| if of == 0 { 0.0 } else { number as f64 / of as f64 };
        let part = |it: &Histogram| Some(Part { p50: quantile(it, 0.5)?, p99: quantile(it, 0.99)? });
        Self {
            requests: cell.requests,
            errors: *errors,
            error_rate: rounded(per(*errors, cell.requests), 1e6),
            per_second: rounded(per(cell.requests, seconds), 1e3),
            bytes_in: cell.bytes_in,
            bytes_out: cell.bytes_out,
            retries: cell.retries,
            total_us: total(&cell.total),
            upstream_us: part(&cell.upstream),
            gateway_us: part(&cell.gateway),
            policy_us: (cell.requests > 0).then(|| rounded(per(cell.policy_us, cell.requests), 10.0)),
        }
    }
}

fn total(histogram: &Histogram) -> Option<Total> {
    let at = |q| quantile(histogram, q);
    let mean = histogram.sum() as f64 / histogram.count().max(1) as f64;
    Some(Total { mean: rounded(mean, 10.0), p50: at(0.5)?, p90: at(0.9)?, p99: at(0.99)?, p999: at(0.999)? })
}

fn quantile(histogram: &Histogram, q: f64) -> Option<f64> {
    histogram.quantile(q).map(|us| rounded(us, 10.0))
}

/// To a part of so many.
fn rounded(number: f64, of: f64) -> f64 {
    (number * of).round() / of
}
