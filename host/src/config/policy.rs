//! Owns declared policies: where the code comes from, what it may do and what it may use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use super::fault::{At, ConfigFault, Faults, Place};
use super::grant::Grant;
use super::key::{KeySource, Keys};
use super::kinds::{List, Placed, Spelled, Spelling, is_name};
use super::limiter::Limiter;
use super::limits::{Breaker, Isolation, Limits, RawBreaker, RawCeilings, RawLimits};
use super::rollout::{RawRollout, Rollout};
use super::section::section;
use super::store::Store;
use super::tree::{Tree, TreeFile};
use crate::builtin;
use crate::content::{Content, Digest};
use crate::near::{advice, nearest};
use crate::signature::beside;

/// A component with its powers and limits, to be named in chains.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub source: PolicySource,
    /// SHA-256 the component must have.
    pub digest: Option<At<Digest>>,
    pub grants: Vec<Grant>,
    /// Components, by SHA-256, that may use more of wildcards than those before them.
    pub accept: Vec<Digest>,
    pub limits: Limits,
    pub isolation: Isolation,
    pub breaker: Breaker,
    pub rollout: Rollout,
    pub place: Place,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PolicySource {
    /// One of those inside the gateway.
    Builtin(String),
    /// A component of the policies folder, and what lies beside it to say who made it.
    File { component: TreeFile, signature: Option<TreeFile> },
    /// A component that is not there.
    Missing(Box<ConfigFault>),
}

impl PolicySource {
    /// The component, where there is one.
    pub(crate) fn code(&self) -> Option<&Content> {
        match self {
            Self::Builtin(name) => builtin::component(name),
            Self::File { component, .. } => Some(&component.content),
            Self::Missing(_) => None,
        }
    }

    /// Names the component.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.code().map(Content::digest)
    }

    /// What of it is in the folder.
    pub(crate) fn files(&self) -> impl Iterator<Item = &TreeFile> {
        let files = match self {
            Self::File { component, signature } => [Some(component), signature.as_ref()],
            Self::Builtin(_) | Self::Missing(_) => [None, None],
        };
        files.into_iter().flatten()
    }
}

section! {
    /// A policy that chains may name, and all it may do.
    pub(super) struct RawPolicy = "[policy.NAME]" {
        /// `builtin:NAME` for a policy inside the gateway, `file:PATH` for a component of the policies folder.
        required source: Placed<Spelling<SourceRef>>,
        /// `sha256:` and 64 hexadecimal digits the component must have.
        optional digest: Placed<Spelling<Digest>>,
        /// Powers. What is not granted cannot be used; a policy that declares more is refused.
        repeated grant: List<Placed<Spelling<Grant>>>,
        /// Digests of components, each `sha256:` and 64 hexadecimal digits, that may use more names under a wildcard of
        /// `grant` than the component that served before. A new component that does is refused as long as neither this
        /// names it nor `grant` the names. The same component under another configuration is not asked about: what that
        /// makes it use is the word of who wrote the configuration.
        repeated accept: List<Spelling<Digest>>,
        /// What calls of the policy share: with `request` nothing, each has a fresh instance; with `pooled` an instance
        /// serves one after the other, which is cheaper. By default `pooled` for policies inside the gateway, `request`
        /// for all others.
        optional isolation: Spelling<Isolation>,
        /// What the policy may use.
        nested limits: RawLimits,
        /// When it is left alone for a while.
        nested breaker: RawBreaker,
        /// How a new component comes to serve in place of the one before it.
        nested rollout: RawRollout,
    }
}

impl Policy {
    /// What is wrong where its component is not there.
    pub(crate) fn missing(&self) -> Option<&ConfigFault> {
        match &self.source {
            PolicySource::Missing(fault) => Some(fault),
            PolicySource::Builtin(_) | PolicySource::File { .. } => None,
        }
    }
}

impl RawPolicy {
    /// Turn into a policy.
    pub(super) fn resolve(
        self,
        tree: &Tree,
        there: &mut Grantable<'_>,
        ceilings: &RawCeilings,
        faults: &mut Faults,
    ) -> Option<Policy> {
        there.check(&self.grant, faults);
        let rollout = self.rollout.resolve(&self.grant, self.digest.is_some(), faults);
        let (limits, breaker) = (self.limits.resolve(ceilings, faults), self.breaker.resolve(faults));
        let source = find_source(self.source?, tree, faults)?;
        let grants = self.grant.into_iter().map(|grant| grant.value).collect();
        let isolation = self.isolation.unwrap_or(match source {
            PolicySource::Builtin(_) => Isolation::Pooled,
            PolicySource::File { .. } | PolicySource::Missing(_) => Isolation::Request,
        });
        let (digest, accept) = (self.digest, self.accept.into_iter().collect());
        Some(Policy { source, digest, grants, accept, limits, isolation, breaker, rollout, place: self.place })
    }
}

