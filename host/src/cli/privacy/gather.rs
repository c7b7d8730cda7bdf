//! Gathers a report: what documents, routes and policies of a folder say.

use std::collections::BTreeMap;

use serde_json::Value;

use super::gaps::{self, Found};
use super::measures::{collectors, kept, listeners, services, upstreams};
use super::report::{Activity, Category, Direction, FORMAT, Field, Guard, Report, Route};
use crate::config::{self, Addition, Api, ApiPrivacy, ChainEntry, Config, OnError, PolicySource, Privacy};
use crate::openapi::{self, RouteView};

/// The policy that changes what is classified.
const REDACT: &str = "redact";

pub(super) fn report(config: &Config) -> Report {
    let Privacy { controller, contact, officer, representative } = config.privacy.clone();
    let activities: Vec<_> = config.apis.iter().map(|api| activity(api, config)).collect();
    let Found { gaps, passes } = gaps::find(config);
    Report {
        format: FORMAT,
        lockgate: env!("CARGO_PKG_VERSION"),
        controller,
        contact,
        officer,
        representative,
        gaps,
        passes,
        activities,
        listeners: listeners(config),
        collectors: collectors(config),
        kept: kept(config),
    }
}

fn activity(api: &Api, config: &Config) -> Activity {
    let ApiPrivacy { purposes, legal_basis, subjects, recipients, transfers, retention } = api.privacy.clone();
    let views = api.views();
    let routes: Vec<_> = api.routes.iter().map(|route| self::route(api, route, &views, config)).collect();
    let mut policies = Vec::new();
    for guard in api.routes.iter().flat_map(|route| guards(api, route, config)) {
        if !policies.contains(&guard) {
            policies.push(guard);
        }
    }
    let documents = api.openapi.iter().flat_map(|document| document.files());
    Activity {
        api: api.name.clone(),
        version: api.version.clone(),
        folder: api.folder.to_string(),
        documents: documents.map(|path| path.display().to_string()).collect(),
        purposes,
        legal_basis,
        subjects,
        recipients,
        transfers,
        retention,
        categories: categories(&routes),
        upstreams: upstreams(api, config),
        services: services(api, config),
        policies,
        routes,
    }
}

fn route(api: &Api, route: &config::Route, views: &[RouteView<'_>], config: &Config) -> Route {
    let found = api.openapi.as_ref().and_then(|document| document.fields(route.view(), views));
    Route {
        route: route.name.clone(),
        methods: route.matching.methods.iter().map(ToString::to_string).collect(),
        path: route.matching.path.to_string(),
        is_described: found.is_some(),
        chain: guards(api, route, config).into_iter().map(|guard| guard.policy).collect(),
        fields: found.into_iter().flat_map(|found| found.fields).map(field).collect(),
    }
}

pub(super) fn field(field: openapi::Field<'_>) -> Field {
    Field {
        direction: if field.status.is_some() { Direction::Response } else { Direction::Request },
        status: field.status,
        part: field.part.as_str(),
        at: field.at,
        category: field.class.category.to_string(),
        sensitivity: field.class.sensitivity.as_str(),
    }
}

/// The policies requests of a route pass, outermost first.
pub(super) fn guards(api: &Api, route: &config::Route, config: &Config) -> Vec<Guard> {
    let chains = [
        ("gateway".to_owned(), config.outer(api)),
        (api.name.clone(), &api.chain),
        (format!("{}/{}", api.name, route.name), &route.chain),
    ];
    let guards = chains.into_iter().flat_map(|(chain, entries)| {
        entries.iter().map(move |entry| guard(chain.clone(), entry, config)).collect::<Vec<_>>()
    });
    guards.collect()
}

fn guard(chain: String, entry: &ChainEntry, config: &Config) -> Guard {
    let source = config.policies.get(&entry.policy).map(|policy| &policy.source);
    let mut own = entry.config.clone();
    if let Value::Object(members) = &mut own {
        entry.with.iter().for_each(|with| drop(members.remove(with.value.as_str())));
    }
    Guard {
        policy: entry.policy.clone(),
        source: source.map(self::source).unwrap_or_default(),
        chain,
        redacts: matches!(source, Some(PolicySource::Builtin(name)) if name == REDACT),
        by_annotations: entry.with.iter().any(|with| with.value == Addition::Classification),
        is_skipped: entry.on_error == OnError::Skip,
        config: own,
    }
}

fn source(source: &PolicySource) -> String {
    match source {
        PolicySource::Builtin(name) => format!("builtin:{name}"),
        PolicySource::File { component, .. } => format!("file:{}", component.path.display()),
        PolicySource::Missing(_) => "missing".to_owned(),
    }
}

/// What kinds of data there are. The same field of two routes is two.
fn categories(routes: &[Route]) -> Vec<Category> {
    let mut counts = BTreeMap::<(&str, &'static str), usize>::new();
    for field in routes.iter().flat_map(|route| &route.fields) {
        *counts.entry((&field.category, field.sensitivity)).or_default() += 1;
    }
    let counts = counts.into_iter();
    let category = |((category, sensitivity), fields): ((&str, _), _)| Category {
        category: category.to_owned(),
        sensitivity,
        fields,
    };
    counts.map(category).collect()
}
