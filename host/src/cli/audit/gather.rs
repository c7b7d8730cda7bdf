//! Owns what an audit looks at: the generation a folder makes, and what the folder says of its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::HeaderValue;
use serde_json::Value;

use super::listeners::listeners;
use super::peers::{self, millis};
use super::report::{
    Access, Bodies, Body, Breaker, Changes, Condition, Content, From, Import, Isolation, Limiter, Limits, Link, Mode,
    OnError, Others, RECORDS, Reads, Rollout, Route, Sharing, Skip, Store, Unused, Use, Wanted,
};
use crate::builtin;
use crate::chain::Chain;
use crate::config::{self, Config, Grant, Pattern, PolicySource, sounds_secret};
use crate::content::Digest;
use crate::generation::{self, Backend, Generation};
use crate::observe::Observer;
use crate::route::{self, HeaderCondition, QueryCondition};
use crate::sandbox::{BodyInterest, Image, InspectError, Inspection, Interest, Policy, WASMTIME_VERSION};
use crate::table::Table;

/// Everything there is to say of what was built.
pub(super) fn content(config: &Config, generation: &Generation) -> anyhow::Result<Content> {
    let ids = ids(generation);
    let bodies = responder_bodies(generation);
    let used = |(slot, ((policy, _), id)): (usize, (&(Arc<Policy>, _), &String))| {
        used(id, policy, bodies.get(&slot).copied(), config)
    };
    let uses = generation.policies().zip(&ids).enumerate().map(used);
    let uses = uses.collect::<anyhow::Result<Vec<_>>>()?;
    let routes = routes(generation, &ids);
    Ok(Content {
        lockgate: env!("CARGO_PKG_VERSION").to_owned(),
        wasmtime: WASMTIME_VERSION.to_owned(),
        signatures_required: config.trust.is_some(),
        trusted_keys: config.trust.iter().flat_map(config::Trust::ids).map(|id| id.to_string()).collect(),
        services: peers::services(config, &uses),
        keys: peers::keys(config),
        listeners: listeners(config),
        upstreams: peers::upstreams(config),
        unused: unused(config, &uses),
        skips: skips(&routes),
        routes,
        uses,
    })
}

/// What each use is called, in order of slots: as its policy, unless that has several.
fn ids(generation: &Generation) -> Vec<String> {
    let (mut of_policy, mut of_api, mut seen) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (policy, _) in generation.policies() {
        *of_policy.entry(policy.name()).or_insert(0_usize) += 1;
        *of_api.entry((policy.name(), policy.api())).or_insert(0_usize) += 1;
    }
    let name = |policy: &Arc<Policy>, nth: usize| {
        let (name, api) = (policy.name(), if policy.api().is_empty() { "gateway" } else { policy.api() });
        match (of_policy.get(name), of_api.get(&(name, policy.api()))) {
            (Some(1), _) => name.to_string(),
            (_, Some(1)) => format!("{name}@{api}"),
            _ => format!("{name}@{api}#{nth}"),
        }
    };
    let mut all = Vec::new();
    for (policy, _) in generation.policies() {
        let nth = seen.entry((policy.name(), policy.api())).or_insert(0_usize);
        *nth += 1;
        all.push(name(policy, *nth));
    }
    all
}

/// What each responder is given of bodies, by slot: it follows from the use, so that all its routes say the same.
fn responder_bodies(generation: &Generation) -> BTreeMap<usize, u64> {
    let responders = generation.routes().filter_map(|row| match &row.value.backend {
        Backend::Responder(responder) => Some((responder.slot, responder.max_body)),
        _ => None,
    });
    responders.collect()
}

