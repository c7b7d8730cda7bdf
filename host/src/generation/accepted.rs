//! Owns what each policy was accepted to use: a new component that uses more of a wildcard is refused until the operator names it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{self, Config, ConfigFault, Grant, Pattern, PolicySource};
use crate::content::Digest;
use crate::sandbox::Policy;
use crate::state;

/// In the state directory.
const FILE: &str = "accepted.json";
/// Components that are remembered of each policy: going back to one of them is no step further.
const MOST_COMPONENTS: usize = 8;
/// Names that a fault tells; of more there is their number.
const MOST_SHOWN: usize = 10;

/// By name of the policy, the components that served, the last one first.
pub(super) struct Accepted {
    /// None where nothing outlasts the process.
    file: Option<PathBuf>,
    policies: BTreeMap<String, Vec<Served>>,
}

/// A component, and what its uses named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Served {
    digest: Digest,
    /// As grants are written.
    names: BTreeSet<String>,
}

impl Accepted {
    /// What is known from before; nothing where that cannot be read.
    pub(super) fn open(state: Option<&Path>) -> Self {
        let file = state.map(|state| state.join(FILE));
        let policies = file.as_deref().map(read).unwrap_or_default();
        Self { file, policies }
    }

    /// A fault, with the policy's name and the component's digest, for each policy whose component is new and uses more
    /// of a wildcard than the one that served. What a component that is known uses more, its configuration makes it
    /// use: that is the word of who may choose it.
    pub(super) fn faults<'a>(
        &self,
        config: &Config,
        policies: impl Iterator<Item = &'a Arc<Policy>>,
    ) -> Vec<(String, Digest, ConfigFault)> {
        let fault = |((name, digest), names): ((&str, Digest), BTreeSet<String>)| {
            let declared = config.policies.get(name)?;
            let served = self.policies.get(name)?;
            let last = served.first()?;
            let is_known = knows(served, digest);
            if is_known || !is_of_file(declared) || declared.accept.contains(&digest) {
                return None;
            }
            let more: Vec<_> = names.iter().filter(|name| is_more(name, &last.names, &declared.grants)).collect();
            (!more.is_empty()).then(|| (name.to_owned(), digest, refusal(name, digest, &more, declared)))
        };
        uses(policies).into_iter().filter_map(fault).collect()
    }

    /// These serve from now on. Policies that are not declared any more are forgotten.
    pub(super) fn keep<'a>(&mut self, config: &Config, policies: impl Iterator<Item = &'a Arc<Policy>>) {
        let before = self.policies.clone();
        self.policies.retain(|name, _| config.policies.contains_key(name));
        let mut uses: Vec<_> = uses(policies).into_iter().collect();
        // The newest comes last, and is what the next is compared with.
        uses.sort_by_key(|((name, digest), _)| !before.get(*name).is_some_and(|served| knows(served, *digest)));
        for ((name, digest), names) in uses {
            let served = self.policies.entry(name.to_owned()).or_default();
            if served.is_empty() && config.policies.get(name).is_some_and(is_of_file) && !names.is_empty() {
                let (policy, uses) = (name, names.len());
                tracing::info!(policy, %digest, uses, "nothing is known of a component before this one: what it uses is taken as accepted");
            }
            let new = Served { digest, names };
            served.retain(|served| served.digest != new.digest);
            served.insert(0, new);
            served.truncate(MOST_COMPONENTS);
        }
        let Some(file) = self.file.as_deref().filter(|_| self.policies != before) else { return };
        let written = serde_json::to_vec(&self.policies).map_err(io::Error::from).and_then(|it| state::put(file, &it));
        if let Err(error) = written {
            tracing::warn!(%error, file = %file.display(), "what policies use cannot be kept; the next start goes by what was kept before");
        }
    }
}

fn knows(served: &[Served], digest: Digest) -> bool {
    served.iter().any(|served| served.digest == digest)
}

/// The components of each policy, and what all uses of them name.
fn uses<'a>(policies: impl Iterator<Item = &'a Arc<Policy>>) -> HashMap<(&'a str, Digest), BTreeSet<String>> {
    let mut uses = HashMap::<_, BTreeSet<String>>::new();
    for policy in policies {
        let names = uses.entry((&**policy.name(), policy.digest())).or_default();
        names.extend(policy.interest().missing(&[]).into_iter().filter(|word| named(word).is_some()));
    }
    uses
}

