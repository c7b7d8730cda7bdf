//! Connections of each listener: those open, and those that never got so far.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::series::Series;

/// The handle a listener counts through; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    open: Arc<AtomicI64>,
    failed: Arc<AtomicU64>,
}

impl ListenerMetrics {
    /// A connection ended before a request could come: its handshake failed.
    pub(crate) fn handshake_failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

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
    open: Series<Arc<str>, AtomicI64>,
    failed: Series<Arc<str>, AtomicU64>,
}

impl Listeners {
    pub(super) fn handle(&self, listener: &str) -> ListenerMetrics {
        ListenerMetrics { open: self.open.cell(listener.into()), failed: self.failed.cell(listener.into()) }
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor("connections", "Connections open", None, MetricType::Gauge)?;
        for (listener, open) in self.open.all() {
            family.encode_family(&[("listener", &*listener)])?.encode_gauge(&open.load(Relaxed))?;
        }
        let help = "Connections that ended before a request could come";
        let mut family = encoder.encode_descriptor("handshakes_failed", help, None, MetricType::Counter)?;
        for (listener, failed) in self.failed.all() {
            let labels = [("listener", &*listener)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&failed.load(Relaxed), None)?;
        }
        Ok(())
    }
}
