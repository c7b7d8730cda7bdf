//! Numbers of splits: how many requests each upstream of a route was given.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::series::Series;

/// The handle of one upstream of a route; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SplitMetrics {
    count: Arc<AtomicU64>,
}

impl SplitMetrics {
    /// A request goes there.
    pub(crate) fn chosen(&self) {
        self.count.fetch_add(1, Relaxed);
    }
}

/// All of them, by API, route and upstream.
#[derive(Debug, Default)]
pub(super) struct Splits {
    series: Series<[Arc<str>; 3], AtomicU64>,
}

impl Splits {
    pub(super) fn handle(&self, api: &str, route: &str, upstream: &str) -> SplitMetrics {
        SplitMetrics { count: self.series.cell([api, route, upstream].map(Into::into)) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str, &str, &str) -> bool) {
        self.series.retain(|[api, route, upstream]| live(api, route, upstream));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests given to an upstream of a split";
        let mut family = encoder.encode_descriptor("split", help, None, MetricType::Counter)?;
        for ([api, route, upstream], count) in &self.series.all() {
            let count = count.load(Relaxed);
            if count == 0 {
                continue;
            }
            let labels = [("api", &**api), ("route", route), ("upstream", upstream)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}
