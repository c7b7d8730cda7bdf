//! Finds annotations that stand where nothing is read, so that nobody believes in them.

use std::collections::HashSet;

use super::annotation::NAMES;
use super::fault::Wrong;
use super::nodes::{Id, Value};
use super::schema::Schemas;

/// What below is data of any form, or goes past the gateway, or describes what is not there.
const ELSEWHERE: [&str; 9] =
    ["example", "examples", "default", "enum", "const", "callbacks", "webhooks", "not", "propertyNames"];

impl Schemas<'_> {
    /// Complain about annotations in a document that were not looked at.
    pub(super) fn sweep(&mut self, root: Id) {
        let (mut left, mut seen) = (vec![root], HashSet::from([root]));
        while let Some(at) = left.pop() {
            let is_named = self.named.contains(&at);
            let below: Vec<Id> = match self.files.nodes.value(at) {
                Value::List(items) => items.to_vec(),
                Value::Map(members) => {
                    let is_read = |name: &str| is_named || !(name.starts_with("x-") || ELSEWHERE.contains(&name));
                    members.iter().filter(|(name, _)| is_read(name)).map(|(_, id)| *id).collect()
                }
                _ => continue,
            };
            left.extend(below.into_iter().filter(|id| seen.insert(*id)));
            if is_named || self.annotated.contains(&at) {
                continue;
            }
            for lost in NAMES.iter().filter_map(|name| self.files.nodes.member(at, name)).collect::<Vec<_>>() {
                let advice = "put it on a schema, a parameter, a header or a media type";
                self.files.fault(lost, Wrong::new("says nothing here", advice));
            }
        }
    }
}
