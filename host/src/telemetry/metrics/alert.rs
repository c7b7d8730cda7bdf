//! Numbers of one alert: whether it fires, and what came of telling of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{Counts, Label};
use super::series::Series;

/// What came of telling a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeOutcome {
    Delivered,
    /// Not this time, and it is tried again.
    Failed,
    /// The receiver does not want it.
    Refused,
    /// It was tried for too long.
    Expired,
    /// Something newer is told in its place, or nothing any more.
    Superseded,
}

impl Label for NoticeOutcome {
    const NAMES: &'static [&'static str] = &["delivered", "failed", "refused", "expired", "superseded"];

    fn index(self) -> usize {
        self as usize
    }
}

/// The handle of an alert; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AlertMetrics {
    cells: Arc<Cells>,
}

impl AlertMetrics {
    pub(crate) fn fires(&self, fires: bool) {
        self.cells.fires.store(fires, Ordering::Relaxed);
    }

    pub(crate) fn told(&self, outcome: NoticeOutcome) {
        self.cells.told.inc(outcome.index());
    }
}

#[derive(Debug, Default)]
struct Cells {
    fires: AtomicBool,
    told: Counts<{ NoticeOutcome::NAMES.len() }>,
}

/// All alerts, by name.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    series: Series<Arc<str>, Cells>,
}

impl Alerts {
    pub(super) fn handle(&self, name: &str) -> AlertMetrics {
        AlertMetrics { cells: self.series.cell(name.into()) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str) -> bool) {
        self.series.retain(|name| live(name));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let mut firing =
            encoder.encode_descriptor("alerts_firing", "Whether an alert fires", None, MetricType::Gauge)?;
        for (name, cells) in &all {
            let fires = i64::from(cells.fires.load(Ordering::Relaxed));
            firing.encode_family(&[("alert", &**name)])?.encode_gauge(&fires)?;
        }
        let help = "Attempts to tell receivers of alerts";
        let mut told = encoder.encode_descriptor("alert_notifications", help, None, MetricType::Counter)?;
        for (name, cells) in &all {
            for (index, count) in cells.told.counted() {
                let labels = [("alert", &**name), ("outcome", NoticeOutcome::NAMES[index])];
                told.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}
