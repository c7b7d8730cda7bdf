//! How long things took.

use std::time::Duration;

use serde_json::{Value, json};

/// Times, in the order they were taken.
#[derive(Clone, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The least time that so many of a hundred do not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut times = self.0.clone();
        times.sort_unstable();
        let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
        times.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    /// One line of a table.
    pub(crate) fn row(&self, what: &str) -> String {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| self.percentile(percent));
        format!("  {what:<48} {:>6} {p50:>8.1} {p90:>8.1} {p99:>8.1} {max:>8.1}", self.0.len())
    }

    pub(crate) fn head(what: &str) -> String {
        format!("  {what:<48} {:>6} {:>8} {:>8} {:>8} {:>8}", "times", "p50 ms", "p90 ms", "p99 ms", "max ms")
    }

    pub(crate) fn json(&self) -> Value {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| self.percentile(percent));
        json!({ "times": self.0.len(), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max })
    }
}
