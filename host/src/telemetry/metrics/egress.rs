//! Numbers of one service that policies ask: calls by what came of them, and how long they took.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::histogram::Histogram;
use super::label::{Counts, Label};
use super::series::Series;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EgressOutcome {
    /// There was an answer, whatever its status.
    Answered,
    /// The grant does not cover it.
    Denied,
    Timeout,
    /// No connection could be made.
    Connect,
    /// The answer was longer than it may be.
    TooLarge,
    /// The answer was none.
    Protocol,
    /// There were as many calls as there may be.
    Busy,
    /// Whoever asked had gone.
    Cancelled,
}

impl Label for EgressOutcome {
    const NAMES: &'static [&'static str] =
        &["answered", "denied", "timeout", "connect", "too_large", "protocol", "busy", "cancelled"];

    fn index(self) -> usize {
        self as usize
    }
}

/// The handle of a service; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EgressMetrics {
    cells: Arc<Cells>,
}

impl EgressMetrics {
    pub(crate) fn begin(&self) -> Calling<'_> {
        Calling { cells: &self.cells, outcome: EgressOutcome::Cancelled, since: Instant::now() }
    }

    /// A question was answered without a call.
    pub(crate) fn remembered(&self) {
        self.cells.remembered.fetch_add(1, Ordering::Relaxed);
    }
}

/// A call, counted when this is dropped.
#[derive(Debug)]
pub(crate) struct Calling<'a> {
    cells: &'a Cells,
    outcome: EgressOutcome,
    since: Instant,
}

impl Calling<'_> {
    pub(crate) fn ended(mut self, outcome: EgressOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.cells.calls.inc(self.outcome.index());
        self.cells.duration.observe(self.since.elapsed());
    }
}

#[derive(Debug, Default)]
struct Cells {
    calls: Counts<{ EgressOutcome::NAMES.len() }>,
    duration: Histogram,
    remembered: AtomicU64,
}

/// All services, by name.
#[derive(Debug, Default)]
pub(super) struct Services {
    series: Series<Arc<str>, Cells>,
}

impl Services {
    pub(super) fn handle(&self, name: &str) -> EgressMetrics {
        EgressMetrics { cells: self.series.cell(name.into()) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str) -> bool) {
        self.series.retain(|name| live(name));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let mut calls =
            encoder.encode_descriptor("egress_calls", "Calls of policies to services", None, MetricType::Counter)?;
        for (name, cells) in &all {
            for (index, count) in cells.calls.counted() {
                let labels = [("egress", &**name), ("outcome", EgressOutcome::NAMES[index])];
                calls.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "Questions of policies that were answered without a call";
        let mut remembered = encoder.encode_descriptor("egress_remembered", help, None, MetricType::Counter)?;
        for (name, cells) in &all {
            let count = cells.remembered.load(Ordering::Relaxed);
            remembered.encode_family(&[("egress", &**name)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        let help = "Time that calls of policies to services took";
        let mut durations = encoder.encode_descriptor("egress_duration_seconds", help, None, MetricType::Histogram)?;
        for (name, cells) in &all {
            cells.duration.encode(&mut durations, &[("egress", &**name)])?;
        }
        Ok(())
    }
}
