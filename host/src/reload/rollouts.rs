//! Which version of each policy serves, where that is not simply what the folder has: new code that runs in the shadow of the one before, that was
//! taken back since it failed, or that an operator did not want.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::inputs::code;
use crate::config::{Config, ConfigFault, Place, Policy, PolicySource, Version};

/// Components of one policy that are remembered as bad or not proven.
const MOST_MARKS: usize = 64;
/// Versions of one policy that are put back one after the other, each being new.
const MOST_EARLIER: usize = 8;
/// Policies that are not declared any more, and of which that is remembered.
const MOST_FORMER: usize = 256;

/// What is known of the versions of policies. Code is named by its SHA-256 in hexadecimal.
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
    pub(super) waiting: BTreeMap<String, String>,
}

/// What is known of code, by the name of the policy and the code.
pub(super) type Marks = BTreeMap<String, BTreeMap<String, Mark>>;

/// Where policies have configurations of an earlier time: names of policies with places of chains, see [`Version::configs`].
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
    pub(super) of: String,
    pub(super) version: Version,
}

/// What is known of some code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) is: Standing,
    /// Since when, in seconds since 1970.
    pub(super) at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// It served without a fault that anybody knows of, and needs no proof.
    Served,
    /// It ran in the shadow of other code, and never served.
    Unproven,
    /// The same, and it did not always say the same: it never serves by itself.
    Differed,
    /// It served and failed again and again, last with this class of fault.
    TakenBack(String),
    /// An operator said no.
    Aborted,
    /// An operator said yes, or it was proven; as long as it does not serve yet.
    Promoted,
}

