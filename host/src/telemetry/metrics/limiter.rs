//! Numbers of one limiter whose counts are in a shared store: whether that answers, and what it said.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{Counts, Label};
use super::series::Series;

/// What came of demands made of a shared store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakeOutcome {
    Admitted,
    Refused,
    /// Not in time, or not at all.
    Unanswered,
}

impl Label for TakeOutcome {
    const NAMES: &'static [&'static str] = &["admitted", "refused", "unanswered"];

    fn index(self) -> usize {
        self as usize
    }
}

/// The handle of a limiter; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LimiterMetrics {
    cells: Arc<Cells>,
}

impl LimiterMetrics {
    pub(crate) fn took(&self, outcome: TakeOutcome) {
        self.cells.takes.inc(outcome.index());
    }

    pub(crate) fn answers(&self, answers: bool) {
        self.cells.answers.store(answers, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Cells {
    takes: Counts<{ TakeOutcome::NAMES.len() }>,
    answers: AtomicBool,
}

/// All limiters with a shared store, by name.
#[derive(Debug, Default)]
pub(super) struct Limiters {
    series: Series<Arc<str>, Cells>,
}

impl Limiters {
    pub(super) fn handle(&self, name: &str) -> LimiterMetrics {
        LimiterMetrics { cells: self.series.cell(name.into()) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str) -> bool) {
        self.series.retain(|name| live(name));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let help = "Demands made of shared limiters";
        let mut takes = encoder.encode_descriptor("limiter_takes", help, None, MetricType::Counter)?;
        for (name, cells) in &all {
            for (index, count) in cells.takes.counted() {
                let labels = [("limiter", &**name), ("outcome", TakeOutcome::NAMES[index])];
                takes.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "Whether the store of a limiter answers";
        let mut answers = encoder.encode_descriptor("limiter_up", help, None, MetricType::Gauge)?;
        for (name, cells) in &all {
            let up = i64::from(cells.answers.load(Ordering::Relaxed));
            answers.encode_family(&[("limiter", &**name)])?.encode_gauge(&up)?;
        }
        Ok(())
    }
}
