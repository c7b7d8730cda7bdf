//! The account of requests, where one is kept: workers tell of them, a thread keeps it, and others hear of each.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::alerts::Alerts;
use crate::config::{Analytics, Config};
use crate::generation::Generation;
use crate::observe::{Attributes, Catalog, Keeper, KeeperGuard, Looking, Meters, Teller, Watch};
use crate::telemetry::metrics::Metrics;

/// What stands ready before it is kept.
pub(super) struct Account {
    keeper: Keeper,
    newest: watch::Sender<Looking>,
    tellers: Vec<Teller>,
    watch: Watch,
}

impl Account {
    /// Where one is to be kept, in the state directory `state`: told by so many workers. Alerts hear of what is in it.
    pub(super) fn of(
        config: &Config,
        state: Option<&Path>,
        workers: usize,
        catalog: Arc<Catalog>,
        metrics: &Arc<Metrics>,
        alerts: &Arc<Alerts>,
    ) -> Option<Self> {
        let kept = config.analytics.as_ref().zip(state);
        if kept.is_none() && !config.alerts.is_empty() {
            tracing::warn!("no account of requests is kept, so no alert sees any");
        }
        kept.map(|(analytics, state)| Self::new(analytics, state, workers, catalog, metrics, alerts.clone()))
    }

    fn new(
        analytics: &Analytics,
        state: &Path,
        workers: usize,
        catalog: Arc<Catalog>,
        metrics: &Arc<Metrics>,
        alerts: Arc<Alerts>,
    ) -> Self {
        let attributes = Attributes::new(&analytics.consumer, &analytics.application);
        let (newest, looking) = watch::channel(Looking::default());
        let (mut keeper, tellers) = Keeper::new(workers, catalog, &attributes, looking, state, metrics.analytics());
        if analytics.consumer_metrics {
            keeper = keeper.heard_by(Meters::listening(metrics.clone()));
        }
        let watch = Watch::default();
        let watched = watch.clone();
        let keeper = keeper.heard_by(Box::new(move |batch| {
            watched.tell(batch);
            alerts.observe(batch, Instant::now());
        }));
        Self { keeper, newest, tellers, watch }
    }

    /// By which requests can be watched as they end.
    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Keep it from now on, and have it looked at by the observers of the newest generation. Returns what workers tell by, one for each.
    pub(super) fn begin(
        self,
        control: &LocalSet,
        published: watch::Receiver<Arc<Generation>>,
    ) -> anyhow::Result<(KeeperGuard, Vec<Teller>)> {
        self.newest.send_replace(looking(&published.borrow()));
        control.spawn_local(follow_observers(published, self.newest));
        let guard = self.keeper.start().context("no account of requests can be kept")?;
        Ok((guard, self.tellers))
    }
}

/// Have records looked at by those the newest generation names.
async fn follow_observers(mut published: watch::Receiver<Arc<Generation>>, newest: watch::Sender<Looking>) {
    while published.changed().await.is_ok() {
        newest.send_replace(looking(&published.borrow_and_update()));
    }
}

/// Those who look at records of a generation.
fn looking(generation: &Generation) -> Looking {
    Looking { generation: generation.number, observers: generation.observers.clone() }
}
