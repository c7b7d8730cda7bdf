//! A policy that looks at records before they are kept: what it is told of them, what it may write, and having it look.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::column::{Batch, Column, Written};
use crate::sandbox::{Behalf, Failure, OnRecords, PluginFault, Policy, Pool};
use crate::telemetry::metrics::PolicyMetrics;

/// An observer at its position.
pub(crate) struct Observer {
    policy: Arc<Policy>,
    metrics: PolicyMetrics,
    /// Whether records stay as they were where it fails.
    skips: bool,
    reads: Box<[Column]>,
    writes: Box<[Column]>,
}

/// Why a policy cannot be one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoObserver {
    #[error("it does not export the observer interface")]
    NoHook,
    #[error("its interest names the column `{0}`, and records have none of that name")]
    Unknown(String),
    #[error("its interest wants to write the column `{0}`, which is not for policies to write")]
    ReadOnly(String),
}

impl Observer {
    pub(crate) fn new(policy: Arc<Policy>, metrics: PolicyMetrics, skips: bool) -> Result<Self, NoObserver> {
        if !policy.hooks().observer {
            return Err(NoObserver::NoHook);
        }
        let named = |name: &String| Column::named(name).ok_or_else(|| NoObserver::Unknown(name.clone()));
        let writable =
            |column: Column| Some(column).filter(|it| it.is_writable()).ok_or_else(|| column.name().to_owned());
        let interest = policy.interest();
        let reads = interest.records_read.iter().map(named).collect::<Result<_, _>>()?;
        let writes = interest.records_write.iter().map(|name| writable(named(name)?).map_err(NoObserver::ReadOnly));
        let writes = writes.collect::<Result<_, _>>()?;
        Ok(Self { policy, metrics, skips, reads, writes })
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Whether records stay as they were where it fails.
    pub(crate) fn skips(&self) -> bool {
        self.skips
    }
}

/// Those who look at records, as a generation has them.
#[derive(Clone)]
pub(crate) struct Looking {
    /// Its number.
    pub(crate) generation: u64,
    pub(crate) observers: Arc<[Observer]>,
}

impl Default for Looking {
    fn default() -> Self {
        Self { generation: 0, observers: Arc::from([]) }
    }
}

/// All observers there are now, with instances of their own.
pub(super) struct Observers {
    newest: watch::Receiver<Looking>,
    current: Arc<[Observer]>,
    /// What there is of each.
    asked: Vec<Asked>,
}

/// The instances of one observer, and how it fares.
struct Asked {
    pool: Pool,
    /// By what it failed in this read of records.
    failed: Option<&'static str>,
    /// By what it was said to fail last, so that the log has it once.
    told: Option<&'static str>,
}

impl Asked {
    fn new(pool: Pool) -> Self {
        Self { pool, failed: None, told: None }
    }
}

impl Observers {
    pub(super) fn new(newest: watch::Receiver<Looking>) -> Self {
        Self { newest, current: Arc::from([]), asked: Vec::new() }
    }

    /// Have them all look, one after the other, until `deadline`: who is not done by then has failed.
    pub(super) async fn look(&mut self, batch: &mut Batch, deadline: Instant) {
        // Nothing is kept of a request that its own generation would not keep.
        let generation = batch.records().iter().map(|record| record.generation).max().unwrap_or_default();
        let _ = timeout_at(deadline, self.newest.wait_for(|newest| newest.generation >= generation)).await;
        self.follow();
        for (observer, asked) in self.current.iter().zip(&mut self.asked) {
            if let Err(class) = observer.look(&asked.pool, batch, deadline).await {
                asked.failed = Some(class);
                if !observer.skips {
                    observer.writes.iter().for_each(|column| column.clear(batch));
                }
            }
        }
    }

    /// All that was read has been looked at.
    pub(super) fn rest(&mut self) {
        for (observer, asked) in self.current.iter().zip(&mut self.asked) {
            let failed = asked.failed.take();
            if failed.is_some() && asked.told != failed {
                let policy = &**observer.policy.name();
                let kept = if observer.skips { "as they were" } else { "without what it writes" };
                tracing::warn!(policy, class = failed, "an observer failed: records are kept {kept}");
            }
            asked.told = failed;
        }
    }

    /// Take over what a new generation has, and the instances of what is the same.
    fn follow(&mut self) {
        let newest = self.newest.borrow_and_update().observers.clone();
        if Arc::ptr_eq(&newest, &self.current) {
            return;
        }
        let mut known = std::mem::take(&mut self.asked);
        let asked = |observer: &Observer| {
            let same = known.iter().position(|asked| Arc::ptr_eq(asked.pool.policy(), &observer.policy));
            let new = || Asked::new(Pool::new(observer.policy.clone(), observer.metrics.clone()));
            same.map_or_else(new, |same| known.swap_remove(same))
        };
        self.asked = newest.iter().map(asked).collect();
        self.current = newest;
    }
}

impl Observer {
    /// Have it look at some records; the class of what went wrong.
    async fn look(&self, pool: &Pool, batch: &mut Batch, deadline: Instant) -> Result<(), &'static str> {
        // What only computes would not notice.
        if Instant::now() >= deadline {
            return Err("plugin_wall");
        }
        let count = batch.records().len();
        let hook =
            OnRecords { count: count as u32, columns: self.reads.iter().map(|column| column.told(batch)).collect() };
        let judge = |said: Result<Vec<_>, Failure>| match said {
            Ok(columns) => {
                let written = columns.into_iter().map(|column| Written::new(column, count, &self.writes));
                written.collect::<Result<Vec<_>, _>>().map(Ok).map_err(PluginFault::Answer)
            }
            Err(failure) => Ok(Err(failure)),
        };
        let looked = timeout_at(deadline, pool.ask(Behalf::default(), deadline, &hook, judge)).await;
        // There is no exchange whose end would give it back.
        drop(pool.take_holds());
        match looked {
            Ok(Ok(Ok(written))) => {
                written.iter().for_each(|written| written.apply(batch));
                Ok(())
            }
            Ok(Ok(Err(_))) => Err("policy_failed"),
            Ok(Err(fault)) => {
                tracing::debug!(policy = &**self.policy.name(), %fault, "an observer broke");
                Err(fault.class())
            }
            Err(_) => Err("plugin_wall"),
        }
    }
}
