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
    /// What served before code that is new.
    pub(super) before: BTreeMap<String, Before>,
    pub(super) marks: Marks,
    /// What policies of APIs that are held run in place of code of their files, by folder and name.
    pub(super) held: BTreeMap<String, BTreeMap<String, Instead>>,
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
    /// What is put back where this fails too, being new itself.
    pub(super) earlier: Option<Box<Before>>,
}

/// A version that runs in place of some code.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instead {
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
    /// Have a configuration run what is to serve, with configurations of then in places that are `past`. Returns what is wrong with what the folder has instead.
    pub(super) fn apply(&self, config: &mut Config, past: &Past) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let names: Vec<String> = config.policies.keys().cloned().collect();
        for name in names {
            let Some(policy) = config.policies.get_mut(&name) else { continue };
            let serving = self.serving.get(&name);
            if serving.is_some_and(|version| version.source.code() == policy.source.code()) {
                continue;
            }
            let Some(written) = code(&policy.source) else { continue };
            let is_shadow = match self.mark_of(&name, &written) {
                Some(mark) if mark.is_bad() => {
                    let fault = mark.fault(&name, &written, &policy.place);
                    if serving.is_none() {
                        policy.source = PolicySource::Missing(fault.clone().into());
                    }
                    faults.push(fault);
                    false
                }
                Some(Mark { is: Standing::Promoted | Standing::Served, .. }) => continue,
                Some(_) | None if policy.rollout.shadow.is_some() => true,
                Some(mark @ Mark { is: Standing::Differed, .. }) => {
                    faults.push(mark.fault(&name, &written, &policy.place));
                    false
                }
                Some(_) | None => continue,
            };
            if let Some(version) = serving {
                let is_past = |place: &str| past.contains(&(name.clone(), place.to_owned()));
                config.run_before(&name, version, is_past, is_shadow);
            }
        }
        self.apply_to_held(config);
        faults
    }

    /// An API that is held has the files of a time in which code was written there that did not serve, or was found to be bad later.
    fn apply_to_held(&self, config: &mut Config) {
        let folders: Vec<_> =
            config.apis.iter().filter(|api| api.held.is_some()).map(|api| api.folder.clone()).collect();
        for folder in folders {
            for (name, instead) in self.instead_in(&folder) {
                config.run_before_in(&folder, &name, &instead.version, |source| {
                    code(source).as_ref() == Some(&instead.of)
                });
            }
        }
    }

    /// What policies run in an API that is held from now on, or was before.
    fn instead_in(&self, folder: &str) -> BTreeMap<String, Instead> {
        let known = self.held.get(folder).cloned();
        known.unwrap_or_else(|| {
            let now = |(name, of): (&String, &String)| {
                let version = self.serving.get(name)?.clone();
                Some((name.clone(), Instead { of: of.clone(), version }))
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
        let held: BTreeSet<&String> =
            config.apis.iter().filter_map(|api| api.held.as_ref()).flat_map(|held| held.policies.keys()).collect();
        next.serving.retain(|name, _| config.policies.contains_key(name) || held.contains(name));
        next.before
            .retain(|name, before| before.until > now && config.policies.get(name).is_some_and(may_be_taken_back));
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
            let earlier = next.before.remove(name).filter(|it| it.all().count() < MOST_EARLIER).map(Box::new);
            let Some(version) = old else { continue };
            if let Some(code) = code(&version.source) {
                next.mark(name, &code, Standing::Served, now);
            }
            let until = now.checked_add(policy.rollout.probation).filter(|_| may_be_taken_back(policy));
            if let Some(until) = until {
                next.before.insert(name.to_owned(), Before { version, until, earlier });
            }
        }
        next.forget(config);
        next
    }

    /// The same where code that serves failed again and again, and the one before it is to serve again; none where it is not new any more.
    pub(super) fn take_back(&self, name: &str, failed: &str, standing: Standing, now: SystemTime) -> Option<Self> {
        let newest = self.before.get(name).filter(|before| before.until > now)?;
        // Nobody goes from bad to worse.
        let is_bad = |before: &&Before| {
            let code = code(&before.version.source);
            code.is_none_or(|code| code == failed || self.mark_of(name, &code).is_some_and(Mark::is_bad))
        };
        let before = newest.all().find(|before| !is_bad(before))?;
        let serving = self.serving.get(name).and_then(|version| code(&version.source))?;
        (serving == failed).then(|| {
            let mut next = self.clone();
            for instead in next.held.values_mut() {
                let version = before.version.clone();
                instead.entry(name.to_owned()).or_insert_with(|| Instead { of: failed.to_owned(), version });
            }
            next.serving.insert(name.to_owned(), before.version.clone());
            next.before.remove(name);
            next.before.extend(before.earlier.as_deref().map(|earlier| (name.to_owned(), earlier.clone())));
            if let Some(code) = code(&before.version.source) {
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

impl Before {
    /// This one and those that are put back after it, the newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |before| before.earlier.as_deref())
    }
}

impl Mark {
    fn is_bad(&self) -> bool {
        matches!(self.is, Standing::TakenBack(_) | Standing::Aborted)
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
