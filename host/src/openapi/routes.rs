//! Which operations of a document a route is for.

use std::collections::BTreeSet;

use super::Document;
use super::carried::{Message, Names, Operation, put};
use super::graph::Graph;

/// What of a route is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteView<'a> {
    pub(crate) name: &'a str,
    /// Empty for any.
    pub(crate) methods: &'a [http::Method],
    /// Its pattern, `/pets/{id}` or `/pets/{*rest}`.
    pub(crate) path: &'a str,
}

impl Document {
    /// The operations of a route: the one that is called as it is; else those of the same path and its methods; else,
    /// where the route takes all paths below one, those below that.
    pub(super) fn operations_of(&self, route: RouteView<'_>) -> Vec<&Operation> {
        let named = |it: &&Operation| it.name.as_deref() == Some(route.name);
        let by_name: Vec<_> = self.operations.iter().filter(named).collect();
        if !by_name.is_empty() {
            return by_name;
        }
        let takes = |it: &&Operation| {
            route.methods.is_empty() || route.methods.iter().any(|method| method.as_str() == &*it.method)
        };
        let is_at = |path: &str, same: &dyn Fn(&str, &str) -> bool| {
            self.bases.iter().any(|base| same(&format!("{base}{path}"), route.path))
        };
        let there = self.operations.iter().filter(takes);
        let by_path: Vec<_> = there.clone().filter(|it| is_at(&it.path, &is_same)).collect();
        if !by_path.is_empty() {
            return by_path;
        }
        there.filter(|it| is_at(&it.path, &is_below)).collect()
    }

    /// All that a route carries, as one operation; none where the document says nothing of the route.
    pub(super) fn carried(&self, route: RouteView<'_>) -> Option<Operation> {
        let operations = self.operations_of(route);
        let statuses: BTreeSet<_> = operations.iter().flat_map(|it| it.responses.keys().cloned()).collect();
        let renamed = operations.into_iter().map(|it| renamed(it, route.path));
        let answering = renamed.map(|mut operation| {
            let answers = statuses.iter().map(|status| (status.clone(), self.answer(&operation, status)));
            operation.responses = answers.collect();
            operation
        });
        answering.reduce(|mut all, more| {
            let Operation { request, query, parameters, cookies, responses, .. } = more;
            merge(&self.graph, &mut all.request, request);
            merge_names(&self.graph, &mut all.query, query);
            merge_names(&self.graph, &mut all.parameters, parameters);
            merge_names(&self.graph, &mut all.cookies, cookies);
            for (status, message) in responses {
                merge(&self.graph, all.responses.entry(status).or_default(), message);
            }
            all
        })
    }

    /// What an operation may answer with a status: what it says of that, else of its class, else of all others. Where it
    /// says nothing that may be whatever it answers.
    fn answer(&self, operation: &Operation, status: &str) -> Message {
        let class = status.get(..1).map(|digit| format!("{digit}XX"));
        let mut names = [Some(status), class.as_deref(), Some("default")].into_iter().flatten();
        let known = names.find_map(|name| operation.responses.get(name)).cloned();
        known.unwrap_or_else(|| {
            operation.responses.values().fold(Message::default(), |mut all, message| {
                merge(&self.graph, &mut all, message.clone());
                all
            })
        })
    }
}

/// Whether two templates are for the same paths: parameters fill whole segments, whatever they are called.
fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || is_parameter(one) && is_parameter(other) => {}
            _ => return false,
        }
    }
}

/// Whether a route for all that is below a path takes those of a template.
fn is_below(path: &str, route: &str) -> bool {
    let Some((above, _)) = route.split_once("/{*") else { return false };
    let (mut path, mut above) = (path.split('/'), above.split('/'));
    above.all(|segment| path.next().is_some_and(|it| it == segment || is_parameter(segment)))
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}') && !segment.starts_with("{*")
}

/// An operation whose parameters of the path are called as the route calls them.
pub(super) fn renamed(operation: &Operation, route: &str) -> Operation {
    let mut renamed = operation.clone();
    let names = |path: &str| -> Vec<String> {
        let segments = path.split('/').filter(|segment| is_parameter(segment));
        segments.map(|segment| segment.trim_matches(['{', '}']).to_owned()).collect()
    };
    let (written, called) = (names(&operation.path), names(route));
    if written.len() == called.len() {
        let name = |known: &str| written.iter().position(|name| name == known).and_then(|at| called.get(at));
        let parameters = operation.parameters.iter();
        renamed.parameters = parameters
            .map(|(known, class)| (name(known).map_or_else(|| known.clone(), |it| it.as_str().into()), *class))
            .collect();
    }
    renamed
}

fn merge(graph: &Graph, all: &mut Message, more: Message) {
    all.bodies.extend(more.bodies);
    all.unread.extend(more.unread);
    merge_names(graph, &mut all.form, more.form);
    merge_names(graph, &mut all.headers, more.headers);
}

fn merge_names(graph: &Graph, all: &mut Names, more: Names) {
    more.into_iter().for_each(|named| put(graph, all, named));
}
