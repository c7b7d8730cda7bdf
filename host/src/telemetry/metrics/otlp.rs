//! What became of what was to be sent to a collector.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{Counts, Label};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

impl Label for Signal {
    const NAMES: &'static [&'static str] = &["traces", "metrics"];

    fn index(self) -> usize {
        self as usize
    }
}

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Sent,
    /// Too many were waiting.
    QueueFull,
    /// The collector was not there for too long, or refused the request.
    Undelivered,
    /// The collector took the request and said that it did not take this.
    Rejected,
}

impl Label for Fate {
    const NAMES: &'static [&'static str] = &["sent", "queue_full", "undelivered", "rejected"];

    fn index(self) -> usize {
        self as usize
    }
}

/// The handle exporters count through; one for the process, since collectors come and go.
#[derive(Debug, Clone, Default)]
pub(crate) struct OtlpMetrics {
    cells: Arc<Cells>,
}

#[derive(Debug, Default)]
struct Cells {
    spans: Counts<{ Fate::NAMES.len() }>,
    /// Answered as they should be, and not, by signal.
    requests: Counts<{ 2 * Signal::NAMES.len() }>,
}

const OUTCOMES: [&str; 2] = ["ok", "failed"];

impl OtlpMetrics {
    pub(crate) fn spans(&self, fate: Fate, count: u64) {
        self.cells.spans.add(fate.index(), count);
    }

    pub(crate) fn request(&self, signal: Signal, ok: bool) {
        self.cells.requests.inc(signal.index() * OUTCOMES.len() + usize::from(!ok));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Spans for a collector, by what became of them";
        let mut spans = encoder.encode_descriptor("otlp_spans", help, None, MetricType::Counter)?;
        for (index, count) in self.cells.spans.counted() {
            let labels = [("outcome", Fate::NAMES[index])];
            spans.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        let help = "Requests to a collector";
        let mut requests = encoder.encode_descriptor("otlp_requests", help, None, MetricType::Counter)?;
        for (index, count) in self.cells.requests.counted() {
            let labels =
                [("signal", Signal::NAMES[index / OUTCOMES.len()]), ("outcome", OUTCOMES[index % OUTCOMES.len()])];
            requests.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}
