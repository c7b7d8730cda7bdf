//! Requests at once: one count for the process, and how many were shed because there were too many.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What the process has under way; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Load(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    most: u32,
    under_way: AtomicU32,
    shed: AtomicU64,
}

impl Load {
    pub(crate) fn new(most: u32) -> Self {
        Self(Arc::new(Counts { most, under_way: AtomicU32::new(0), shed: AtomicU64::new(0) }))
    }

    /// Begin a request; false where there are as many as there may be. One that has begun has to [`end`](Self::end).
    #[must_use = "a request that has begun has to end"]
    pub(crate) fn begin(&self) -> bool {
        let has_room = self.0.under_way.fetch_add(1, Relaxed) < self.0.most;
        if !has_room {
            self.end();
            self.0.shed.fetch_add(1, Relaxed);
        }
        has_room
    }

    /// A request that had begun is over.
    pub(crate) fn end(&self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }

    pub(crate) fn under_way(&self) -> u32 {
        self.0.under_way.load(Relaxed)
    }
}

impl Collector for Load {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let under_way = ConstGauge::new(i64::from(self.under_way()));
        let help = "Requests under way, upgraded connections among them";
        under_way.encode(encoder.encode_descriptor("requests_under_way", help, None, under_way.metric_type())?)?;
        let shed = ConstCounter::new(self.0.shed.load(Relaxed));
        let help = "Requests answered with 503 at once, because there were as many as there may be";
        shed.encode(encoder.encode_descriptor("requests_shed", help, None, shed.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_makes_room() {
        let load = Load::new(2);
        assert!(load.begin() && load.begin() && !load.begin());
        assert_eq!(load.under_way(), 2, "what was shed is not under way");
        load.end();
        assert!(load.begin());
    }
}
