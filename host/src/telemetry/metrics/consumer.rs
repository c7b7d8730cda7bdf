//! Numbers of one consumer of one API, where accounts of requests are told to Prometheus too.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::histogram::Histogram;
use super::label::Counts;
use super::route::{CLASSES, class};
use super::series::Series;

/// The handle of a consumer; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerMetrics {
    cells: Arc<Cells>,
}

impl ConsumerMetrics {
    /// A request of its was over.
    pub(crate) fn finished(&self, status: StatusCode, duration: Duration) {
        self.cells.requests.inc(class(status));
        self.cells.duration.observe(duration);
    }
}

#[derive(Debug, Default)]
struct Cells {
    requests: Counts<{ CLASSES.len() }>,
    duration: Histogram,
}

/// All consumers, by API and name.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    series: Series<(Arc<str>, Arc<str>), Cells>,
}

impl Consumers {
    pub(super) fn handle(&self, api: &Arc<str>, consumer: &Arc<str>) -> ConsumerMetrics {
        ConsumerMetrics { cells: self.series.cell((api.clone(), consumer.clone())) }
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let help = "Requests of a consumer";
        let mut requests = encoder.encode_descriptor("consumer_requests", help, None, MetricType::Counter)?;
        for ((api, consumer), cells) in &all {
            for (index, count) in cells.requests.counted() {
                let labels = [("api", &**api), ("consumer", consumer), ("status_class", CLASSES[index])];
                requests.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "Time from the head of a consumer's request to the end of its response";
        let name = "consumer_request_duration_seconds";
        let mut durations = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for ((api, consumer), cells) in &all {
            cells.duration.encode(&mut durations, &[("api", &**api), ("consumer", consumer)])?;
        }
        Ok(())
    }
}