/// Built-in components are part of the gateway, and new with it only.
fn is_of_file(declared: &config::Policy) -> bool {
    matches!(declared.source, PolicySource::File { .. })
}

/// Verb and names of a power that can be granted by a wildcard.
fn named(word: &str) -> Option<(&str, &str)> {
    let (verb, name) = word.split_once(':')?;
    ["read", "write", "attribute-read", "attribute-write"].contains(&verb).then_some((verb, name))
}

/// Whether this was not used before, and is granted by a wildcard alone.
fn is_more(word: &str, before: &BTreeSet<String>, grants: &[Grant]) -> bool {
    let Some((verb, name)) = named(word) else { return false };
    let covers = |known: &String| match named(known) {
        Some((other, names)) if other == verb => names.parse::<Pattern>().is_ok_and(|names| names.covers(name)),
        _ => false,
    };
    let by_name = !name.ends_with('*') && grants.iter().any(|grant| grant.to_string() == word);
    !by_name && !before.contains(word) && !before.iter().any(covers)
}

fn refusal(name: &str, digest: Digest, more: &[&String], declared: &config::Policy) -> ConfigFault {
    let shown: Vec<_> = more.iter().take(MOST_SHOWN).map(|word| format!("\"{}\"", word.escape_debug())).collect();
    let rest = more.len().checked_sub(MOST_SHOWN).filter(|rest| *rest > 0);
    let rest = rest.map(|rest| format!(" and {rest} more")).unwrap_or_default();
    let reason = format!(
        "the component is new, and uses more of what wildcards grant than the one before: {}{rest}",
        shown.join(", ")
    );
    let by_name = if more.iter().any(|word| word.ends_with('*')) { "" } else { "add these names to its `grant`, or " };
    let advice = format!("if it should, {by_name}write accept = [\"{}\"] in [policy.{name}]", digest);
    declared.place.fault(reason, advice)
}

fn read(file: &Path) -> BTreeMap<String, Vec<Served>> {
    let unusable = |error: io::Error| {
        tracing::warn!(
            %error,
            file = %file.display(),
            "what policies were accepted to use cannot be read; what they use now is taken as accepted"
        );
    };
    match std::fs::read(file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?)) {
        Ok(policies) => policies,
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => {
            unusable(error);
            BTreeMap::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn more(before: &[&str], word: &str, grants: &[&str]) -> bool {
        let before = before.iter().map(|word| (*word).to_owned()).collect();
        let grants: Vec<Grant> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        is_more(word, &before, &grants)
    }

    #[test]
    fn what_only_a_wildcard_grants_and_nobody_used_is_more() {
        assert!(more(&["read:x-a"], "read:x-b", &["read:*"]));
        assert!(more(&[], "attribute-write:auth.sub", &["attribute-write:auth.*"]));
        assert!(more(&["write:x-b"], "read:x-b", &["read:*", "write:*"]), "reading is not writing");
        assert!(more(&["read:x-a"], "read:x-*", &["read:x-*"]), "a wildcard is granted by no name");
        assert!(more(&["read:*"], "read::client", &["read:*", "read::*"]), "no fact is a field");
    }

    #[test]
    fn what_was_used_or_is_granted_by_name_is_not_more() {
        assert!(!more(&["read:x-a"], "read:x-a", &["read:*"]));
        assert!(!more(&["read:x-*"], "read:x-a", &["read:*"]));
        assert!(!more(&[], "read:x-b", &["read:*", "read:x-b"]));
        assert!(!more(&[], "respond", &["respond"]));
        assert!(!more(&[], "body:request:inspect", &["body:request:edit"]));
    }

    #[test]
    fn a_file_that_is_damaged_or_absent_is_as_if_nothing_was_accepted() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Accepted::open(Some(folder.path())).policies, BTreeMap::new());
        std::fs::write(folder.path().join(FILE), "{\"a\": [").unwrap();
        assert_eq!(Accepted::open(Some(folder.path())).policies, BTreeMap::new());
    }
}
