//! Owns `split` of a route: several upstreams, how much each of them takes, and what decides about a request.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;

use super::fault::{At, Faults, complained_below, quoted};
use super::kinds::{Integer, List, Placed, Spelled, Spelling, Text, Time};
use super::section::section;
use super::traffic::HashKey;
use crate::exchange::hygiene::{is_always_removed, is_vital};
use crate::near::advice;

/// Most upstreams of a split.
const MOST_ARMS: usize = 16;

/// A share of the requests for each of several upstreams.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    /// One of them with a weight at least.
    pub arms: Vec<Arm>,
    /// None where each request is drawn for anew.
    pub sticky: Option<Sticky>,
    /// The field that may name an arm.
    pub override_field: Option<HeaderName>,
}

/// One of the upstreams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arm {
    /// Of the same API, and declared.
    pub upstream: String,
    /// Beside those of the others.
    pub weight: u32,
}

/// What keeps requests at the upstream they were given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sticky {
    pub key: HashKey,
    /// Of the cookie; none for as long as the browser runs.
    pub max_age: Option<Duration>,
}

section! {
    /// A share of the requests for each of several upstreams.
    pub(super) struct RawSplit = "split" {
        /// At most 16, each once, one of them with a weight above 0.
        required to: List<RawArm>,
        /// What keeps requests at one upstream: the same client, header field, cookie or path gets the same one as long
        /// as the weights are the same; where one of them changes, requests move only from it or to it. Requests
        /// without it are drawn for one by one; those without the cookie are given it. When absent, every request is
        /// drawn for.
        optional sticky: Spelling<HashKey>,
        /// How long the cookie of `sticky` lasts; when absent, as long as the browser runs.
        optional max_age: Placed<Time<1_000, 34_560_000_000>>,
        /// A header field that may name an upstream of `to`, which then gets the request, whatever its weight. The
        /// field goes no further. Whoever can send it can choose, unless `[request] identity_headers` names it: then
        /// only policies can. Answers name it in `Vary`.
        optional override_field "override": Spelling<OverrideField>,
    }
}

section! {
    /// One of the upstreams of a split.
    pub(super) struct RawArm = "split.to" {
        /// Name of an `[upstream.NAME]` of this file.
        required upstream: Placed<Text>,
        /// How much it takes beside the others; 0 for nothing but what `override` gives it.
        default weight: Integer<0, 10_000> = 1,
    }
}

impl RawSplit {
    pub(super) fn resolve(self, upstreams: &DeclaredUpstreams<'_>, faults: &mut Faults) -> Option<Split> {
        let arms = self.to?;
        let place = self.place.below("to");
        if arms.is_empty() && !complained_below(faults, &place) {
            faults.push(place.fault("is empty", "name at least one upstream"));
        } else if arms.iter().all(|arm| arm.weight == 0) && !complained_below(faults, &place) {
            faults.push(place.fault("has no weight at all", "give one upstream a weight above 0"));
        }
        if arms.len() > MOST_ARMS {
            faults.push(place.fault(format!("has more than {MOST_ARMS} upstreams"), "name fewer"));
        }
        for (at, named) in arms.iter().enumerate().filter_map(|(at, arm)| Some((at, arm.upstream.as_ref()?))) {
            upstreams.check(named, faults);
            let mut earlier = arms.iter().take(at).filter_map(|arm| arm.upstream.as_ref());
            if earlier.any(|earlier| earlier.value == named.value) {
                let reason = format!("names {} a second time", quoted(&named.value));
                faults.push(named.place.fault(reason, "keep one of them, with the weight of both"));
            }
        }
        let is_known = self.sticky.is_some() || !complained_below(faults, &self.place.below("sticky"));
        let has_cookie = matches!(self.sticky, Some(HashKey::Cookie(_)));
        if let Some(max_age) = self.max_age.as_ref().filter(|_| is_known && !has_cookie) {
            faults.push(max_age.place.fault("has no meaning without a cookie", "write `sticky = \"cookie:NAME\"`"));
        }
        let max_age = self.max_age.map(|max_age| max_age.value);
        let arms = arms.into_iter().filter_map(|arm| Some(Arm { upstream: arm.upstream?.value, weight: arm.weight }));
        Some(Split {
            arms: arms.collect(),
            sticky: self.sticky.map(|key| Sticky { key, max_age }),
            override_field: self.override_field.map(|field| field.0),
        })
    }
}

/// The upstreams of an API by name.
pub(super) struct DeclaredUpstreams<'a>(pub(super) BTreeSet<&'a str>);

impl DeclaredUpstreams<'_> {
    pub(super) fn check(&self, named: &At<String>, faults: &mut Faults) {
        if !self.0.contains(named.value.as_str()) {
            let reason = format!("names the upstream {}, which is not declared", quoted(&named.value));
            let advice = advice(&named.value, self.0.iter().copied(), "declare it as [upstream.NAME] in this file");
            faults.push(named.place.fault(reason, advice));
        }
    }
}

/// `header:NAME`
#[derive(Debug)]
pub(super) struct OverrideField(HeaderName);

/// No header field to be taken out of requests.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum BadOverride {
    #[error("it names no header field")]
    Unknown,
    #[error("requests live on that field, or the gateway removes it first; take one of your own, `header:x-canary`")]
    Taken,
}

impl FromStr for OverrideField {
    type Err = BadOverride;

    fn from_str(text: &str) -> Result<Self, BadOverride> {
        let name = text.strip_prefix("header:").ok_or(BadOverride::Unknown)?;
        let name: HeaderName = name.parse().map_err(|_| BadOverride::Unknown)?;
        let is_taken = is_vital(name.as_str()) || is_always_removed(name.as_str()) || name.as_str().contains('_');
        if is_taken { Err(BadOverride::Taken) } else { Ok(Self(name)) }
    }
}

impl Spelled for OverrideField {
    const SPELLING: &'static str = "\"header:NAME\"";
}

impl Spelled for HashKey {
    const SPELLING: &'static str = "\"cookie:NAME\", \"client\", \"header:NAME\" or \"path\"";
}