/// The route table, and at its end what no route is for.
fn routes(generation: &Generation, ids: &[String]) -> Vec<Route> {
    let table = Table::of(generation);
    let id = |slot: usize| ids.get(slot).cloned().unwrap_or_default();
    let matched = generation.routes().zip(table.rows()).map(|(row, shown)| Route {
        api: shown.api.clone(),
        route: shown.route.clone(),
        host: shown.host.clone(),
        methods: shown.methods.clone(),
        path: shown.path.clone(),
        scheme: shown.scheme.clone(),
        headers: row.matching.headers.iter().map(header).collect(),
        query: row.matching.query.iter().map(parameter).collect(),
        to: shown.backend.clone(),
        upstreams: upstreams(row.value, generation),
        upgrades: row.value.upgrades.iter().map(ToString::to_string).collect(),
        chain: links(&row.value.chain, id),
        responder: match &row.value.backend {
            Backend::Responder(responder) => Some(id(responder.slot)),
            _ => None,
        },
    });
    let any = || "*".to_owned();
    let unmatched = Route {
        api: String::new(),
        route: String::new(),
        host: any(),
        methods: any(),
        path: any(),
        scheme: None,
        headers: Vec::new(),
        query: Vec::new(),
        to: "respond 404".to_owned(),
        upstreams: Vec::new(),
        upgrades: Vec::new(),
        chain: links(&generation.unmatched, id),
        responder: None,
    };
    let looked_at = (!generation.observers.is_empty()).then(|| records(generation, ids));
    matched.chain([unmatched]).chain(looked_at).collect()
}

/// The way of records of requests.
fn records(generation: &Generation, ids: &[String]) -> Route {
    let id = |observer: &Observer| {
        let slot = generation.policies().position(|(policy, _)| Arc::ptr_eq(policy, observer.policy()));
        slot.and_then(|slot| ids.get(slot)).cloned().unwrap_or_default()
    };
    let link = |observer: &Observer| Link { id: id(observer), on_error: on_error(observer.skips()) };
    Route {
        api: String::new(),
        route: RECORDS.to_owned(),
        host: "*".to_owned(),
        methods: "*".to_owned(),
        path: "when they are over".to_owned(),
        scheme: None,
        headers: Vec::new(),
        query: Vec::new(),
        to: "the account of requests".to_owned(),
        upstreams: Vec::new(),
        upgrades: Vec::new(),
        chain: generation.observers.iter().map(link).collect(),
        responder: None,
    }
}

fn on_error(skips: bool) -> OnError {
    if skips { OnError::Skip } else { OnError::Reject }
}

fn links(chain: &Chain, id: impl Fn(usize) -> String) -> Vec<Link> {
    chain.steps().iter().map(|step| Link { id: id(step.slot), on_error: on_error(step.skips()) }).collect()
}

/// A route has a row for each of its hosts, and is skipped on once.
fn skips(routes: &[Route]) -> Vec<Skip> {
    let mut seen = BTreeSet::new();
    let once = routes.iter().filter(|route| seen.insert(route.name()));
    let skipped = |route: &Route, (position, link): (usize, &Link)| Skip {
        api: route.api.clone(),
        route: route.route.clone(),
        position,
        id: link.id.clone(),
    };
    let is_skip = |(_, link): &(usize, &Link)| link.on_error == OnError::Skip;
    once.flat_map(|route| (1..).zip(&route.chain).filter(is_skip).map(|link| skipped(route, link))).collect()
}

/// Names of the upstreams a route leads to.
fn upstreams(route: &generation::Route, generation: &Generation) -> Vec<String> {
    match &route.backend {
        Backend::Upstream(slot) => generation.upstream(*slot).map(|it| it.settings.name.clone()).into_iter().collect(),
        Backend::Split(split) => split.arms().map(|(name, _)| format!("{}/{name}", route.api)).collect(),
        Backend::Responder(_) | Backend::Redirect(_) | Backend::Respond(_) | Backend::Unavailable => Vec::new(),
    }
}

fn header(condition: &HeaderCondition) -> Condition {
    condition_on(condition.name.as_str(), &condition.wanted, HeaderValue::as_bytes)
}

fn parameter(condition: &QueryCondition) -> Condition {
    condition_on(&condition.name, &condition.wanted, |value| value.as_bytes())
}

