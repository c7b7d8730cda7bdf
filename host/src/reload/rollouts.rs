//! Which version of each policy serves, where that is not simply what the folder has: new code that runs in the shadow of the one before, that was
//! taken back since it failed, or that an operator did not want.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::inputs::code;
use crate::config::{Config, ConfigFault, Place, PolicySource, Version};
use crate::sandbox::Digest;

/// Components of one policy that are remembered as bad or not proven.
const MOST_MARKS: usize = 64;

/// What is known of the versions of policies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rollouts {
    /// What serves.
    pub(super) serving: BTreeMap<String, Version>,
    /// What served before code that is new.
    pub(super) before: BTreeMap<String, Before>,
    pub(super) marks: Marks,
    /// Policies of which the folder has another version than the one that serves.
    pub(super) waiting: BTreeSet<String>,
}

/// By the name of the policy and the SHA-256 of the component in hexadecimal.
pub(super) type Marks = BTreeMap<String, BTreeMap<String, Mark>>;

/// A version that is put back where the one that serves fails.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    pub(super) version: Version,
    /// Until when that one is new.
    pub(super) until: SystemTime,
}

/// What is known of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) is: Standing,
    /// Since when, in seconds since 1970.
    pub(super) at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    /// It ran in the shadow of another, and never served.
    Unproven,
    /// It served and failed again and again, last with this class of fault.
    TakenBack(String),
    /// An operator said no.
    Aborted,
    /// An operator said yes, or it was proven; as long as it does not serve yet.
    Promoted,
}

impl Rollouts {
    /// Have a configuration run what is to serve. Returns what is wrong with what the folder has instead. `with_configs` are policies whose earlier code runs with the
    /// configurations of then.
    pub(super) fn apply(&self, config: &mut Config, with_configs: &BTreeSet<String>) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let names: Vec<String> = config.policies.keys().cloned().collect();
        for name in names {
            let Some(policy) = config.policies.get_mut(&name) else { continue };
            let serving = self.serving.get(&name);
            if serving.is_some_and(|version| version.source.code() == policy.source.code()) {
                continue;
            }
            let Some(written) = code(&policy.source) else { continue };
            let is_shadow = match self.mark_of(&name, written) {
                Some(mark) if mark.is_bad() => {
                    let fault = mark.fault(&name, written, &policy.place);
                    if serving.is_none() {
                        policy.source = PolicySource::Missing(fault.clone().into());
                    }
                    faults.push(fault);
                    false
                }
                Some(Mark { is: Standing::Promoted, .. }) => continue,
                Some(_) | None if policy.rollout.shadow.is_some() => true,
                Some(_) | None => continue,
            };
            if let Some(version) = serving {
                config.run_before(&name, version, with_configs.contains(&name), is_shadow);
            }
        }
        // An API that is held has the files of a time in which this was written, and did not serve.
        config.replace_held(|name, source| {
            let (_, serving) = (self.marks.get(name)?, self.serving.get(name)?);
            let is_served = |mark: &Mark| mark.is == Standing::Promoted || serving.source.code() == source.code();
            let mark = self.mark_of(name, code(source)?)?;
            (!is_served(mark)).then(|| serving.source.clone())
        });
        faults
    }

    /// What is known after a configuration was found good and serves.
    pub(super) fn after(&self, config: &Config, now: SystemTime) -> Self {
        let mut next = self.clone();
        next.serving.retain(|name, _| config.policies.contains_key(name));
        next.waiting = config.written.keys().cloned().collect();
        next.before.retain(|name, before| config.policies.contains_key(name) && before.until > now);
        for (name, written) in config.written.iter().filter(|(_, written)| written.is_shadow) {
            if let Some(code) = code(&written.policy.source).filter(|code| self.mark_of(name, *code).is_none()) {
                next.mark(name, code, Standing::Unproven, now);
            }
        }
        let used: BTreeSet<&str> = config.in_use().filter(|name| !config.written.contains_key(*name)).collect();
        for name in used {
            let (Some(version), Some(policy)) = (config.version(name), config.policies.get(name)) else { continue };
            if let Some(marks) = next.marks.get_mut(name) {
                code(&version.source).map(|code| marks.remove(&code.to_string()));
            }
            let Some(old) = next.serving.insert(name.to_owned(), version.clone()) else { continue };
            let (is_new, probation) = (old.source.code() != version.source.code(), policy.rollout.probation);
            if is_new {
                next.before.remove(name);
            }
            if let Some(until) = now.checked_add(probation).filter(|_| is_new && !probation.is_zero()) {
                next.before.insert(name.to_owned(), Before { version: old, until });
            }
        }
        next.marks.retain(|_, marks| !marks.is_empty());
        next
    }

    /// The same where code that serves failed again and again, and the one before it is to serve again; none where it is not new any more.
    pub(super) fn take_back(&self, name: &str, failed: Digest, standing: Standing, now: SystemTime) -> Option<Self> {
        let is_serving = self.serving.get(name).and_then(|version| code(&version.source)) == Some(failed);
        let is_new = self.before.get(name).is_some_and(|before| before.until > now);
        (is_serving && is_new).then(|| {
            let mut next = self.clone();
            if let Some(before) = next.before.remove(name) {
                next.serving.insert(name.to_owned(), before.version);
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
    pub(super) fn decide(&self, name: &str, about: Digest, standing: Standing, now: SystemTime) -> Self {
        let mut next = self.clone();
        next.mark(name, about, standing, now);
        next
    }

    pub(super) fn mark_of(&self, name: &str, code: Digest) -> Option<&Mark> {
        self.marks.get(name)?.get(&code.to_string())
    }

    fn mark(&mut self, name: &str, code: Digest, is: Standing, now: SystemTime) {
        let at = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let marks = self.marks.entry(name.to_owned()).or_default();
        marks.insert(code.to_string(), Mark { is, at });
        while marks.len() > MOST_MARKS {
            let oldest = marks.iter().min_by_key(|(_, mark)| mark.at).map(|(code, _)| code.clone());
            oldest.map(|code| marks.remove(&code));
        }
    }
}

impl Mark {
    fn is_bad(&self) -> bool {
        matches!(self.is, Standing::TakenBack(_) | Standing::Aborted)
    }

    fn fault(&self, name: &str, code: Digest, place: &Place) -> ConfigFault {
        let reason = match &self.is {
            Standing::TakenBack(class) => format!("failed again and again ({class}) and was taken back"),
            Standing::Aborted | Standing::Unproven | Standing::Promoted => {
                "was not wanted: its rollout was aborted".into()
            }
        };
        let reason = format!("the component sha256:{code} {reason}; what served before serves");
        place
            .below("source")
            .fault(reason, format!("put another there, or take it all the same with `lockgate rollout promote {name}`"))
    }
}
