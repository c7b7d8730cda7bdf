//! The changes of one direction, made ready when the policy is configured so that a message costs little more than a copy.

use crate::config::{Changes, FieldName};
use lockgate_sdk::prelude::*;

/// The changes of one direction.
#[derive(Default, Deserialize)]
#[serde(from = "Changes")]
pub(crate) struct Rewrite {
    changes: Changes,
    /// Everything that does not depend on the message, packed.
    fixed: Edits,
}

impl Rewrite {
    /// What is to be done with this message.
    pub(crate) fn verdict(&self, head: &Head<'_>) -> Verdict {
        let renames = self.changes.rename.iter().any(|(old, _)| head.get(old.as_ref()).is_some());
        let edits = if renames { edits(&self.changes, head) } else { self.fixed.clone() };
        if edits.is_empty() { Verdict::Pass } else { edits.into() }
    }

    /// Names of the fields looked at.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &str> {
        self.changes.rename.names().map(AsRef::as_ref)
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.writes().next().is_none()
    }

    /// Names of the fields changed.
    pub(crate) fn writes(&self) -> impl Iterator<Item = &str> {
        let changes = &self.changes;
        let renamed = changes.rename.iter().flat_map(|(old, new)| [old, new]);
        changes.set.names().chain(changes.append.names()).chain(&changes.remove).chain(renamed).map(AsRef::as_ref)
    }

    /// Changes that contradict each other; `direction` is where they stand in the configuration.
    pub(crate) fn faults(&self, direction: &str) -> Vec<ConfigError> {
        let Changes { set, remove, rename, .. } = &self.changes;
        let mut faults = Vec::new();
        for (index, name) in remove.iter().enumerate() {
            let mut fault = |message| {
                faults.push(ConfigError::new(format!("{direction}.remove[{index}]"), message));
            };
            if set.contains(name) {
                fault(format!("`{name}` is also set, which drops earlier values; leave one out"));
            }
            if rename.contains(name) {
                fault(format!("`{name}` is also renamed; leave one out"));
            }
        }
        let mut targets: Vec<&FieldName> = Vec::new();
        for (old, new) in rename.iter() {
            let mut fault = |message| {
                faults.push(ConfigError::new(format!("{direction}.rename.{old}"), message));
            };
            if old == new {
                fault(format!("`{old}` is renamed to itself"));
            } else if set.contains(new) {
                fault(format!("`{new}` is also set; leave one out"));
            } else if targets.contains(&new) {
                fault(format!("another field is renamed to `{new}` already"));
            }
            targets.push(new);
        }
        faults
    }
}

impl From<Changes> for Rewrite {
    fn from(changes: Changes) -> Self {
        let fixed = edits(&changes, &Head::new(b""));
        Self { changes, fixed }
    }
}

/// All changes of a message. What goes, goes first, so that names can be swapped.
fn edits(changes: &Changes, head: &Head<'_>) -> Edits {
    let mut edits = Edits::new();
    let renamed = || changes.rename.iter().filter(|(old, _)| head.get(old.as_ref()).is_some());
    for name in changes.remove.iter().chain(renamed().map(|(old, _)| old)) {
        edits = edits.remove(name);
    }
    for (old, new) in renamed() {
        edits = edits.remove(new);
        for value in head.all(old.as_ref()) {
            edits = edits.append(new, value);
        }
    }
    for (name, value) in changes.set.iter() {
        edits = edits.set(name, value);
    }
    for (name, value) in changes.append.iter() {
        edits = edits.append(name, value);
    }
    edits
}