impl Rollouts {
    /// Have a configuration run what is to serve, with configurations of then in places that are `past`, and policies `at_once` that would be in a shadow first. Returns what
    /// is wrong with what the folder has instead.
    pub(super) fn apply(&self, config: &mut Config, past: &Past, at_once: &BTreeSet<String>) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let names: Vec<String> = config.policies.keys().cloned().collect();
        for name in names {
            let Some(policy) = config.policies.get_mut(&name) else { continue };
            let serving = self.serving.get(&name);
            if serving.is_some_and(|version| version.source.code() == policy.source.code()) {
                continue;
            }
            let Some(written) = code(&policy.source) else { continue };
            let (mark, wants_shadow) = (self.mark_of(&name, &written), policy.rollout.shadow.is_some());
            let is_shadow = match mark.map(|mark| &mark.is) {
                Some(Standing::Promoted | Standing::Served) => continue,
                None | Some(Standing::Unproven) if !wants_shadow || serving.is_none() || at_once.contains(&name) => {
                    continue;
                }
                None | Some(Standing::Unproven) => true,
                Some(Standing::Differed) if wants_shadow && serving.is_some() => true,
                Some(Standing::Differed | Standing::TakenBack(_) | Standing::Aborted) => false,
            };
            let fault = mark.filter(|_| !is_shadow).map(|mark| mark.fault(&name, &written, &policy.place));
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

    /// An API that is held has the files of a time in which code was written there that did not serve, or was found to be bad later.
    fn apply_to_held(&self, config: &mut Config, past: &Past) {
        let held = config.apis.iter().filter(|api| api.held.is_some());
        let folders: Vec<_> = held.map(|api| api.folder.clone()).collect();
        for folder in folders {
            for Instead { policy, of, version } in self.instead_in(&folder) {
                let is_replaced = |source: &PolicySource| code(source).as_ref() == Some(&of);
                let is_past = |place: &str| past.contains(&(policy.clone(), place.to_owned()));
                config.run_before_in(&folder, &policy, &version, is_replaced, is_past);
            }
        }
    }

    /// What policies run in an API that is held from now on, or was before.
    pub(super) fn instead_in(&self, folder: &str) -> Vec<Instead> {
        let known = self.held.get(folder).cloned();
        known.unwrap_or_else(|| {
            let now = |(policy, of): (&String, &String)| {
                let version = self.serving.get(policy)?.clone();
                Some(Instead { policy: policy.clone(), of: of.clone(), version })
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
        let waiting = config.written.iter().filter_map(|(name, it)| Some((name.clone(), code(&it.policy.source)?)));
        next.waiting = waiting.collect();
        for (name, code) in &next.waiting.clone() {
            let is_shadow = config.written.get(name).is_some_and(|written| written.is_shadow);
            if is_shadow && self.mark_of(name, code).is_none() {
                next.mark(name, code, Standing::Unproven, now);
            }
        }
        let used: BTreeSet<&str> = config.in_use().collect();
        let mut configs = config.configs();
        for name in used {
            let (configs, Some(policy)) = (configs.remove(name).unwrap_or_default(), config.policies.get(name)) else {
                continue;
            };
            if next.waiting.contains_key(name) {
                // What it runs with by now is what it has when it is put back.
                let current =
                    configs.into_iter().filter(|(place, _)| !past.contains(&(name.to_owned(), place.clone())));
                if let Some(version) = next.serving.get_mut(name) {
                    version.configs.extend(current);
                }
                continue;
            }
            if policy.source.code().is_none() {
                continue;
            }
            let version = Version { source: policy.source.clone(), configs };
            let old = next.serving.insert(name.to_owned(), version);
            if old.as_ref().is_some_and(|old| old.source.code() == policy.source.code()) {
                continue;
            }
            if let Some(code) = code(&policy.source) {
                next.unmark(name, &code);
            }
            let mut before = next.before.remove(name).unwrap_or_default();
            let Some(version) = old else { continue };
            if let Some(code) = code(&version.source) {
                next.mark(name, &code, Standing::Served, now);
            }
            let until = now.checked_add(policy.rollout.probation).filter(|_| may_be_taken_back(policy));
            if let Some(until) = until {
                if before.len() == MOST_EARLIER {
                    // The last one was new to nobody.
                    before.remove(MOST_EARLIER - 2);
                }
                before.insert(0, Before { version, until });
                next.before.insert(name.to_owned(), before);
            }
        }
        next.learn_of_held(config, past);
        next.forget(config);
        next
    }

    /// The same where code that serves failed again and again, and the one before it is to serve again; none where it is not new any more.
    pub(super) fn take_back(&self, name: &str, failed: &str, standing: Standing, now: SystemTime) -> Option<Self> {
        let all = self.before.get(name).filter(|all| all.first().is_some_and(|newest| newest.until > now))?;
        // Nobody goes from bad to worse.
        let is_good = |before: &Before| {
            let code = code(&before.version.source);
            code.is_some_and(|code| code != failed && !self.mark_of(name, &code).is_some_and(Mark::is_bad))
        };
        let at = all.iter().position(is_good)?;
        let (before, earlier) = all.get(at..)?.split_first()?;
        let serving = self.serving.get(name).and_then(|version| code(&version.source))?;
        (serving == failed).then(|| {
            let (mut next, version) = (self.clone(), &before.version);
            for all in next.held.values_mut() {
                let own = all.iter_mut().filter(|it| it.policy == name);
                // Where it ran in place of other code it is replaced as well.
                let same = own.filter(|it| code(&it.version.source).is_some_and(|code| code == failed));
                same.for_each(|it| it.version.clone_from(version));
                all.retain(|it| (&*it.policy, &*it.of) != (name, failed));
                all.push(Instead { policy: name.to_owned(), of: failed.to_owned(), version: version.clone() });
            }
            next.serving.insert(name.to_owned(), version.clone());
            next.before.remove(name);
            if !earlier.is_empty() {
                next.before.insert(name.to_owned(), earlier.to_vec());
            }
            if let Some(code) = code(&version.source) {
                next.unmark(name, &code);
            }
            next.mark(name, failed, standing, now);
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
    pub(super) fn decide(&self, name: &str, about: &str, standing: Standing, now: SystemTime) -> Self {
        let mut next = self.clone();
        next.mark(name, about, standing, now);
        next
    }

    pub(super) fn mark_of(&self, name: &str, code: &str) -> Option<&Mark> {
        self.marks.get(name)?.get(code)
    }

    fn mark(&mut self, name: &str, code: &str, is: Standing, now: SystemTime) {
        let at = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let marks = self.marks.entry(name.to_owned()).or_default();
        marks.insert(code.to_owned(), Mark { is, at });
        while marks.len() > MOST_MARKS {
            // What is bad is remembered longest.
            let oldest = marks.iter().min_by_key(|(_, mark)| (mark.is_bad(), mark.at)).map(|(code, _)| code.clone());
            oldest.map(|code| marks.remove(&code));
        }
    }

    fn unmark(&mut self, name: &str, code: &str) {
        if let Some(marks) = self.marks.get_mut(name) {
            marks.remove(code);
        }
        self.marks.retain(|_, marks| !marks.is_empty());
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
                let is_same = version.source.code() == own.source.code();
                // Of the gateway's chain today's is known already.
                if is_same && !place.ends_with('/') {
                    version.configs.insert(place, configs);
                }
            }
        }
    }

    /// Names come and go; that many are not remembered for ever.
    fn forget(&mut self, config: &Config) {
        let former = self.marks.keys().filter(|name| !config.policies.contains_key(*name));
        let former: Vec<_> = former.skip(MOST_FORMER).cloned().collect();
        self.marks.retain(|name, _| !former.contains(name));
    }
}

/// Whether new code of it is. Who pins code wants no other.
fn may_be_taken_back(policy: &Policy) -> bool {
    !policy.rollout.probation.is_zero() && policy.digest.is_none()
}

impl Standing {
    /// Whether it serves only if an operator says so.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::TakenBack(_) | Self::Aborted)
    }
}

impl Mark {
    fn is_bad(&self) -> bool {
        self.is.is_bad()
    }

    fn fault(&self, name: &str, code: &str, place: &Place) -> ConfigFault {
        let reason = match &self.is {
            Standing::TakenBack(class) => format!("failed again and again ({class}) and was taken back"),
            Standing::Aborted => "was not wanted: its rollout was aborted".into(),
            Standing::Differed => "was not the same as the one that serves, and waits for a decision".into(),
            Standing::Served | Standing::Unproven | Standing::Promoted => "does not serve yet".into(),
        };
        let advice = format!("put another there, or take it all the same with `lockgate rollout promote {name}`");
        place.below("source").fault(format!("the component sha256:{code} {reason}"), advice)
    }
}

#[cfg(test)]
mod tests;
