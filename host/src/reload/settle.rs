//! Finds what serves of a folder. The unit is an API with its whole chain and the components in that: as the folder has it where all of that is
//! good, else as it was when all of it was, else nothing of it.
//!
//! So no request meets parts of different times that were never good together. What each policy may do, its keys and
//! whom to trust are those of gateway.toml as it is now; a gateway.toml that is faulty changes nothing at all. And what
//! was matched stays matched: as long as something is faulty, requests for routes that are gone are refused, and fall
//! to no other route.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::good::Good;
use super::inputs::{fingerprint, used};
use super::rollouts::Past;
use crate::config::{Api, Blank, Config, ConfigFault, Faulty, Reading, Sources, Tree, complained_below};
use crate::content::Digest;
use crate::generation::{Builder, Generation, Refused};

type Faults = Vec<ConfigFault>;

/// Routes that are refused at most: each change beside a fault can add some.
const MOST_BLANKS: usize = 10_000;

/// A choice of what serves, made until nothing is wrong with it. Each step lets more APIs be what they were, or
/// nothing.
pub(crate) struct Settling<'a> {
    good: &'a Good,
    /// Whether the folder counts for nothing.
    is_past: bool,
    sources: Sources<'a>,
    /// APIs that cannot be used as the folder has them, and the files by which they were good.
    kept: BTreeMap<Arc<str>, Arc<Tree>>,
    /// What APIs would match that never worked.
    never: Vec<Blank>,
    /// With the folders of APIs of which that is known.
    served: OnceCell<Vec<(Arc<str>, Blank)>>,
    /// Where earlier code of policies runs with the configurations of then: it did not take those of now.
    past: Past,
    /// Policies whose new code serves without having been in a shadow.
    at_once: BTreeSet<String>,
    /// What is wrong with APIs.
    faults: BTreeSet<ConfigFault>,
    /// What is wrong with what nobody needs.
    idle: Faults,
}

/// A choice that can be read.
pub(crate) struct Read<'a> {
    choice: Settling<'a>,
    pub(crate) config: Config,
}

/// What a change of versions must do: nothing may be lost that served, and this code of this policy must serve, where
/// some is named.
pub(super) struct Demand(pub(super) Option<(String, Digest)>);

impl Demand {
    fn is_met(&self, next: &Good, before: &Good) -> bool {
        let serves = |(policy, wanted): &(String, Digest)| {
            next.rollouts.serving.get(policy).and_then(|version| version.source.digest()) == Some(*wanted)
        };
        !next.lacks_of(before) && self.0.as_ref().is_none_or(serves)
    }
}

/// What came of it.
pub(super) struct Settled {
    pub(super) config: Config,
    /// Of all that serves.
    pub(super) fingerprint: Digest,
    /// None where what serves is what is wanted.
    pub(super) generation: Option<Generation>,
    pub(super) good: Good,
    /// APIs of which nothing serves, by folder.
    pub(super) absent: BTreeSet<Arc<str>>,
    pub(super) faults: Faults,
    /// What is wrong with policies nobody uses; found by building.
    pub(super) unused: Faults,
}

impl<'a> Settling<'a> {
    /// Of a folder, where `good` served before.
    pub(crate) fn new(folder: &'a Tree, good: &'a Good) -> Self {
        let before = good.apis.keys().map(|api| (api.clone(), good.is_in(api, folder))).collect();
        let mut this = Self::of(good, Sources { before, ..Sources::of(folder) });
        // What cannot be read must not be taken for removed.
        for api in good.apis.keys() {
            let faults = folder.faults().iter().filter(|fault| fault.file.starts_with(&**api)).cloned();
            let faults: Faults = faults.collect();
            if !faults.is_empty() {
                this.faults.extend(faults);
                this.keep(api);
            }
        }
        this
    }

    /// Of nothing but what served before, since the folder cannot be used.
    pub(crate) fn past(good: &'a Good, faults: Faults) -> Self {
        let never = good.blanks.iter().filter(|blank| !blank.was_served).cloned().collect();
        let kept = good.held.clone();
        Self { is_past: true, kept, never, faults: faults.into_iter().collect(), ..Self::of(good, good.sources()) }
    }

    fn of(good: &'a Good, sources: Sources<'a>) -> Self {
        let (kept, never, served, past, at_once, faults, idle) = Default::default();
        Self { good, is_past: false, sources, kept, never, served, past, at_once, faults, idle }
    }

