//! Where things stand that are selected: documents, fields of heads, pairs of queries and forms; for each operation.

use crate::plan::RuleId;
use lockgate_json::select::State;
use std::collections::BTreeMap;

/// Rules by the names of fields; of each, strictest first.
pub(crate) type Named = BTreeMap<String, Vec<RuleId>>;

/// The scopes of all routes.
#[derive(Debug)]
pub(crate) struct Scopes {
    pub(crate) by_route: BTreeMap<String, Scope>,
    /// Of routes of which nothing is described.
    pub(crate) other: Scope,
}

/// What is selected in the messages of an operation.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) request: State,
    pub(crate) responses: ByStatus<State>,
    pub(crate) request_headers: Named,
    pub(crate) response_headers: ByStatus<Named>,
    pub(crate) query: Named,
    pub(crate) form: Named,
    /// Media types of which nobody can say where in them something is.
    pub(crate) unread: Vec<String>,
    pub(crate) response_unread: ByStatus<Vec<String>>,
}

/// What differs by the status of a response.
#[derive(Debug)]
pub(crate) struct ByStatus<T> {
    /// By a status (`200`), its kind (`4XX`) or `default`.
    pub(crate) described: BTreeMap<String, T>,
    /// For those nobody described.
    pub(crate) other: T,
}

impl Scopes {
    pub(crate) fn of(&self, route: &str) -> &Scope {
        self.by_route.get(route).unwrap_or(&self.other)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.by_route.values().chain([&self.other])
    }
}

impl<T> ByStatus<T> {
    /// The most precise there is (OpenAPI 3.1 section 4.8.16).
    pub(crate) fn of(&self, status: u16) -> &T {
        let kinds = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        kinds.iter().find_map(|kind| self.described.get(kind)).unwrap_or(&self.other)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.described.values().chain([&self.other])
    }
}
