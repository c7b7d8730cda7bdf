//! What a route leads to, ready to be asked.

use std::collections::HashMap;

use super::steps::Steps;
use crate::chain::Reads;
use crate::config::{self, Redirect, Respond};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trail::PolicyId;
use crate::upstream::{Arm, Split};

/// What answers.
pub(crate) enum Backend {
    /// By place in the worker's list.
    Upstream(usize),
    Split(Split),
    Responder(Responder),
    Redirect(Redirect),
    Respond(Respond),
    /// Nothing answers, and no other route shall.
    Unavailable,
}

/// A policy in the place of an upstream.
pub(crate) struct Responder {
    /// Which of a worker's pools holds its instances.
    pub(crate) slot: usize,
    pub(crate) id: PolicyId,
    pub(crate) reads: Reads,
    pub(crate) max_body: u64,
}

/// Places of upstreams in the workers' lists, by API and name.
pub(super) type Slots = HashMap<(String, String), usize>;

/// What `route` leads to; none where faults say why.
pub(super) fn backend(
    api: &config::Api,
    route: &config::Route,
    steps: &mut Steps<'_>,
    slots: &Slots,
    metrics: &Metrics,
) -> Option<Backend> {
    let slot = |upstream: &str| slots.get(&(api.name.clone(), upstream.to_owned())).copied();
    Some(match &route.backend {
        config::Backend::Upstream(name) => Backend::Upstream(slot(name)?),
        config::Backend::Split(split) => {
            let arm = |arm: &config::Arm| {
                let metrics = metrics.split(&api.name, &route.name, &arm.upstream);
                Some(Arm::new(&arm.upstream, slot(&arm.upstream)?, arm.weight, metrics))
            };
            let arms = split.arms.iter().map(arm).collect::<Option<_>>()?;
            Backend::Split(Split::new(arms, split.sticky.clone(), split.override_field.clone()))
        }
        config::Backend::Responder(responder) => Backend::Responder(steps.responder(api, responder)?),
        config::Backend::Redirect(redirect) => Backend::Redirect(redirect.clone()),
        config::Backend::Respond(respond) => Backend::Respond(respond.clone()),
    })
}
