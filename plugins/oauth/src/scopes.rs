//! Which scopes an operation needs.

use lockgate_sdk::{Head, Interest};
use lockgate_tokens::Scope;
use std::collections::BTreeMap;

/// Scopes for every request, and for some operations more.
pub(crate) struct Scopes {
    everywhere: Vec<Scope>,
    /// With those that are needed everywhere.
    operations: BTreeMap<String, Vec<Scope>>,
}

impl Scopes {
    pub(crate) fn new(everywhere: &[Scope], operations: &BTreeMap<String, Vec<Scope>>) -> Self {
        let whole = |(operation, own): (&String, &Vec<Scope>)| {
            let more = own.iter().filter(|scope| !everywhere.contains(scope));
            (operation.clone(), everywhere.iter().chain(more).cloned().collect())
        };
        Self { everywhere: everywhere.to_vec(), operations: operations.iter().map(whole).collect() }
    }

    /// What has to be read to choose.
    pub(crate) fn declare(&self, interest: Interest) -> Interest {
        if self.operations.is_empty() { interest } else { interest.request_read(":route") }
    }

    /// All that a token needs for this request.
    pub(crate) fn needed(&self, head: &Head<'_>) -> &[Scope] {
        if self.operations.is_empty() {
            return &self.everywhere;
        }
        head.route().and_then(|operation| self.operations.get(operation)).unwrap_or(&self.everywhere)
    }
}
