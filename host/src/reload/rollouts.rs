//! Which version of each policy serves, where that is not simply what the folder has: new code that runs in the shadow of the one before, that was
//! taken back since it failed, or that an operator did not want.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::marks::{Marks, Standing};
use crate::config::{Config, ConfigFault, Configs, Policy, PolicySource, Version, Written};
use crate::content::Digest;

/// Versions of one policy that are put back one after the other, each being new.
const MOST_EARLIER: usize = 8;

/// What is known of the versions of policies. Code is named by its digest.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rollouts {
    /// What serves.
    pub(super) serving: BTreeMap<String, Version>,
    /// What served before code that is new, the newest first: it may have been new itself.
    pub(super) before: BTreeMap<String, Vec<Before>>,
    pub(super) marks: Marks,
    /// What policies of APIs that are held run in place of code of their files, by folder.
    pub(super) held: BTreeMap<String, Vec<Instead>>,
    /// Policies of which the folder has other code than what serves, and which.
    pub(super) waiting: BTreeMap<String, Digest>,
}

/// Where policies have configurations of an earlier time: names of policies with places of chains, see
/// [`Version::configs`].
pub(super) type Past = BTreeSet<(String, String)>;

/// A version that is put back where the one that serves fails.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    pub(super) version: Version,
    /// Until when that one is new.
    pub(super) until: SystemTime,
}

/// A version of a policy that runs in place of some code.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instead {
    pub(super) policy: String,
    pub(super) of: Digest,
    pub(super) version: Version,
}

