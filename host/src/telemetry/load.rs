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

/// One request under way; it is over when this is dropped.
#[derive(Debug)]
#[must_use = "the request counts as over when this is dropped"]
pub(crate) struct UnderWay(Load);

impl Load {
    pub(crate) fn new(most: u32) -> Self {
        Self(Arc::new(Counts { most, under_way: AtomicU32::new(0), shed: AtomicU64::new(0) }))
    }

    /// Begin a request, unless there are as many as there may be.
    pub(crate) fn begin(&self) -> Option<UnderWay> {
        let before = self.0.under_way.fetch_add(1, Relaxed);
        let begun = UnderWay(self.clone());
        if before < self.0.most {
            return Some(begun);
        }
        self.0.shed.fetch_add(1, Relaxed);
        None
    }

    pub(crate) fn under_way(&self) -> u32 {
        self.0.under_way.load(Relaxed)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Relaxed);
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
        let (first, second) = (load.begin(), load.begin());
        assert!(first.is_some() && second.is_some() && load.begin().is_none());
        assert_eq!(load.under_way(), 2, "what was shed is not under way");
        drop(first);
        assert!(load.begin().is_some());
    }
}
