//! The alerts of a generation. Those that did not change keep what they have counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alerts::Alert;
use crate::config::Config;
use crate::telemetry::metrics::Metrics;

/// By name of `[alert.NAME]`.
pub(super) fn load(
    config: &Config,
    before: &BTreeMap<String, Arc<Alert>>,
    metrics: &Metrics,
) -> BTreeMap<String, Arc<Alert>> {
    let alerts = config.alerts.iter().map(|(name, declared)| {
        let known = before.get(name).filter(|known| known.settings() == declared).cloned();
        let make = || Arc::new(Alert::new(name, declared.clone(), metrics.alert(name)));
        (name.clone(), known.unwrap_or_else(make))
    });
    alerts.collect()
}