    /// What can be read. The error is all that is wrong, where nothing may change for it.
    pub(crate) fn read(mut self) -> Result<Read<'a>, Faults> {
        let config = self.choose()?;
        Ok(Read { choice: self, config })
    }

    fn choose(&mut self) -> Result<Config, Faults> {
        loop {
            let Reading { mut config, faulty, idle } = Config::read(&self.sources).map_err(|found| self.all(found))?;
            self.idle = idle;
            self.idle.extend(self.good.rollouts.apply(&mut config, &self.past, &self.at_once));
            if faulty.is_empty() {
                config.blanks = self.blanks(&config);
                let gone = config.blanks.iter().filter(|blank| blank.was_served).count();
                return if gone > MOST_BLANKS { Err(self.all(vec![too_many()])) } else { Ok(config) };
            }
            for (folder, faulty) in faulty {
                self.check_gateway(&folder, &faulty)?;
                self.replace(&folder, faulty)?;
            }
        }
    }

    /// Everything that is known to be wrong.
    fn all(&self, more: Faults) -> Faults {
        let all: BTreeSet<_> = self.faults.iter().chain(&self.idle).cloned().chain(more).collect();
        all.into_iter().collect()
    }

    /// It is gateway.toml that is wrong where it changed, and an API that did not cannot be read any more.
    fn check_gateway(&self, folder: &Arc<str>, faulty: &Faulty) -> Result<(), Faults> {
        let file = Path::new("gateway.toml");
        let is_same = self.good.base.get(file) == self.sources.folder.get(file);
        // Other files of its folder may be new.
        let is_named = faulty.faults.iter().any(|fault| fault.file == Path::new(&**folder).join("api.toml"));
        match self.sources.before.get(folder) == Some(&true) && !is_same && is_named {
            true => Err(self.all(faulty.faults.clone())),
            false => Ok(()),
        }
    }

    /// An API is what it was; where it cannot be that any more either, or never was anything, it is nothing.
    fn replace(&mut self, folder: &Arc<str>, faulty: Faulty) -> Result<(), Faults> {
        if self.sources.held.remove(folder).is_some() {
            self.sources.absent.insert(folder.clone());
            let past = |fault: ConfigFault| {
                let reason = format!("cannot go on as it was either: {}", fault.reason);
                ConfigFault { reason, ..fault }
            };
            self.faults.extend(faulty.faults.into_iter().map(past));
            return Ok(());
        }
        if self.good.is_empty() && !faulty.is_known {
            // Others would take what it is to match.
            return Err(self.all(faulty.faults));
        }
        self.faults.extend(faulty.faults);
        if self.keep(folder) {
            return Ok(());
        }
        self.sources.absent.insert(folder.clone());
        let renamed = faulty.name.and_then(|name| self.gone(&name));
        match renamed {
            Some(before) => _ = self.keep(&before),
            None => self.never.extend(faulty.blanks),
        }
        Ok(())
    }

    /// Have an API be what it was; says whether it was anything.
    fn keep(&mut self, folder: &Arc<str>) -> bool {
        let Some(tree) = self.good.files_of(folder) else { return false };
        // What was put back there was for files that do not count any more.
        if let Some(name) = self.good.apis.get(folder) {
            self.past.retain(|(_, place)| place.split('/').next() != Some(name));
        }
        self.kept.insert(folder.clone(), tree.clone());
        self.sources.held.insert(folder.clone(), tree);
        true
    }

    /// The folder an API of this name was in, which is not there any more.
    fn gone(&self, name: &str) -> Option<Arc<str>> {
        let file = |folder: &str| Path::new(folder).join("api.toml");
        let mut known = self.good.apis.iter().filter(|(_, known)| *known == name).map(|(folder, _)| folder);
        known
            .find(|folder| self.sources.folder.get(&file(folder)).is_none() && !self.kept.contains_key(*folder))
            .cloned()
    }

    /// What is matched and cannot be served; in the end what no other API may take.
    fn blanks(&self, config: &Config) -> Vec<Blank> {
        if self.faults.is_empty() && !self.is_past {
            return Vec::new();
        }
        let routes: HashSet<_> = blanks(&config.apis).map(|blank| Blank::key(&blank.matching)).collect();
        let (mut known, mut owned, mut free) = (HashSet::new(), Vec::new(), Vec::new());
        for (folder, blank) in self.served.get_or_init(|| served(self.good)) {
            let key = Blank::key(&blank.matching);
            if self.kept.contains_key(folder) && self.sources.absent.contains(folder) {
                if known.insert(key) {
                    owned.push(Blank { is_owned: true, ..blank.clone() });
                }
            } else if !routes.contains(&key) && known.insert(key) {
                free.push(blank.clone());
            }
        }
        let is_free = |blank: &&Blank| !routes.contains(&Blank::key(&blank.matching));
        let never = self.never.iter().filter(is_free);
        free.extend(never.filter(|blank| known.insert(Blank::key(&blank.matching))).cloned());
        free.extend(owned);
        free
    }

    /// What serves with this configuration.
    fn result(&self, config: &Config) -> Good {
        let rollouts = self.good.rollouts.after(config, &self.past, self.kept.keys(), SystemTime::now());
        let served = config.apis.iter().map(|api| (api.folder.clone(), api.name.clone()));
        let kept = self.kept.keys().filter_map(|folder| Some((folder.clone(), self.good.apis.get(folder)?.clone())));
        Good {
            base: used(&self.sources, config),
            apis: served.chain(kept).collect(),
            held: self.kept.clone(),
            blanks: config.blanks.clone(),
            rollouts,
        }
    }

    /// Have earlier code be given the configurations of then where it did not take those of now, and new code serve
    /// without a shadow where the code before it cannot serve at all any more, say for want of a grant. Says whether
    /// there is more of that than before.
    fn go_back_further(&mut self, config: &Config, refused: &Refused) -> bool {
        let known = self.past.len() + self.at_once.len();
        for (folder, place, chain) in config.all_chains() {
            let faults = match folder {
                None => &refused.gateway,
                Some(folder) => match refused.apis.get(folder) {
                    Some(faults) => faults,
                    None => continue,
                },
            };
            let refusing = chain.iter().filter(|entry| complained_below(faults, &entry.place));
            let is_other = |policy: &String| {
                let held = folder.filter(|folder| self.kept.contains_key(*folder));
                let instead = held.map(|folder| self.good.rollouts.instead_in(folder));
                config.written.contains_key(policy) || instead.into_iter().flatten().any(|it| it.policy == *policy)
            };
            for entry in refusing.filter(|entry| is_other(&entry.policy)) {
                self.past.insert((entry.policy.clone(), place.clone()));
            }
        }
        if self.past.len() + self.at_once.len() > known {
            return true;
        }
        for (name, written) in config.written.iter().filter(|(_, written)| written.is_shadow) {
            // What an API that is held lacks is its own affair.
            let current = refused.apis.iter().filter(|(folder, _)| !self.kept.contains_key(*folder));
            let mut faults = current.map(|(_, faults)| faults).chain([&refused.gateway]);
            if faults.any(|faults| complained_below(faults, &written.policy.place)) {
                self.at_once.insert(name.clone());
            }
        }
        self.past.len() + self.at_once.len() > known
    }
}

