//! Connections of each listener: those open, those turned away, and those that could not be accepted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{Counts, Label, Refusal};
use super::series::Series;

type Refusals = Counts<{ Refusal::NAMES.len() }>;

/// The handle a listener counts through; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    open: Arc<AtomicI64>,
    refused: Arc<Refusals>,
    not_accepted: Arc<AtomicU64>,
}

impl ListenerMetrics {
    /// A client was turned away below where requests are counted.
    pub(crate) fn refused(&self, reason: Refusal) {
        self.refused.inc(reason.index());
    }

    /// A connection could not be accepted, for want of descriptors or the like.
    pub(crate) fn not_accepted(&self) {
        self.not_accepted.fetch_add(1, Relaxed);
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
    refused: Series<Arc<str>, Refusals>,
    not_accepted: Series<Arc<str>, AtomicU64>,
}

impl Listeners {
    pub(super) fn handle(&self, listener: &str) -> ListenerMetrics {
        ListenerMetrics {
            open: self.open.cell(listener.into()),
            refused: self.refused.cell(listener.into()),
            not_accepted: self.not_accepted.cell(listener.into()),
        }
    }

    pub(super) fn retain(&self, live: impl Fn(&str) -> bool) {
        let open = self.open.all();
        let is_open = |name: &str| open.iter().any(|(known, open)| &**known == name && open.load(Relaxed) > 0);
        let stays = |name: &Arc<str>| live(name) || is_open(name);
        self.open.retain(stays);
        self.refused.retain(stays);
        self.not_accepted.retain(stays);
    }

    /// Connections open.
    pub(super) fn open(&self) -> i64 {
        self.open.all().iter().map(|(_, open)| open.load(Relaxed)).sum()
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor("connections", "Connections open", None, MetricType::Gauge)?;
        for (listener, open) in self.open.all() {
            family.encode_family(&[("listener", &*listener)])?.encode_gauge(&open.load(Relaxed))?;
        }
        let help = "Clients turned away before there was a request";
        let mut family = encoder.encode_descriptor("refused", help, None, MetricType::Counter)?;
        for (listener, refused) in self.refused.all() {
            for (index, count) in refused.counted() {
                let labels = [("listener", &*listener), ("reason", Refusal::NAMES[index])];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "Attempts to accept a connection that failed";
        let mut family = encoder.encode_descriptor("accept_failures", help, None, MetricType::Counter)?;
        for (listener, count) in self.not_accepted.all() {
            let labels = [("listener", &*listener)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count.load(Relaxed), None)?;
        }
        Ok(())
    }
}