/// What can be granted by name.
pub(super) struct Grantable<'a> {
    pub(super) keys: &'a BTreeMap<String, Option<Keys>>,
    pub(super) services: &'a BTreeSet<String>,
    pub(super) stores: BTreeMap<String, Store>,
    pub(super) limiters: BTreeMap<String, Limiter>,
}

impl Grantable<'_> {
    /// What is granted has to be there; stores and limiters are there, with the defaults, once they are granted.
    fn check(&mut self, grants: &[At<Grant>], faults: &mut Faults) {
        let Self { keys, services, stores, limiters } = self;
        for At { value, place } in grants {
            match value {
                Grant::Key(name) => check_keys(keys, name, KeySource::verifies, "verifies", place, faults),
                Grant::Sign(name) => check_keys(keys, name, KeySource::signs, "signs", place, faults),
                Grant::Seal(name) => check_keys(keys, name, KeySource::seals, "seals", place, faults),
                Grant::Egress(name) if !services.contains(name) => {
                    let known = services.iter().map(String::as_str);
                    faults.push(place.fault(
                        format!("names the service `{name}`, which is not declared"),
                        advice(name, known, "declare it as [egress.NAME]"),
                    ));
                }
                Grant::Store { name, .. } if !stores.contains_key(name) => {
                    stores.insert(name.clone(), Store::with_defaults(place.clone()));
                }
                Grant::Limiter(name) if !limiters.contains_key(name) => {
                    limiters.insert(name.clone(), Limiter::with_defaults(place.clone()));
                }
                _ => {}
            }
        }
    }
}

/// Complain about keys that are not there, or cannot do what is granted.
fn check_keys(
    keys: &BTreeMap<String, Option<Keys>>,
    name: &str,
    can: impl FnOnce(&KeySource) -> bool,
    does: &str,
    place: &Place,
    faults: &mut Faults,
) {
    let (reason, advice) = match keys.get(name) {
        None => (
            format!("names the keys `{name}`, which are not declared"),
            format!("declare them as [keys.{name}], of a kind that {does}"),
        ),
        Some(Some(keys)) if !can(&keys.source) => (
            format!("names the keys `{name}`, and none of them {does}"),
            format!("see the reference of [keys.NAME] for a kind that {does}, or grant what they are for"),
        ),
        Some(_) => return,
    };
    faults.push(place.fault(reason, advice));
}

/// The component a source names.
fn find_source(source: At<SourceRef>, tree: &Tree, faults: &mut Faults) -> Option<PolicySource> {
    let found = match source {
        At { value: SourceRef::Builtin(name), place } => {
            if builtin::component(&name).is_none() {
                faults.push(place.fault("names no policy that comes with the gateway", known_builtins(&name)));
                return None;
            }
            PolicySource::Builtin(name)
        }
        At { value: SourceRef::File(text), place } => {
            let folder = place.file.parent().unwrap_or(Path::new(""));
            match tree.file(folder, &text) {
                Some(component) => {
                    let signed = beside(&component.path);
                    let signature = tree.get(&signed).cloned().map(|content| TreeFile { path: signed, content });
                    PolicySource::File { component, signature }
                }
                None => {
                    let advice = "put the component there, or correct the path";
                    PolicySource::Missing(place.fault("names no file of the policies folder", advice).into())
                }
            }
        }
    };
    Some(found)
}

/// What could have been meant.
fn known_builtins(name: &str) -> String {
    match nearest(name, builtin::names()) {
        Some(known) => format!("did you mean `builtin:{known}`?"),
        None => format!("there are {}", builtin::names().collect::<Vec<_>>().join(", ")),
    }
}

/// Names a component.
#[derive(Debug)]
pub(super) enum SourceRef {
    Builtin(String),
    File(String),
}

impl FromStr for SourceRef {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            Some(("builtin", name)) if is_name(name, b"-") => Ok(Self::Builtin(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            _ => Err(SourceError),
        }
    }
}

impl Spelled for SourceRef {
    const SPELLING: &'static str = "\"builtin:NAME\" or \"file:PATH\"";
}

/// A text that names no component.
#[derive(Debug, thiserror::Error)]
#[error("it names no component")]
pub(super) struct SourceError;

impl Spelled for Digest {
    const SPELLING: &'static str = "\"sha256:\" and 64 hexadecimal digits";
}
