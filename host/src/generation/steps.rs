//! Makes the parts of routes that name policies: steps of chains, and responders.

use std::collections::HashMap;
use std::sync::Arc;

use super::Responder;
use super::load::{Loaded, too_large};
use super::uses::{User, Uses};
use crate::chain::{OnError, Reads, Shadow, Step, Tally};
use crate::config::{self, Config, ConfigFault, Grant, Place};
use crate::sandbox::{Digest, Policy};

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
    /// Of the generation before.
    known: &'a Tallies,
    pub(super) tallies: Tallies,
}

/// What came of new versions so far, by the name of the policy and the digest of the component.
pub(super) type Tallies = HashMap<(String, Digest), Arc<Tally>>;

impl<'a> Steps<'a> {
    pub(super) fn new(config: &'a Config, uses: &'a Uses<'a>, policies: &'a Loaded, known: &'a Tallies) -> Self {
        let (made, faults, idle, tallies) = Default::default();
        Self { config, uses, policies, made, faults, idle, known, tallies }
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

    fn step(&mut self, user: User<'_>, entry: &config::ChainEntry) -> Option<Arc<Step>> {
        let (slot, policy) = self.policy(user, (&entry.policy, &entry.config), &entry.place)?;
        let (skip, beside) = (entry.on_error == config::OnError::Skip, self.uses.shadow_slot(user, entry));
        if let Some(step) = self.made.get(&(slot, skip, beside)) {
            return Some(step.clone());
        }
        let on_error = if skip { OnError::Skip } else { OnError::Reject };
        match Step::new(slot, policy.clone(), on_error) {
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

    /// The new version that is in a slot, for the shadow of the one that is `serving`. What is wrong with it is no fault of a chain.
    fn shadow(&mut self, slot: usize, serving: &Policy) -> Option<Shadow> {
        let policy = self.policies.policy(slot)?.ok()?;
        let name = &**policy.name();
        let code = (name.to_owned(), policy.digest());
        let known = self.tallies.get(&code).or_else(|| self.known.get(&code)).cloned();
        let tally = known.unwrap_or_else(|| Arc::new(Tally::begin()));
        match Shadow::new(policy.clone(), serving, tally.clone()) {
            Ok(shadow) => {
                self.tallies.insert(code, tally);
                Some(shadow)
            }
            Err(error) => {
                let place = &self.config.policies.get(name)?.place;
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
                Some(Responder { slot, reads, max_body })
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
