//! Numbers of one policy: hook calls by outcome, instances alive, and why instances were retired.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::{CallOutcome, Counts, Hook, Label, Retirement};
use super::series::Series;

const HOOKS: usize = Hook::NAMES.len();
const OUTCOMES: usize = CallOutcome::NAMES.len();
const REASONS: usize = Retirement::NAMES.len();

/// The handle a policy's calls are counted through; cheap to clone, one atomic add per call.
#[derive(Debug, Clone)]
pub(crate) struct PolicyMetrics {
    cells: Arc<Cells>,
}

impl PolicyMetrics {
    pub(crate) fn called(&self, hook: Hook, outcome: CallOutcome) {
        self.cells.calls.inc(hook.index() * OUTCOMES + outcome.index());
    }

    /// An instance was made; it counts as alive until the guard is dropped.
    pub(crate) fn instance(&self) -> InstanceGuard {
        self.cells.instances.fetch_add(1, Relaxed);
        let cells = Arc::clone(&self.cells);
        InstanceGuard { cells }
    }

    /// The policy is left alone for a while, on one worker.
    pub(crate) fn paused(&self) {
        self.cells.pauses.fetch_add(1, Relaxed);
    }

    /// A call was made in the slow lane.
    pub(crate) fn slow_call(&self) {
        self.cells.slow_calls.fetch_add(1, Relaxed);
    }

    /// An instance holds so many bytes of memory.
    pub(crate) fn held(&self, memory: usize) {
        self.cells.memory.fetch_max(memory as u64, Relaxed);
    }

    /// The most bytes of memory an instance has held.
    pub(crate) fn memory(&self) -> u64 {
        self.cells.memory.load(Relaxed)
    }

    pub(crate) fn retired(&self, reason: Retirement) {
        self.cells.retirements.inc(reason.index());
    }
}

/// Counts one instance as alive while it lives.
#[derive(Debug)]
#[must_use = "the instance counts as gone when this is dropped"]
pub(crate) struct InstanceGuard {
    cells: Arc<Cells>,
}

impl Drop for InstanceGuard {
    fn drop(&mut self) {
        self.cells.instances.fetch_sub(1, Relaxed);
    }
}

#[derive(Debug, Default)]
struct Cells {
    calls: Counts<{ HOOKS * OUTCOMES }>,
    instances: AtomicI64,
    retirements: Counts<REASONS>,
    memory: AtomicU64,
    pauses: AtomicU64,
    slow_calls: AtomicU64,
}

/// All policies, by name.
#[derive(Debug, Default)]
pub(super) struct Policies {
    series: Series<Arc<str>, Cells>,
}

impl Policies {
    pub(super) fn handle(&self, policy: &str) -> PolicyMetrics {
        let cells = self.series.cell(policy.into());
        PolicyMetrics { cells }
    }

    pub(super) fn retain(&self, live: impl Fn(&str) -> bool) {
        self.series.retain(|policy| live(policy));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.series.all();
        let mut calls =
            encoder.encode_descriptor("policy_calls", "Hook calls of policies", None, MetricType::Counter)?;
        for (policy, cells) in &all {
            for (index, count) in cells.calls.counted() {
                let labels = [
                    ("policy", &**policy),
                    ("hook", Hook::NAMES[index / OUTCOMES]),
                    ("outcome", CallOutcome::NAMES[index % OUTCOMES]),
                ];
                calls.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let mut instances =
            encoder.encode_descriptor("policy_instances", "Instances of policies alive", None, MetricType::Gauge)?;
        for (policy, cells) in &all {
            instances.encode_family(&[("policy", &**policy)])?.encode_gauge(&cells.instances.load(Relaxed))?;
        }
        let mut memory = encoder.encode_descriptor(
            "policy_instance_memory_bytes",
            "The most memory an instance of the policy has held",
            None,
            MetricType::Gauge,
        )?;
        for (policy, cells) in &all {
            memory.encode_family(&[("policy", &**policy)])?.encode_gauge(&cells.memory.load(Relaxed))?;
        }
        let counters: [(_, _, fn(&Cells) -> &AtomicU64); 2] = [
            ("policy_pauses", "Times a worker left a policy alone because it failed again and again", |cells| {
                &cells.pauses
            }),
            ("policy_slow_calls", "Hook calls made in the slow lane", |cells| &cells.slow_calls),
        ];
        for (name, help, cell) in counters {
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (policy, cells) in &all {
                let count = cell(cells).load(Relaxed);
                counter.encode_family(&[("policy", &**policy)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let mut retirements = encoder.encode_descriptor(
            "instance_retirements",
            "Instances of policies thrown away",
            None,
            MetricType::Counter,
        )?;
        for (policy, cells) in &all {
            for (index, count) in cells.retirements.counted() {
                let labels = [("policy", &**policy), ("reason", Retirement::NAMES[index])];
                retirements.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}