fn condition_on<V>(name: &str, wanted: &route::Wanted<V>, bytes: impl Fn(&V) -> &[u8]) -> Condition {
    // What no wildcard covers is what clients are let in by; `host` is no secret.
    let is_credential = sounds_secret(name) || (name != "host" && !Pattern::All.covers(name));
    let value = match wanted {
        route::Wanted::Present => Wanted::Any,
        route::Wanted::Exactly(value) if is_credential => Wanted::Hidden(Digest::of(bytes(value)).to_string()),
        route::Wanted::Exactly(value) => Wanted::Exactly(String::from_utf8_lossy(bytes(value)).into_owned()),
    };
    Condition { name: name.to_owned(), value }
}

fn used(id: &str, policy: &Policy, responder_body: Option<u64>, config: &Config) -> anyhow::Result<Use> {
    let declared = config.policies.get(&**policy.name());
    let declared = declared.ok_or_else(|| anyhow::anyhow!("the policy {} is not declared", policy.name()))?;
    let (interest, hooks) = (policy.interest(), policy.hooks());
    let names = [
        ("request", hooks.request),
        ("response", hooks.response),
        ("body", hooks.body),
        ("responder", hooks.responder),
        ("observer", hooks.observer),
    ];
    Ok(Use {
        id: id.to_owned(),
        policy: policy.name().to_string(),
        api: policy.api().to_owned(),
        source: source(&declared.source),
        digest: policy.digest().to_string(),
        pinned: declared.digest.is_some(),
        config: serde_json::from_slice(policy.config()).unwrap_or(Value::Null),
        hooks: names.iter().filter(|(_, has)| *has).map(|(name, _)| (*name).to_owned()).collect(),
        imports: imports(&declared.source)?,
        grants: declared.grants.iter().map(ToString::to_string).collect(),
        spare: spare(&declared.grants, interest, hooks.responder),
        reads: Reads {
            request: interest.request_read.clone(),
            response: interest.response_read.clone(),
            attributes: interest.attributes_read.clone(),
            records: interest.records_read.clone(),
        },
        changes: Changes {
            request: interest.request_write.clone(),
            response: interest.response_write.clone(),
            attributes: interest.attributes_write.clone(),
            records: interest.records_write.clone(),
            target: interest.may_set_target,
            status: interest.may_set_status,
        },
        responds: interest.may_respond,
        bodies: Bodies {
            request: interest.request_body.as_ref().map(body),
            response: interest.response_body.as_ref().map(body),
        },
        responder_body,
        keys: interest.keys.clone(),
        signs: interest.signs.clone(),
        seals: interest.seals.clone(),
        stores: interest.stores.iter().map(|(name, writes)| store(name, *writes, policy, config)).collect(),
        limiters: interest.limiters.iter().map(|name| limiter(name, policy, config)).collect(),
        identifies: interest.consumers,
        services: interest.egress.clone(),
        isolation: isolation(policy),
        limits: limits(policy),
        breaker: breaker(declared),
        rollout: Some(rollout(declared)),
        accept: declared.accept.iter().map(ToString::to_string).collect(),
    })
}

fn imports(source: &PolicySource) -> Result<Vec<Import>, InspectError> {
    let inspection = Inspection::of(bytes(source))?;
    let import = |import: &crate::sandbox::Import| {
        let name = import.name.strip_prefix("lockgate:policy/").unwrap_or(&import.name);
        let name = name.split_once('@').map_or(name, |(name, _)| name);
        Import { name: name.to_owned(), gives: import.gives.to_owned() }
    };
    // Shapes of data are no power.
    Ok(inspection.imports.iter().map(import).filter(|import| import.name != "types").collect())
}

fn bytes(source: &PolicySource) -> &[u8] {
    match source {
        PolicySource::File { component, .. } => &component.content,
        PolicySource::Builtin(name) => builtin::component(name).map_or(&[], |component| component),
        PolicySource::Missing(_) => &[],
    }
}

