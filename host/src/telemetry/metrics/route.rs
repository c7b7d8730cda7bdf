//! Numbers of one route: requests by status class and outcome, and how long they and their upstreams took.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::histogram::Histogram;
use super::label::{Counts, Label};
use super::series::Series;
use crate::telemetry::Outcome;

pub(super) const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const OUTCOMES: usize = Outcome::NAMES.len();

/// The handle a route counts through; cheap to clone, two or three atomic adds per call.
#[derive(Debug, Clone)]
pub(crate) struct RouteMetrics {
    cells: Arc<Cells>,
}

impl RouteMetrics {
    /// A request was answered, `duration` after its head was read.
    pub(crate) fn finished(&self, status: StatusCode, outcome: Outcome, duration: Duration) {
        self.cells.requests.inc(class(status) * OUTCOMES + outcome.index());
        self.cells.duration.observe(duration);
    }

    /// An upstream answered, or failed, after `duration`.
    pub(crate) fn upstream(&self, duration: Duration) {
        self.cells.upstream.observe(duration);
    }
}

/// The place of its class in [`CLASSES`].
pub(super) fn class(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1
}

#[derive(Debug, Default)]
struct Cells {
    requests: Counts<{ CLASSES.len() * OUTCOMES }>,
    duration: Histogram,
    upstream: Histogram,
}

/// All routes, by API and route name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    series: Series<(Arc<str>, Arc<str>), Cells>,
}

impl Routes {
    pub(super) fn handle(&self, api: &str, route: &str) -> RouteMetrics {
        let cells = self.series.cell((api.into(), route.into()));
        RouteMetrics { cells }
    }

    pub(super) fn retain(&self, live: impl Fn(&str, &str) -> bool) {
        self.series.retain(|(api, route)| live(api, route));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let mut requests = encoder.encode_descriptor("requests", "Requests answered", None, MetricType::Counter)?;
        for ((api, route), cells) in &all {
            for (index, count) in cells.requests.counted() {
                let labels = [
                    ("api", &**api),
                    ("route", route),
                    ("status_class", CLASSES[index / OUTCOMES]),
                    ("outcome", Outcome::NAMES[index % OUTCOMES]),
                ];
                requests.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        type Pick = fn(&Cells) -> &Histogram;
        let histograms: [(&str, &str, Pick); 2] = [
            ("request_duration_seconds", "Time from a request's head to the end of its response", |cells| {
                &cells.duration
            }),
            ("upstream_duration_seconds", "Time spent waiting for upstreams", |cells| &cells.upstream),
        ];
        for (name, help, pick) in histograms {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            for ((api, route), cells) in &all {
                pick(cells).encode(&mut family, &[("api", &**api), ("route", route)])?;
            }
        }
        Ok(())
    }
}
