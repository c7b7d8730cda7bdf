//! Owns what an audit looks at: the generation a folder makes, and what the folder says of its parts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::report::{
    Access, Bodies, Body, Breaker, Changes, Content, From, Import, Isolation, Limits, Link, Mode, OnError, Others,
    Reads, Route, Service, Sharing, Skip, Store, Unused, Use,
};
use crate::builtin;
use crate::chain::Chain;
use crate::config::{self, AuthScheme, Config, Grant, PolicySource, Target};
use crate::generation::{Backend, Generation};
use crate::sandbox::{BodyInterest, Digest, Image, InspectError, Inspection, Interest, Policy, WASMTIME_VERSION};
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
        services: config.egress.iter().map(|(name, declared)| service(name, declared, &uses)).collect(),
        unused: unused(config, &uses),
        skips: routes.iter().flat_map(skips).collect(),
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

/// What each responder is given of bodies, by slot.
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
        headers: shown.headers.clone(),
        query: shown.query.clone(),
        to: shown.backend.clone(),
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
        chain: links(&generation.unmatched, id),
        responder: None,
    };
    matched.chain([unmatched]).collect()
}

fn links(chain: &Chain, id: impl Fn(usize) -> String) -> Vec<Link> {
    let on_error = |skips: bool| if skips { OnError::Skip } else { OnError::Reject };
    chain.steps().iter().map(|step| Link { id: id(step.slot), on_error: on_error(step.skips()) }).collect()
}

fn skips(route: &Route) -> impl Iterator<Item = Skip> {
    let skipped = (1..).zip(&route.chain).filter(|(_, link)| link.on_error == OnError::Skip);
    skipped.map(|(position, link)| Skip {
        api: route.api.clone(),
        route: route.route.clone(),
        position,
        id: link.id.clone(),
    })
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
    ];
    let imports = imports(&declared.source)?;
    let isolation = isolation(policy, imports.iter().any(|import| import.name == "egress"));
    Ok(Use {
        id: id.to_owned(),
        policy: policy.name().to_string(),
        api: policy.api().to_owned(),
        source: source(&declared.source),
        digest: format!("{:?}", policy.digest()),
        pinned: declared.digest.is_some(),
        config: serde_json::from_slice(policy.config()).unwrap_or(Value::Null),
        hooks: names.iter().filter(|(_, has)| *has).map(|(name, _)| (*name).to_owned()).collect(),
        imports,
        grants: declared.grants.iter().map(ToString::to_string).collect(),
        spare: spare(&declared.grants, interest, hooks.responder),
        reads: Reads {
            request: interest.request_read.clone(),
            response: interest.response_read.clone(),
            attributes: interest.attributes_read.clone(),
        },
        changes: Changes {
            request: interest.request_write.clone(),
            response: interest.response_write.clone(),
            attributes: interest.attributes_write.clone(),
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
        stores: interest.stores.iter().map(|(name, writes)| store(name, *writes, policy, config)).collect(),
        services: interest.egress.clone(),
        isolation,
        limits: limits(policy),
        breaker: breaker(declared),
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
        PolicySource::File(file) => &file.bytes,
        PolicySource::Builtin(name) => builtin::component(name).unwrap_or_default(),
    }
}

fn source(source: &PolicySource) -> String {
    match source {
        PolicySource::File(file) => format!("file:{}", file.path.display()),
        PolicySource::Builtin(name) => format!("builtin:{name}"),
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

fn isolation(policy: &Policy, waits: bool) -> Isolation {
    let fresh =
        |from, because: Option<&str>| Isolation { mode: Sharing::Request, from, because: because.map(str::to_owned) };
    // What waits for services shares nothing, whatever is declared.
    let waiting = (waits && policy.isolation() == config::Isolation::Pooled)
        .then_some("pooled, but calls that may wait for a service have an instance each");
    match policy.image() {
        Image::Taken(_) => fresh(From::Image, waiting),
        Image::Impossible(reason) => fresh(From::Component, Some(reason)),
        Image::NotWanted if waits => fresh(From::Component, waiting),
        Image::NotWanted => Isolation { mode: Sharing::Pooled, from: From::Component, because: None },
    }
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

fn service(name: &str, declared: &config::Egress, uses: &[Use]) -> Service {
    let terms = &declared.terms;
    let credential = |credential: &config::Credential| {
        let scheme = match credential.scheme {
            AuthScheme::Whole => "",
            AuthScheme::Bearer => " (Bearer)",
            AuthScheme::Basic => " (Basic)",
        };
        format!("{}{scheme}", credential.field)
    };
    let asks = |used: &&Use| used.services.iter().any(|service| service == name);
    Service {
        name: name.to_owned(),
        url: format!("{}{}", Target::Origin(terms.endpoint.origin.clone()), terms.endpoint.path),
        methods: terms.methods.iter().map(ToString::to_string).collect(),
        paths: terms.paths.iter().map(ToString::to_string).collect(),
        private_ips: terms.private_ips,
        tls: declared.tls.clone(),
        credentials: declared.credentials.iter().map(credential).collect(),
        timeout_ms: millis(terms.timeout),
        max_request: terms.max_request,
        max_response: terms.max_response,
        max_in_flight: terms.max_in_flight,
        asked_by: uses.iter().filter(asks).map(|used| used.id.clone()).collect(),
    }
}

fn unused(config: &Config, uses: &[Use]) -> Vec<Unused> {
    let is_used = |name: &str| uses.iter().any(|used| used.policy == name);
    let unused = config.policies.iter().filter(|(name, _)| !is_used(name));
    let unused = unused.map(|(name, declared)| Unused {
        policy: name.clone(),
        source: source(&declared.source),
        digest: format!("{:?}", Digest::of(bytes(&declared.source))),
        grants: declared.grants.iter().map(ToString::to_string).collect(),
    });
    unused.collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