fn source(source: &PolicySource) -> String {
    match source {
        PolicySource::File { component, .. } => format!("file:{}", component.path.display()),
        PolicySource::Builtin(name) => format!("builtin:{name}"),
        PolicySource::Missing(_) => "missing".to_owned(),
    }
}

/// The grants without which it would load as well.
fn spare(grants: &[Grant], interest: &Interest, is_responder: bool) -> Vec<String> {
    let needed = interest.missing(&[]);
    let of_use = |grant: &Grant| match grant {
        Grant::Responder => is_responder,
        // What this alone covers of all that is needed.
        grant => interest.missing(std::slice::from_ref(grant)).len() < needed.len(),
    };
    grants.iter().filter(|grant| !of_use(grant)).map(ToString::to_string).collect()
}

fn body(body: &BodyInterest) -> Body {
    Body {
        access: if body.edit { Access::Edit } else { Access::Inspect },
        mode: if body.buffered { Mode::Whole } else { Mode::Pieces },
        max_bytes: body.max_bytes,
        content_types: body.content_types.clone(),
        others: if body.refuse_others { Others::Refuse } else { Others::Pass },
    }
}

fn store(name: &str, writes: bool, policy: &Policy, config: &Config) -> Store {
    let shared = config.stores.get(name).and_then(|store| store.namespace.clone());
    let own = || format!("{}/{}/{name}", policy.api(), policy.name());
    Store { name: name.to_owned(), writes, shared: shared.is_some(), namespace: shared.unwrap_or_else(own) }
}

fn limiter(name: &str, policy: &Policy, config: &Config) -> Limiter {
    let declared = config.limiters.get(name);
    let shared = declared.and_then(|limiter| limiter.namespace.clone());
    let own = || format!("{}/{}/{name}", policy.api(), policy.name());
    let at = declared.and_then(|limiter| limiter.shared.as_ref()).map(|shared| shared.address.to_string());
    Limiter { name: name.to_owned(), shared: shared.is_some(), namespace: shared.unwrap_or_else(own), at }
}

fn isolation(policy: &Policy) -> Isolation {
    let is_pooled = policy.isolation() == config::Isolation::Pooled;
    let mode = if is_pooled && !policy.waits() { Sharing::Pooled } else { Sharing::Request };
    let waiting = (is_pooled && policy.waits())
        .then(|| "pooled, but calls that may wait for a service have an instance each".to_owned());
    let (from, because) = match policy.image() {
        Image::Taken(_) => (From::Image, waiting),
        Image::Impossible(reason) => (From::Component, Some(reason.clone())),
        Image::NotWanted => (From::Component, waiting),
    };
    Isolation { mode, from, because }
}

fn limits(policy: &Policy) -> Limits {
    let limits = policy.limits();
    Limits {
        cpu_ms: millis(limits.cpu),
        wall_ms: millis(limits.wall),
        memory: limits.memory as u64,
        table_elements: limits.table_elements as u64,
        host_calls: limits.host_calls.into(),
        host_memory: limits.host_memory as u64,
        log: limits.log as u64,
        calls: limits.calls.into(),
    }
}

fn breaker(declared: &config::Policy) -> Breaker {
    let config::Breaker { failures, pause, max_pause } = declared.breaker;
    Breaker { failures, pause_ms: millis(pause), max_pause_ms: millis(max_pause) }
}

fn rollout(declared: &config::Policy) -> Rollout {
    Rollout { shadow_ms: declared.rollout.shadow.map(millis), probation_ms: millis(declared.rollout.probation) }
}

fn unused(config: &Config, uses: &[Use]) -> Vec<Unused> {
    let is_used = |name: &str| uses.iter().any(|used| used.policy == name);
    let unused = config.policies.iter().filter(|(name, _)| !is_used(name));
    let unused = unused.map(|(name, declared)| Unused {
        policy: name.clone(),
        source: source(&declared.source),
        digest: Digest::of(bytes(&declared.source)).to_string(),
        grants: declared.grants.iter().map(ToString::to_string).collect(),
    });
    unused.collect()
}
