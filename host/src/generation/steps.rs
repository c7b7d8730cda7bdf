//! Resolves the names of policies: to steps of chains, to responders, and to those that look at records.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::granted::too_large;
use super::load::Loaded;
use super::uses::{User, Uses};
use super::{Responder, Shadowed};
use crate::chain::{OnError, Reads, Shadow, Step, Tally};
use crate::config::{self, Config, ConfigFault, Grant, Place};
use crate::content::Digest;
use crate::observe::{Catalog, NoObserver, Observer};
use crate::sandbox::Policy;
use crate::telemetry::metrics::Metrics;

/// Bytes of a request body a responder is given when it does not say.
const RESPONDER_BODY: u64 = 64 * 1024;

/// Makes the steps of chains, one for each distinct use and behaviour.
pub(super) struct Steps<'a> {
    config: &'a Config,
    uses: &'a Uses<'a>,
    policies: &'a Loaded,
    made: HashMap<(usize, bool, Option<usize>), Arc<Step>>,
    pub(super) faults: Vec<ConfigFault>,
    /// What is wrong with what nobody needs.
    pub(super) idle: Vec<ConfigFault>,
    catalog: &'a Catalog,
    /// Of the generation before.
    known: &'a Tallies,
    pub(super) tallies: Tallies,
}

/// What came so far of each new version in the shadow of the one that serves. Another configuration, or another of the
/// two, begins anew.
pub(super) type Tallies = Vec<Compared>;

/// Two versions of a policy, as one use of it has them.
#[derive(Clone)]
pub(super) struct Compared {
    new: Arc<Policy>,
    serving: Arc<Policy>,
    tally: Arc<Tally>,
}

