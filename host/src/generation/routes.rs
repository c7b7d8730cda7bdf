//! The routes of a generation: each with the whole chain its requests pass, and what answers them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Route;
use super::backend::{Backend, Slots, backend};
use super::build::add;
use super::steps::Steps;
use super::uses::User;
use crate::chain::{Chain, Step};
use crate::config::{self, Api, Blank, Config, ConfigFault, Place};
use crate::observe::{Catalog, Operation};
use crate::route::{Conflict, Match, Router};
use crate::telemetry::metrics::Metrics;

/// Time for the gateway's own chain, on requests for a route that cannot be served.
const BLANK_TIMEOUT: Duration = Duration::from_secs(60);

type Faults = Vec<ConfigFault>;

/// What routes are made of besides their chains.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) slots: &'a Slots,
    pub(super) metrics: &'a Metrics,
    pub(super) catalog: &'a Catalog,
}

/// Of whom a route is, for those who ask which two match the same.
struct Owner<'a> {
    /// None where it cannot be served.
    place: Option<(&'a Place, &'a Arc<str>)>,
    route: &'a str,
    api: &'a str,
}

/// None where faults say why. Ties are found among all routes, also those that lack something else.
pub(super) fn router(
    config: &Config,
    steps: &mut Steps<'_>,
    parts: Parts<'_>,
    apis: &mut BTreeMap<Arc<str>, Faults>,
) -> Option<Router<Arc<Route>>> {
    let own = steps.all(User::Gateway, &config.chain);
    let mut routes: Vec<_> = config.blanks.iter().map(|blank| parts.blank(blank, own.clone())).collect();
    let blanks = config.blanks.iter().map(|blank| Owner { place: None, route: &blank.route, api: &blank.api });
    let mut owners: Vec<_> = blanks.collect();
    for api in &config.apis {
        let outer = steps.all(User::Outer(api), config.outer(api));
        let middle = steps.all(User::Api(api), &api.chain);
        for route in &api.routes {
            let inner = steps.all(User::Api(api), &route.chain);
            let chain = outer.iter().chain(&middle).chain(&inner).cloned().collect();
            let backend = backend(api, route, steps, parts.slots, parts.metrics);
            let built = backend.map(|backend| Arc::new(parts.route(api, route, Chain::new(chain), backend)));
            routes.push((route.matching.within(&api.hosts), built));
            owners.push(Owner { place: Some((&route.place, &api.folder)), route: &route.name, api: &api.name });
        }
        add(apis, &api.folder, std::mem::take(&mut steps.faults));
    }
    let yielding = config.blanks.iter().filter(|blank| !blank.is_owned).count();
    match Router::with_yielding(yielding, routes) {
        Ok(router) => router.complete(),
        Err(conflicts) => {
            for (folder, fault) in conflicts.into_iter().filter_map(|conflict| tie(&owners, conflict)) {
                add(apis, folder, vec![fault]);
            }
            None
        }
    }
}

/// What is wrong with the second of two routes that match the same, and the folder of its API.
fn tie<'a>(owners: &[Owner<'a>], conflict: Conflict) -> Option<(&'a Arc<str>, ConfigFault)> {
    let Owner { place, route, .. } = owners.get(conflict.second)?;
    let Owner { route: other, api, .. } = owners.get(conflict.first)?;
    let (place, folder) = (*place)?;
    let reason =
        format!("`{route}` matches the same requests as `{other}` of API `{api}`, and neither is more specific");
    let advice = "change the path, scheme, methods, hosts, headers or query of one, or remove it";
    Some((folder, place.fault(reason, advice)))
}

impl Parts<'_> {
    fn route(&self, api: &Api, route: &config::Route, chain: Chain, backend: Backend) -> Route {
        let operation = Operation {
            api: api.name.as_str().into(),
            version: api.version.as_str().into(),
            name: route.name.as_str().into(),
            pattern: route.matching.path.as_str().into(),
        };
        Route {
            chain,
            backend,
            rewrite: route.rewrite.clone(),
            timeout: route.timeout,
            upgrades: route.upgrades.clone(),
            ..self.bare(operation)
        }
    }

    /// A route that is matched and answers 503. Its requests pass the gateway's own chain, as those that match no route
    /// do.
    fn blank(&self, blank: &Blank, chain: Vec<Arc<Step>>) -> (Match, Option<Arc<Route>>) {
        let operation = Operation {
            api: blank.api.as_str().into(),
            version: "".into(),
            name: blank.route.as_str().into(),
            pattern: blank.matching.path.as_str().into(),
        };
        (blank.matching.clone(), Some(Arc::new(Route { chain: Chain::new(chain), ..self.bare(operation) })))
    }

    /// One that answers 503 and calls nobody.
    fn bare(&self, operation: Operation) -> Route {
        let Operation { api, version, name, pattern } = operation.clone();
        Route {
            metrics: self.metrics.route(&api, &name),
            operation: self.catalog.operation(operation),
            api,
            version,
            name,
            pattern,
            chain: Chain::new(Vec::new()),
            backend: Backend::Unavailable,
            rewrite: None,
            timeout: BLANK_TIMEOUT,
            upgrades: Vec::new(),
        }
    }
}
