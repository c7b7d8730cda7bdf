//! Limiters of a generation: what they counted stays as long as they are used.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::material::secret;
use super::tls::Maker;
use crate::config::{Config, ConfigFault, RedisAddress};
use crate::limiter::{Settings, Shared, Table};
use crate::telemetry::metrics::Metrics;

/// What this process counts, by namespace.
#[derive(Debug, Default)]
pub(super) struct Tables {
    tables: Mutex<HashMap<String, Arc<Table>>>,
}

impl Tables {
    /// The table of a namespace, made with room for so many keys if new. One that is there keeps its room until
    /// [`Self::settle`].
    pub(super) fn table(&self, namespace: &str, most: u32) -> Arc<Table> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.entry(namespace.to_owned()).or_insert_with(|| Arc::new(Table::new(most as usize))).clone()
    }

    /// From now on these are used, with so much room each. The others go, with what they counted, once nobody holds
    /// them.
    pub(super) fn settle(&self, used: &HashMap<String, u32>) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).retain(|namespace, table| {
            let most = used.get(namespace);
            most.inspect(|most| table.set_most(**most as usize)).is_some()
        });
    }
}

/// Stores that several gateways share, by name of `[limiter.NAME]`; those that are missing are told of in `faults`.
pub(super) fn load(
    config: &Config,
    tls: &mut Maker<'_>,
    before: &BTreeMap<String, Arc<Shared>>,
    metrics: &Metrics,
    faults: &mut Vec<ConfigFault>,
) -> BTreeMap<String, Arc<Shared>> {
    let mut stores = BTreeMap::new();
    for (name, declared) in &config.limiters {
        let Some(shared) = &declared.shared else { continue };
        let client = match shared.address {
            RedisAddress::Tcp { tls: true, .. } => {
                match tls.client(shared.tls.as_deref(), (true, false), faults, &declared.place) {
                    None => continue,
                    client => client,
                }
            }
            RedisAddress::Tcp { tls: false, .. } | RedisAddress::Unix(_) => None,
        };
        let password = match shared.password.as_deref().map(|name| secret(config, name)).transpose() {
            Ok(password) => password,
            Err((reason, advice)) => {
                faults.push(declared.place.fault(reason, advice));
                continue;
            }
        };
        let settings = Settings {
            name: name.clone(),
            address: shared.address.clone(),
            user: shared.user.clone(),
            password,
            tls: client,
            timeout: shared.timeout,
        };
        let known = before.get(name).filter(|known| known.is_of(&settings)).cloned();
        let store = known.unwrap_or_else(|| Arc::new(Shared::new(settings, metrics.limiter(name))));
        stores.insert(name.clone(), store);
    }
    stores
}