impl Rollouts {
    /// Have a configuration run what is to serve, with configurations of then in places that are `past`, and policies
    /// `at_once` that would be in a shadow first. Returns what is wrong with what the folder has instead.
    pub(super) fn apply(&self, config: &mut Config, past: &Past, at_once: &BTreeSet<String>) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let names: Vec<String> = config.policies.keys().cloned().collect();
        for name in names {
            let Some(policy) = config.policies.get_mut(&name) else { continue };
            let serving = self.serving.get(&name);
            // Who pins code decided about it.
            if policy.digest.is_some() || serving.is_some_and(|version| version.is_of(&policy.source)) {
                continue;
            }
            let Some(written) = policy.source.digest() else { continue };
            let (mark, wants_shadow) = (self.marks.get(&name, written), policy.rollout.shadow.is_some());
            let is_shadow = match mark.map(|mark| &mark.is) {
                Some(Standing::Promoted | Standing::Served) => continue,
                None | Some(Standing::Unproven) if !wants_shadow || serving.is_none() || at_once.contains(&name) => {
                    continue;
                }
                None | Some(Standing::Unproven) => true,
                Some(Standing::Differed) if wants_shadow && serving.is_some() => true,
                Some(Standing::Differed | Standing::TakenBack(_) | Standing::Aborted) => false,
            };
            let fault = mark.filter(|_| !is_shadow).map(|mark| mark.fault(&name, written, &policy.place));
            match serving {
                Some(version) => {
                    let is_past = |place: &str| past.contains(&(name.clone(), place.to_owned()));
                    config.run_before(&name, version, is_past, is_shadow);
                }
                None => {
                    let missing = fault.clone().map(|fault| PolicySource::Missing(fault.into()));
                    let nothing = missing.map(|source| Version { source, configs: BTreeMap::new() });
                    nothing.into_iter().for_each(|nothing| config.run_before(&name, &nothing, |_| false, false));
                }
            }
            faults.extend(fault);
        }
        self.apply_to_held(config, past);
        faults
    }

    /// An API that is held has the files of a time in which code was written there that did not serve, or was found to
    /// be bad later.
    fn apply_to_held(&self, config: &mut Config, past: &Past) {
        let held = config.apis.iter().filter(|api| api.held.is_some());
        let folders: Vec<_> = held.map(|api| api.folder.clone()).collect();
        for folder in folders {
            for Instead { policy, of, version } in self.instead_in(&folder) {
                let is_replaced = |own: &Policy| own.digest.is_none() && own.source.digest() == Some(of);
                let is_past = |place: &str| past.contains(&(policy.clone(), place.to_owned()));
                config.run_before_in(&folder, &policy, &version, is_replaced, is_past);
            }
        }
    }

    /// What policies run in an API that is held from now on, or was before.
    pub(super) fn instead_in(&self, folder: &str) -> Vec<Instead> {
        let known = self.held.get(folder).cloned();
        known.unwrap_or_else(|| {
            let now = |(policy, of): (&String, &Digest)| {
                let version = self.serving.get(policy)?.clone();
                Some(Instead { policy: policy.clone(), of: *of, version })
            };
            self.waiting.iter().filter_map(now).collect()
        })
    }

    /// What is known after a configuration was found good and serves, while APIs in these folders are `held`.
    pub(super) fn after<'f>(
        &self,
        config: &Config,
        past: &Past,
        held: impl Iterator<Item = &'f Arc<str>>,
        now: SystemTime,
    ) -> Self {
        let mut next = self.clone();
        next.held = held.map(|folder| (folder.to_string(), self.instead_in(folder))).collect();
        let held = config.apis.iter().filter_map(|api| api.held.as_ref()).flat_map(|held| held.policies.keys());
        let held: BTreeSet<&String> = held.chain(next.held.values().flatten().map(|it| &it.policy)).collect();
        next.serving.retain(|name, _| config.policies.contains_key(name) || held.contains(name));
        next.before.retain(|name, all| {
            let is_new = all.first().is_some_and(|newest| newest.until > now);
            is_new && config.policies.get(name).is_some_and(may_be_taken_back)
        });
        next.wait(config, now);
        let mut configs = config.configs();
        for name in config.in_use().collect::<BTreeSet<_>>() {
            let Some(policy) = config.policies.get(name) else { continue };
            let configs = configs.remove(name).unwrap_or_default();
            if next.waiting.contains_key(name) {
                // What it runs with by now is what it has when it is put back.
                let is_past = |place: &String| past.contains(&(name.to_owned(), place.clone()));
                let current = configs.into_iter().filter(|(place, _)| !is_past(place));
                if let Some(version) = next.serving.get_mut(name) {
                    version.configs.extend(current);
                }
            } else if let Some(code) = policy.source.digest() {
                next.serve(name, policy, code, configs, now);
            }
        }
        next.learn_of_held(config, past);
        next.marks.forget_former(|name| config.policies.contains_key(name));
        next
    }

    /// Which policies have other code in the folder than what serves; what runs in the shadow for the first time is not
    /// proven yet.
    fn wait(&mut self, config: &Config, now: SystemTime) {
        let waiting = |(name, written): (&String, &Written)| Some((name.clone(), written.policy.source.digest()?));
        self.waiting = config.written.iter().filter_map(waiting).collect();
        for (name, _) in config.written.iter().filter(|(_, written)| written.is_shadow) {
            if let Some(code) = self.waiting.get(name).filter(|code| self.marks.get(name, **code).is_none()) {
                self.marks.put(name, *code, Standing::Unproven, now);
            }
        }
    }

    /// The code of a policy serves as the folder has it. Where it is new, what served until now is what it can be taken
    /// back to.
    fn serve(&mut self, name: &str, policy: &Policy, code: Digest, configs: Configs, now: SystemTime) {
        let version = Version { source: policy.source.clone(), configs };
        let old = self.serving.insert(name.to_owned(), version);
        if old.as_ref().is_some_and(|old| old.is_of(&policy.source)) {
            return;
        }
        self.marks.remove(name, code);
        let mut before = self.before.remove(name).unwrap_or_default();
        let Some(version) = old else { return };
        if let Some(code) = version.source.digest() {
            self.marks.put(name, code, Standing::Served, now);
        }
        let until = now.checked_add(policy.rollout.probation).filter(|_| may_be_taken_back(policy));
        if let Some(until) = until {
            if before.len() == MOST_EARLIER {
                // The last one was new to nobody.
                before.remove(MOST_EARLIER - 2);
            }
            before.insert(0, Before { version, until });
            self.before.insert(name.to_owned(), before);
        }
    }

    /// The same where code that serves failed again and again, and the one before it is to serve again; none where it
    /// is not new any more.
    pub(super) fn take_back(&self, name: &str, failed: Digest, standing: Standing, now: SystemTime) -> Option<Self> {
        let all = self.before.get(name).filter(|all| all.first().is_some_and(|newest| newest.until > now))?;
        // Nobody goes from bad to worse.
        let is_good = |before: &Before| {
            let is_bad = |code| self.marks.get(name, code).is_some_and(|mark| mark.is.is_bad());
            before.version.source.digest().is_some_and(|code| code != failed && !is_bad(code))
        };
        let at = all.iter().position(is_good)?;
        let (before, earlier) = all.get(at..)?.split_first()?;
        let serving = self.serving.get(name)?.source.digest()?;
        (serving == failed).then(|| {
            let (mut next, version) = (self.clone(), &before.version);
            for all in next.held.values_mut() {
                let own = all.iter_mut().filter(|it| it.policy == name);
                // Where it ran in place of other code it is replaced as well.
                let same = own.filter(|it| it.version.source.digest() == Some(failed));
                same.for_each(|it| it.version.clone_from(version));
                all.retain(|it| (&*it.policy, it.of) != (name, failed));
                all.push(Instead { policy: name.to_owned(), of: failed, version: version.clone() });
            }
            next.serving.insert(name.to_owned(), version.clone());
            next.before.remove(name);
            if !earlier.is_empty() {
                next.before.insert(name.to_owned(), earlier.to_vec());
            }
            if let Some(code) = version.source.digest() {
                next.marks.remove(name, code);
            }
            next.marks.put(name, failed, standing, now);
            next
        })
    }

    /// The same where it is known that what serves cannot be taken back.
    pub(super) fn without_before(&self, name: &str) -> Self {
        let mut next = self.clone();
        next.before.remove(name);
        next
    }

    /// The same where it was decided about code that does not serve.
    pub(super) fn decide(&self, name: &str, about: Digest, standing: Standing, now: SystemTime) -> Self {
        let mut next = self.clone();
        next.marks.put(name, about, standing, now);
        next
    }

    /// What policies of APIs that are held run with by now is what they have where they are put back, too.
    fn learn_of_held(&mut self, config: &Config, past: &Past) {
        for api in &config.apis {
            let Some(held) = &api.held else { continue };
            let mut learned = BTreeMap::<(&String, String), Vec<serde_json::Value>>::new();
            for (_, place, chain) in config.all_chains().filter(|(folder, ..)| *folder == Some(&api.folder)) {
                for entry in chain.iter().filter(|it| !past.contains(&(it.policy.clone(), place.clone()))) {
                    learned.entry((&entry.policy, place.clone())).or_default().push(entry.config.clone());
                }
            }
            for ((name, place), configs) in learned {
                let (Some(version), Some(own)) = (self.serving.get_mut(name), held.policies.get(name)) else {
                    continue;
                };
                // Of the gateway's chain today's is known already.
                if version.is_of(&own.source) && !place.ends_with('/') {
                    version.configs.insert(place, configs);
                }
            }
        }
    }
}

/// Whether new code of this policy may be taken back. Who pins code wants no other.
fn may_be_taken_back(policy: &Policy) -> bool {
    !policy.rollout.probation.is_zero() && policy.digest.is_none()
}

#[cfg(test)]
mod tests;
