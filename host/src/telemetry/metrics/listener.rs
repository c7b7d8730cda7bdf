//! Connections open on each listener.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::series::Series;

/// The handle a listener counts through; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    open: Arc<AtomicI64>,
}

impl ListenerMetrics {
    /// A connection was accepted; it counts as open until the guard is dropped.
    pub(crate) fn connection(&self) -> ConnectionGuard {
        self.open.fetch_add(1, Relaxed);
        let open = Arc::clone(&self.open);
        ConnectionGuard { open }
    }
}

/// Counts one connection as open while it lives.
#[derive(Debug)]
#[must_use = "the connection counts as closed when this is dropped"]
pub(crate) struct ConnectionGuard {
    open: Arc<AtomicI64>,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// All listeners, by name.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    series: Series<Arc<str>, AtomicI64>,
}

impl Listeners {
    pub(super) fn handle(&self, listener: &str) -> ListenerMetrics {
        let open = self.series.cell(listener.into());
        ListenerMetrics { open }
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor("connections", "Connections open", None, MetricType::Gauge)?;
        for (listener, open) in self.series.all() {
            family.encode_family(&[("listener", &*listener)])?.encode_gauge(&open.load(Relaxed))?;
        }
        Ok(())
    }
}
