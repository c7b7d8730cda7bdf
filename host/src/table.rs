//! The route table as people and programs read it: in order of priority, each route with its chain.

use serde_json::{Value, json};

use crate::config::HostUse;
use crate::generation::{Backend, Generation, Route};

/// What requests are matched against, best match first.
pub(crate) struct Table(Vec<Row>);

pub(crate) struct Row {
    pub(crate) host: String,
    pub(crate) methods: String,
    pub(crate) path: String,
    pub(crate) scheme: Option<String>,
    pub(crate) headers: Vec<String>,
    pub(crate) query: Vec<String>,
    pub(crate) api: String,
    pub(crate) version: String,
    pub(crate) route: String,
    pub(crate) chain: Vec<String>,
    pub(crate) backend: String,
}

impl Table {
    pub(crate) fn of(generation: &Generation) -> Self {
        let rows = generation.routes().map(|row| {
            let route = row.value;
            let methods: Vec<_> = row.matching.methods.iter().map(http::Method::as_str).collect();
            let skip = |step: &crate::chain::Step| if step.skips() { " (skip)" } else { "" };
            let chain = route.chain.steps().iter().map(|step| format!("{}{}", step.policy.name(), skip(step)));
            Row {
                host: row.host.map_or_else(|| "*".into(), ToString::to_string),
                methods: if methods.is_empty() { "*".into() } else { methods.join(",") },
                path: route.pattern.to_string(),
                scheme: row.matching.scheme.map(|scheme| scheme.to_string()),
                headers: row.matching.headers.iter().map(|condition| condition.name.to_string()).collect(),
                query: row.matching.query.iter().map(|condition| condition.name.to_string()).collect(),
                api: route.api.to_string(),
                version: route.version.to_string(),
                route: route.name.to_string(),
                chain: chain.collect(),
                backend: leads_to(route, generation).unwrap_or_default(),
            }
        });
        Self(rows.collect())
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.0
    }

    /// Aligned columns, a line for each route.
    pub(crate) fn text(&self) -> String {
        let heads = ["HOST", "METHODS", "PATH", "ROUTE", "CHAIN", "TO"].map(str::to_owned);
        let rows = self.0.iter().map(|row| {
            let path = row.scheme.iter().fold(row.path.clone(), |path, scheme| format!("{path} [{scheme}:]"));
            let path = row.headers.iter().fold(path, |path, name| format!("{path} [{name}]"));
            let path = row.query.iter().fold(path, |path, name| format!("{path} [?{name}]"));
            let route = format!("{}/{}", row.api, row.route);
            let chain = if row.chain.is_empty() { "-".into() } else { row.chain.join(" > ") };
            [row.host.clone(), row.methods.clone(), path, route, chain, row.backend.clone()]
        });
        let lines: Vec<_> = std::iter::once(heads).chain(rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "host": row.host, "methods": row.methods, "path": row.path, "scheme": row.scheme,
                "headers": row.headers, "query": row.query, "api": row.api, "version": row.version, "route": row.route,
                "chain": row.chain, "to": row.backend,
            })
        };
        self.0.iter().map(row).collect()
    }
}

/// What a route leads to, in words.
fn leads_to(route: &Route, generation: &Generation) -> Option<String> {
    let mut text = match &route.backend {
        Backend::Upstream(slot) => generation.upstream(*slot)?.settings.name.clone(),
        Backend::Split(split) => {
            let arms = split.arms().map(|(name, weight)| format!("{}/{name} {weight}", route.api));
            format!("split {}", arms.collect::<Vec<_>>().join(", "))
        }
        Backend::Responder(responder) => format!("responder {}", generation.policy(responder.slot)?.name()),
        Backend::Redirect(redirect) => format!("redirect {} {}", redirect.status.as_str(), redirect.location),
        Backend::Respond(respond) => format!("respond {}", respond.status.as_str()),
        Backend::Unavailable => "unavailable".to_owned(),
    };
    if let Some(rewrite) = &route.rewrite {
        if let Some(path) = &rewrite.path {
            text.push_str(&format!(" as {path}"));
        }
        if rewrite.host != HostUse::Keep {
            text.push_str(&format!(" at host {}", rewrite.host));
        }
    }
    Some(text)
}
