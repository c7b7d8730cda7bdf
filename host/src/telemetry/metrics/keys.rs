//! Numbers of one key set that is fetched: attempts by what came of them, and when the last good one was.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::UNIX_EPOCH;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{Counts, Label};
use super::series::Series;

/// What came of an attempt to fetch a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchOutcome {
    Fetched,
    Failed,
}

impl Label for FetchOutcome {
    const NAMES: &'static [&'static str] = &["fetched", "failed"];

    fn index(self) -> usize {
        self as usize
    }
}

/// The handle of a key set; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct KeySetMetrics {
    cells: Arc<Cells>,
}

impl KeySetMetrics {
    pub(crate) fn fetched(&self, outcome: FetchOutcome) {
        self.cells.attempts.inc(outcome.index());
        if outcome == FetchOutcome::Fetched {
            let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
            self.cells.last.store(i64::try_from(now).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Default)]
struct Cells {
    attempts: Counts<{ FetchOutcome::NAMES.len() }>,
    /// Seconds since 1970 when it was fetched last; 0 before the first time.
    last: AtomicI64,
}

/// All key sets that are fetched, by name.
#[derive(Debug, Default)]
pub(super) struct KeySets {
    series: Series<Arc<str>, Cells>,
}

impl KeySets {
    pub(super) fn handle(&self, name: &str) -> KeySetMetrics {
        KeySetMetrics { cells: self.series.cell(name.into()) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str) -> bool) {
        self.series.retain(|name| live(name));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let help = "Attempts to fetch key sets";
        let mut attempts = encoder.encode_descriptor("key_set_fetches", help, None, MetricType::Counter)?;
        for (name, cells) in &all {
            for (index, count) in cells.attempts.counted() {
                let labels = [("keys", &**name), ("outcome", FetchOutcome::NAMES[index])];
                attempts.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "When a key set was fetched last, in seconds since 1970";
        let mut last = encoder.encode_descriptor("key_set_fetched_seconds", help, None, MetricType::Gauge)?;
        for (name, cells) in &all {
            let at = cells.last.load(Ordering::Relaxed);
            if at > 0 {
                last.encode_family(&[("keys", &**name)])?.encode_gauge(&at)?;
            }
        }
        Ok(())
    }
}
