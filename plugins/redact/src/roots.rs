//! Where documents and fields begin to be selected, for each operation that is described and for all others.

use crate::annotations::{Classification, Operation};
use crate::build::Drafts;
use crate::scope::{ByStatus, Named, Scope, Scopes};
use lockgate_json::select::{Described, Selection, SelectionBuilder, State};
use lockgate_sdk::Direction;
use std::collections::BTreeMap;

/// The numbers under which a selection knows the documents.
pub(crate) struct Roots {
    request: usize,
    response: usize,
    by_route: BTreeMap<String, OfOperation>,
}

struct OfOperation {
    request: usize,
    responses: BTreeMap<String, usize>,
    other: usize,
}

impl Roots {
    /// Open all documents, and say what is selected in each. An error where what is described contradicts itself.
    pub(crate) fn plan(
        builder: &mut SelectionBuilder,
        drafts: &Drafts<'_>,
        classification: Option<&Classification>,
    ) -> Result<Self, String> {
        let request = open(builder, drafts, Direction::Request, None, &[])?;
        let response = open(builder, drafts, Direction::Response, None, &[])?;
        let mut roots = Self { request, response, by_route: BTreeMap::new() };
        let Some(classification) = classification else { return Ok(roots) };
        let described = builder
            .describe(&classification.shapes(), |class| drafts.of_class(class), drafts.of_unlisted())
            .map_err(|fault| fault.to_string())?;
        for (route, operation) in &classification.operations {
            let of_operation = roots.of_operation(builder, drafts, &described, operation)?;
            roots.by_route.insert(route.clone(), of_operation);
        }
        Ok(roots)
    }

    fn of_operation(
        &self,
        builder: &mut SelectionBuilder,
        drafts: &Drafts<'_>,
        described: &Described,
        operation: &Operation,
    ) -> Result<OfOperation, String> {
        let mut open = |direction, shapes: &[usize], plain| match shapes {
            [] => Ok(plain),
            shapes => open(builder, drafts, direction, Some(described), shapes),
        };
        let request: Vec<usize> = operation.request.into_iter().collect();
        let request = open(Direction::Request, &request, self.request)?;
        let mut responses = BTreeMap::new();
        for (status, shape) in &operation.responses {
            responses.insert(status.clone(), open(Direction::Response, &[*shape], self.response)?);
        }
        // A status nobody described may come with any of the documents.
        let all: Vec<usize> = operation.responses.values().copied().collect();
        let other = open(Direction::Response, &all, self.response)?;
        Ok(OfOperation { request, responses, other })
    }
}

/// Open a document, and select in it.
fn open(
    builder: &mut SelectionBuilder,
    drafts: &Drafts<'_>,
    direction: Direction,
    described: Option<&Described>,
    shapes: &[usize],
) -> Result<usize, String> {
    let mut entry = builder.entry();
    drafts.select(&mut entry, direction);
    for shape in shapes {
        if let Some(described) = described {
            entry.shapes(described, *shape).map_err(|fault| fault.to_string())?;
        }
    }
    Ok(entry.index())
}

impl Scopes {
    pub(crate) fn new(
        roots: &Roots,
        selection: &Selection,
        drafts: &Drafts<'_>,
        classification: Option<&Classification>,
    ) -> Self {
        // Every root was opened, so it is there.
        let state = |root: usize| selection.root(root).unwrap_or(State::QUIET);
        let unknown = Operation::default();
        let plain = OfOperation { request: roots.request, responses: BTreeMap::new(), other: roots.response };
        let scope = |of: &OfOperation, operation: &Operation| Scope::new(drafts, of, operation, state);
        let by_route = roots.by_route.iter().map(|(route, of)| {
            let operation = classification.and_then(|classification| classification.operations.get(route));
            (route.clone(), scope(of, operation.unwrap_or(&unknown)))
        });
        Self { by_route: by_route.collect(), other: scope(&plain, &unknown) }
    }
}

impl Scope {
    fn new(drafts: &Drafts<'_>, of: &OfOperation, operation: &Operation, state: impl Fn(usize) -> State) -> Self {
        use Direction::{Request, Response};
        let with = |direction, mut named: Named, classes: &BTreeMap<String, u16>| {
            for (name, class) in classes {
                if let Some(rule) = drafts.of_field(*class, direction) {
                    named.entry(name.clone()).or_default().push(rule);
                }
            }
            named.values_mut().for_each(|rules| rules.sort_unstable());
            named
        };
        let headers =
            |direction| drafts.named(direction, |rule| rule.headers.iter().map(|name| name.as_str()).collect());
        let query = drafts.named(Request, |rule| texts(&rule.query));
        let form = drafts.named(Request, |rule| texts(&rule.form));
        let by_status = operation.response_headers.iter();
        let all = operation.response_headers.values().flatten().map(|(name, class)| (name.clone(), *class)).collect();
        Self {
            request: state(of.request),
            responses: ByStatus {
                described: of.responses.iter().map(|(status, root)| (status.clone(), state(*root))).collect(),
                other: state(of.other),
            },
            request_headers: with(Request, headers(Request), &operation.headers),
            response_headers: ByStatus {
                described: by_status
                    .map(|(status, classes)| (status.clone(), with(Response, headers(Response), classes)))
                    .collect(),
                other: with(Response, headers(Response), &all),
            },
            query: with(Request, query, &operation.query),
            form: with(Request, form, &operation.form),
            unread: operation.unread.clone(),
            response_unread: ByStatus {
                described: operation.response_unread.clone(),
                other: operation.response_unread.values().flatten().cloned().collect(),
            },
        }
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
