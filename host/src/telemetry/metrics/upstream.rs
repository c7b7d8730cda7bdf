//! Numbers of upstreams: what was tried again or refused, and which targets are left out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{Counts, Label};
use super::series::Series;

/// Why a request was sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retried {
    /// The target could not be connected to.
    Connect,
    /// The connection ended before an answer.
    Closed,
    /// No answer came in the time of one try.
    Timeout,
    /// The answer was a status that is tried again.
    Status,
}

impl Label for Retried {
    const NAMES: &'static [&'static str] = &["connect", "closed", "timeout", "status"];

    fn index(self) -> usize {
        self as usize
    }
}

/// The handle of an upstream.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamMetrics {
    cells: Arc<Cells>,
}

impl UpstreamMetrics {
    pub(crate) fn retried(&self, reason: Retried) {
        self.cells.retries.inc(reason.index());
    }

    /// A request was not sent once more, since too many were.
    pub(crate) fn retry_denied(&self) {
        self.cells.denied.fetch_add(1, Relaxed);
    }

    /// A request was refused, since there were too many at once.
    pub(crate) fn refused(&self) {
        self.cells.refused.fetch_add(1, Relaxed);
    }
}

#[derive(Debug, Default)]
struct Cells {
    retries: Counts<{ Retried::NAMES.len() }>,
    denied: AtomicU64,
    refused: AtomicU64,
}

/// The handle of one target of an upstream.
#[derive(Debug, Clone)]
pub(crate) struct TargetMetrics {
    cells: Arc<TargetCells>,
}

impl TargetMetrics {
    /// It is left out, after failures or by its health checks.
    pub(crate) fn down(&self) {
        self.cells.downs.fetch_add(1, Relaxed);
        self.cells.is_down.store(true, Relaxed);
    }

    pub(crate) fn up(&self) {
        self.cells.is_down.store(false, Relaxed);
    }
}

#[derive(Debug, Default)]
struct TargetCells {
    is_down: AtomicBool,
    downs: AtomicU64,
}

/// All upstreams by name, and their targets.
#[derive(Debug, Default)]
pub(super) struct Upstreams {
    upstreams: Series<Arc<str>, Cells>,
    targets: Series<(Arc<str>, Arc<str>), TargetCells>,
}

impl Upstreams {
    pub(super) fn handle(&self, upstream: &str) -> UpstreamMetrics {
        UpstreamMetrics { cells: self.upstreams.cell(upstream.into()) }
    }

    pub(super) fn target(&self, upstream: &str, target: &str) -> TargetMetrics {
        TargetMetrics { cells: self.targets.cell((upstream.into(), target.into())) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str, Option<&str>) -> bool) {
        self.upstreams.retain(|upstream| live(upstream, None));
        self.targets.retain(|(upstream, target)| live(upstream, Some(target)));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let upstreams = self.upstreams.all();
        let help = "Requests sent once more";
        let mut retries = encoder.encode_descriptor("upstream_retries", help, None, MetricType::Counter)?;
        for (upstream, cells) in &upstreams {
            for (reason, count) in cells.retries.counted() {
                let labels = [("upstream", &**upstream), ("reason", Retried::NAMES[reason])];
                retries.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        type Pick = fn(&Cells) -> &AtomicU64;
        let counters: [(&str, &str, Pick); 2] = [
            ("upstream_retries_denied", "Requests not sent once more, since too many were", |cells| &cells.denied),
            ("upstream_refused", "Requests refused, since there were too many at once", |cells| &cells.refused),
        ];
        for (name, help, pick) in counters {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (upstream, cells) in &upstreams {
                let count = pick(cells).load(Relaxed);
                let labels = [("upstream", &**upstream)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let targets = self.targets.all();
        let help = "Whether a target is asked: 0 where it is left out";
        let mut up = encoder.encode_descriptor("upstream_target_up", help, None, MetricType::Gauge)?;
        for ((upstream, target), cells) in &targets {
            let value = i64::from(!cells.is_down.load(Relaxed));
            up.encode_family(&[("upstream", &**upstream), ("target", target)])?.encode_gauge(&value)?;
        }
        let help = "Times a target was left out";
        let mut downs = encoder.encode_descriptor("upstream_target_downs", help, None, MetricType::Counter)?;
        for ((upstream, target), cells) in &targets {
            let labels = [("upstream", &**upstream), ("target", target)];
            let count = cells.downs.load(Relaxed);
            downs.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}