/// The new versions of policies that are compared, each with all its uses.
pub(super) fn shadows(config: &Config, tallies: &Tallies) -> Vec<Shadowed> {
    let mut all: BTreeMap<(&str, Digest), Vec<Arc<Tally>>> = BTreeMap::new();
    for Compared { new, tally, .. } in tallies {
        all.entry((new.name(), new.digest())).or_default().push(tally.clone());
    }
    let of = |((policy, digest), tallies): ((&str, Digest), _)| {
        let period = config.policies.get(policy)?.rollout.shadow?;
        Some(Shadowed { policy: policy.to_owned(), code: digest, period, tallies })
    };
    all.into_iter().filter_map(of).collect()
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        config: &'a Config,
        uses: &'a Uses<'a>,
        policies: &'a Loaded,
        (known, catalog): (&'a Tallies, &'a Catalog),
    ) -> Self {
        let (made, faults, idle, tallies) = Default::default();
        Self { config, uses, policies, made, faults, idle, catalog, known, tallies }
    }

    pub(super) fn all(&mut self, user: User<'_>, entries: &[config::ChainEntry]) -> Vec<Arc<Step>> {
        entries.iter().filter_map(|entry| self.step(user, entry)).collect()
    }

    /// The policy of a use and its slot; none where faults say why.
    fn policy(
        &mut self,
        user: User<'_>,
        (name, config): (&str, &serde_json::Value),
        place: &Place,
    ) -> Option<(usize, &'a Arc<Policy>)> {
        let found = match self.uses.slot(user, name, config) {
            Ok(slot) => slot.and_then(|slot| Some((slot, self.policies.policy(slot)?))),
            Err(fault) => {
                self.faults.push(fault.clone());
                return None;
            }
        };
        match found {
            Some((slot, Ok(policy))) => Some((slot, policy)),
            Some((_, Err(faults))) => {
                self.faults.extend_from_slice(faults);
                None
            }
            // Never may a chain be served without a link of it.
            None => {
                self.faults.push(place.fault(format!("`{name}` was not loaded"), "tell us: this is our mistake"));
                None
            }
        }
    }

    /// Those that look at records before they are kept.
    pub(super) fn observers(&mut self, metrics: &Metrics) -> Vec<Observer> {
        let entries = &self.config.observers;
        let of = |entry: &config::ChainEntry| {
            let (_, policy) = self.policy(User::Gateway, (&entry.policy, &entry.config), &entry.place)?;
            let skips = entry.on_error == config::OnError::Skip;
            let observer = Observer::new(policy.clone(), metrics.policy(policy.name()), skips);
            let complain = |error: NoObserver| {
                let reason = format!("`{}` cannot look at records: {error}", entry.policy);
                self.faults.push(entry.place.fault(reason, "name a policy that can, such as `builtin:analytics`"));
            };
            observer.map_err(complain).ok()
        };
        entries.iter().filter_map(of).collect()
    }

    fn step(&mut self, user: User<'_>, entry: &config::ChainEntry) -> Option<Arc<Step>> {
        let (slot, policy) = self.policy(user, (&entry.policy, &entry.config), &entry.place)?;
        let (skip, beside) = (entry.on_error == config::OnError::Skip, self.uses.shadow_slot(user, entry));
        if let Some(step) = self.made.get(&(slot, skip, beside)) {
            return Some(step.clone());
        }
        let on_error = if skip { OnError::Skip } else { OnError::Reject };
        let id = self.catalog.policy(policy.name());
        match Step::new(slot, id, policy.clone(), on_error) {
            Ok(step) => {
                let shadow = beside.and_then(|beside| self.shadow(beside, policy));
                let step = Arc::new(match shadow {
                    Some(shadow) => step.shadowed_by(shadow),
                    None => step,
                });
                self.made.insert((slot, skip, beside), step.clone());
                Some(step)
            }
            Err(error) => {
                self.faults.push(entry.place.fault(
                    format!("`{}` cannot stand in a chain: {error}", entry.policy),
                    "change its configuration, or tell its author",
                ));
                None
            }
        }
    }

    /// The new version that is in a slot, for the shadow of the one that is `serving`. What is wrong with it is no
    /// fault of a chain.
    fn shadow(&mut self, slot: usize, serving: &Arc<Policy>) -> Option<Shadow> {
        let new = self.policies.policy(slot)?.ok()?;
        let is_same = |it: &&Compared| Arc::ptr_eq(&it.new, new) && Arc::ptr_eq(&it.serving, serving);
        let known = self.tallies.iter().chain(self.known).find(is_same).cloned();
        let begin = || Compared { new: new.clone(), serving: serving.clone(), tally: Arc::new(Tally::begin()) };
        let compared = known.unwrap_or_else(begin);
        match Shadow::new(new.clone(), serving, compared.tally.clone()) {
            Ok(shadow) => {
                if !self.tallies.iter().any(|it| Arc::ptr_eq(&it.tally, &compared.tally)) {
                    self.tallies.push(compared);
                }
                Some(shadow)
            }
            Err(error) => {
                let place = &self.config.policies.get(&**new.name())?.place;
                let advice = "leave out `rollout.shadow`, so that it serves at once, or mend it";
                self.idle.push(place.below("rollout").fault(format!("it cannot run in the shadow: {error}"), advice));
                None
            }
        }
    }

    pub(super) fn responder(&mut self, api: &config::Api, responder: &config::Responder) -> Option<Responder> {
        let declared = self.config.policies.get(&responder.policy)?;
        if !declared.grants.contains(&Grant::Responder) {
            let reason =
                format!("the policy is named as responder in API `{}` and not granted \"responder\"", api.name);
            let advice = format!("if it should answer there, add that to `grant` of [policy.{}]", responder.policy);
            self.faults.push(declared.place.fault(reason, advice));
        }
        let (slot, policy) = self.policy(User::Api(api), (&responder.policy, &responder.config), &responder.place)?;
        let interest = policy.interest();
        let reads = Reads::new(&interest.request_read, &interest.attributes_read, false);
        match reads {
            Ok(reads) if policy.hooks().responder => {
                let max_body = interest.request_body.as_ref().map_or(RESPONDER_BODY, |body| body.max_bytes);
                let limits = policy.limits();
                if max_body > limits.memory as u64 {
                    self.faults.push(too_large(max_body, limits, &responder.place, &responder.policy));
                }
                Some(Responder { slot, id: self.catalog.policy(policy.name()), reads, max_body })
            }
            Ok(_) => {
                let reason = format!("`{}` does not export the responder interface", responder.policy);
                self.faults.push(responder.place.fault(reason, "name a policy that does, or an upstream"));
                None
            }
            Err(error) => {
                self.faults
                    .push(responder.place.fault(error.to_string(), "change its configuration, or tell its author"));
                None
            }
        }
    }
}
