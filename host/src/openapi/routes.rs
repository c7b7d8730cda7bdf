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
    /// It asks for nothing else.
    pub(crate) is_unconditional: bool,
}

impl RouteView<'_> {
    fn has_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|it| it.as_str() == method)
    }

    /// Whether all requests of a path that another route takes too are of this one.
    fn is_before(&self, other: &Self) -> bool {
        // A route for a host of its own comes before those for any, whatever their paths.
        let is_by_path = self.is_unconditional && other.is_unconditional;
        is_by_path && is_taken(self.path, other.path) && !is_taken(other.path, self.path)
    }
}

impl Document {
    /// The operations of a route: the one that is called as it is, or else those of the same path and its methods; and
    /// those of all other paths that it takes, but for paths that another route of the API takes before it.
    pub(super) fn operations_of(&self, route: RouteView<'_>, routes: &[RouteView<'_>]) -> Vec<&Operation> {
        let is_called = |it: &Operation| it.name.as_deref() == Some(route.name);
        let is_named = self.operations.iter().any(is_called);
        let before: Vec<_> = routes.iter().filter(|other| other.is_before(&route)).collect();
        let is_of = |it: &&Operation| match self.is_for(it, &route, is_same) {
            _ if is_named && is_called(it) => true,
            true => !is_named,
            false => self.is_for(it, &route, is_taken) && !before.iter().any(|other| self.is_for(it, other, is_taken)),
        };
        self.operations.iter().filter(is_of).collect()
    }

    /// Whether a route has the method of an operation and a path that fits its path.
    fn is_for(&self, operation: &Operation, route: &RouteView<'_>, fits: fn(&str, &str) -> bool) -> bool {
        let is_there = |base: &String| fits(&format!("{base}{}", operation.path), route.path);
        route.has_method(&operation.method) && self.bases.iter().any(is_there)
    }

    /// All that a route carries, as one operation; none where the document says nothing of the route.
    pub(super) fn carried(&self, route: RouteView<'_>, routes: &[RouteView<'_>]) -> Option<Operation> {
        let operations = self.operations_of(route, routes);
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

/// Whether a route takes the paths of a template: each segment is the same, or a parameter of the route.
fn is_taken(path: &str, route: &str) -> bool {
    let (above, has_rest) = route.split_once("/{*").map_or((route, false), |(above, _)| (above, true));
    let (mut path, mut above) = (path.split('/'), above.split('/'));
    let fits = |it: &str, segment: &str| it == segment || is_parameter(segment) && !it.starts_with("{*");
    above.all(|segment| path.next().is_some_and(|it| fits(it, segment))) && (has_rest || path.next().is_none())
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
