//! What the control thread keeps in step with the newest generation.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::alerts::Alerts;
use crate::generation::Generation;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::Exporter;
use crate::upstream::Upstream;

/// Keep something going for each of these parts of the newest generation, once for the process and for as long as it
/// has them.
pub(super) async fn follow<T, F: Future<Output = ()> + 'static>(
    mut published: watch::Receiver<Arc<Generation>>,
    parts: impl Fn(&Generation) -> Vec<Arc<T>>,
    keep: impl Fn(Arc<T>) -> F,
) {
    let mut kept: Vec<(Arc<T>, JoinSet<()>)> = Vec::new();
    loop {
        let parts = parts(&published.borrow_and_update());
        kept.retain(|(known, _)| parts.iter().any(|part| Arc::ptr_eq(part, known)));
        for part in parts {
            if kept.iter().all(|(known, _)| !Arc::ptr_eq(known, &part)) {
                let mut task = JoinSet::new();
                task.spawn_local(keep(part.clone()));
                kept.push((part, task));
            }
        }
        if published.changed().await.is_err() {
            return;
        }
    }
}

/// Upstreams whose targets are asked whether they are well.
pub(super) fn asked_for_health(generation: &Generation) -> Vec<Arc<Upstream>> {
    generation.upstreams().filter(|upstream| upstream.settings.health.is_some()).cloned().collect()
}

/// Send traces and metrics where the newest generation says. What was sent elsewhere before ends by itself, with its
/// last generation.
pub(super) async fn follow_otlp(
    mut published: watch::Receiver<Arc<Generation>>,
    metrics: Arc<Metrics>,
    exporters: Rc<RefCell<Vec<Exporter>>>,
) {
    loop {
        let otlp = published.borrow_and_update().otlp.clone();
        let started = otlp.map(|otlp| otlp.start(&metrics)).transpose();
        match started {
            Ok(started) => exporters.borrow_mut().extend(started.flatten()),
            Err(error) => tracing::error!(%error, "nothing can be sent to the collector"),
        }
        exporters.borrow_mut().retain(|exporter| !exporter.is_over());
        if published.changed().await.is_err() {
            return;
        }
    }
}

/// Watch for what the newest generation says.
pub(super) async fn follow_alerts(mut published: watch::Receiver<Arc<Generation>>, alerts: Arc<Alerts>) {
    loop {
        let newest = published.borrow_and_update().alerts().cloned().collect();
        alerts.take_up(newest);
        if published.changed().await.is_err() {
            return;
        }
    }
}