impl Read<'_> {
    /// Build what was read. `wrong` is what else is known to be wrong with gateway.toml. Nothing is built where that is
    /// what is `serving`, nor where it would not do what is demanded.
    pub(super) async fn build(
        self,
        builder: &mut Builder,
        wrong: Faults,
        serving: Option<Digest>,
        demand: Option<&Demand>,
    ) -> Result<Settled, Faults> {
        let Self { mut choice, mut config } = self;
        loop {
            if demand.is_some_and(|demand| !demand.is_met(&choice.result(&config), choice.good)) {
                return Err(choice.all(Faults::new()));
            }
            let fingerprint = fingerprint(&choice.sources, &config);
            let (mut generation, mut unused) = (None, Faults::new());
            if serving != Some(fingerprint) {
                match builder.build(&config, wrong.clone()).await {
                    Ok((built, idle)) => {
                        (generation, unused) = (Some(built), idle);
                        for policy in &choice.at_once {
                            tracing::warn!(
                                policy,
                                "the component before cannot serve any more under gateway.toml as it is: the new one serves without having been in its shadow"
                            );
                        }
                    }
                    Err(refused) if choice.go_back_further(&config, &refused) => {
                        config = choice.choose()?;
                        continue;
                    }
                    Err(refused) if refused.gateway.is_empty() => {
                        for (folder, faults) in refused.apis {
                            let api = config.apis.iter().find(|api| api.folder == folder);
                            choice.replace(&folder, unbuilt(api, faults))?;
                        }
                        config = choice.choose()?;
                        continue;
                    }
                    Err(refused) => return Err(choice.all(refused.faults())),
                }
            }
            // A fault of a component is told of its users already.
            unused.retain(|fault| !choice.faults.contains(fault));
            let (good, faults) = (choice.result(&config), choice.all(Faults::new()));
            let absent = choice.sources.absent;
            return Ok(Settled { config, fingerprint, generation, good, absent, faults, unused });
        }
    }
}

fn too_many() -> ConfigFault {
    let reason = format!("more than {MOST_BLANKS} routes are gone or cannot serve while other parts are faulty");
    let (file, key, advice) = (".".into(), String::new(), "mend what is faulty before other routes go".into());
    ConfigFault { file, line: None, key, reason, advice }
}

/// An API that can be read, but not used.
fn unbuilt(api: Option<&Api>, faults: Faults) -> Faulty {
    let name = api.map(|api| api.name.clone());
    Faulty { faults, name, blanks: blanks(api).collect(), is_known: true }
}

/// What the routes of APIs match.
fn blanks<'c>(apis: impl IntoIterator<Item = &'c Api>) -> impl Iterator<Item = Blank> {
    apis.into_iter().flat_map(|api| {
        api.routes.iter().map(|route| Blank {
            api: api.name.clone(),
            route: route.name.clone(),
            matching: route.matching.within(&api.hosts),
            was_served: false,
            is_owned: false,
        })
    })
}

/// What was matched when this served, with the folders of APIs of which that is known.
fn served(good: &Good) -> Vec<(Arc<str>, Blank)> {
    let of_api = |folder: &Arc<str>| {
        let tree = good.held.get(folder).map_or(&good.base, |tree| tree);
        let blanks = Faulty::of(tree, folder).blanks.into_iter();
        let folder = folder.clone();
        blanks.map(move |blank| (folder.clone(), Blank { was_served: true, ..blank }))
    };
    let refused = good.blanks.iter().filter(|blank| blank.was_served).map(|blank| (Arc::from(""), blank.clone()));
    good.apis.keys().flat_map(of_api).chain(refused).collect()
}

#[cfg(test)]
mod tests;
