//! The upstreams of a generation. What did not change keeps its connections and what is known of its targets.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::backend::Slots;
use super::build::add;
use super::tls::Maker;
use crate::config::{Config, ConfigFault};
use crate::telemetry::metrics::Metrics;
use crate::upstream::{Network, Settings, Upstream, UpstreamTls};

type Faults = Vec<ConfigFault>;

/// What loading goes by besides the configuration.
pub(super) struct Made<'a> {
    /// By API and name.
    pub(super) before: &'a HashMap<String, Arc<Upstream>>,
    pub(super) metrics: &'a Metrics,
    pub(super) network: &'a Network,
}

impl Made<'_> {
    /// Upstreams by API and name, and the list of all; those that did not change are the ones of before.
    pub(super) fn load(
        &self,
        config: &Config,
        tls: &mut Maker<'_>,
        apis: &mut BTreeMap<Arc<str>, Faults>,
    ) -> (Slots, Vec<Arc<Upstream>>) {
        let mut slots = Slots::new();
        let mut list = Vec::new();
        let bounds = Arc::new(config.upstreams.clone());
        for api in &config.apis {
            let mut faults = Faults::new();
            for (name, declared) in &api.upstreams {
                let settings = Settings {
                    name: format!("{}/{name}", api.name),
                    targets: declared.targets.clone(),
                    balance: declared.balance.clone(),
                    retry: declared.retry.clone(),
                    eject: declared.eject.clone(),
                    health: declared.health.clone(),
                    limits: declared.limits,
                    bounds: bounds.clone(),
                    dns_ttl: declared.dns_ttl,
                    connect_timeout: declared.timeouts.connect,
                    first_byte_timeout: declared.timeouts.first_byte,
                    idle_timeout: declared.timeouts.idle,
                    max_idle: declared.max_idle as usize,
                    protocol: declared.protocol,
                    tls: declared.tls.as_ref().and_then(|wanted| {
                        let protocols = (declared.protocol.has_http1(), declared.protocol.has_http2());
                        let client = tls.client(wanted.name.as_deref(), protocols, &mut faults, &wanted.place)?;
                        Some(UpstreamTls { client, server_name: wanted.server_name.clone() })
                    }),
                };
                let previous = self.before.get(&settings.name);
                let known = previous.filter(|known| known.settings == settings).cloned();
                slots.insert((api.name.clone(), name.clone()), list.len());
                let previous = previous.map(|previous| &**previous);
                let make = || Upstream::new(settings, self.metrics, previous).reached_by(self.network.clone());
                list.push(known.unwrap_or_else(|| Arc::new(make())));
            }
            add(apis, &api.folder, faults);
        }
        (slots, list)
    }
}
