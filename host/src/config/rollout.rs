//! Owns how new code of a policy comes to serve, and for how long it counts as new.

use std::time::Duration;

use super::fault::{At, Faults};
use super::grant::Grant;
use super::kinds::{Placed, Time};
use super::section::section;

/// How new code of a policy comes to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rollout {
    /// It runs beside the code before it for so long, and nobody notices; none where it serves at once.
    pub shadow: Option<Duration>,
    /// Since it began to serve: where it fails again and again, the code before it is put back.
    pub probation: Duration,
}

section! {
    /// How a new component comes to serve in place of the one before it.
    pub(super) struct RawRollout = "rollout" {
        /// So long a new component runs in the shadow of the one that serves: it is told copies of the same facts, and
        /// what it says is compared and thrown away. If it said the same and never failed, it serves then, else
        /// `lockgate rollout` shows what differed, and waits for a decision. When absent, it serves at once. For
        /// policies that are granted no stores, limiters or services, are no responders, and have no hooks but those on
        /// heads; and not pinned by `digest`, which serves at once.
        optional shadow: Placed<Time<1_000, 604_800_000>>,
        /// So long a component is new once it serves. One that fails in that time as often as `breaker` allows on one
        /// worker is refused from then on, and the one before it serves again. With `"0s"` none is taken back, nor one
        /// that is pinned by `digest`.
        default probation: Time<0, 604_800_000> = Duration::from_secs(600),
    }
}

impl RawRollout {
    pub(super) fn resolve(self, grants: &[At<Grant>], is_pinned: bool, faults: &mut Faults) -> Rollout {
        let acts = grants.iter().find(|grant| {
            matches!(grant.value, Grant::Store { .. } | Grant::Limiter(_) | Grant::Egress(_) | Grant::Responder)
        });
        if let (Some(shadow), Some(grant)) = (&self.shadow, acts) {
            let reason = format!("is for policies that do nothing but judge heads, and \"{}\" is granted", grant.value);
            faults.push(shadow.place.fault(reason, "leave it out, so that a new component serves at once"));
        }
        if let Some(shadow) = self.shadow.as_ref().filter(|_| is_pinned) {
            let reason = "contradicts `digest`: what is pinned serves at once, and nothing else does";
            faults.push(shadow.place.fault(reason, "leave out one of the two"));
        }
        Rollout { shadow: self.shadow.map(|shadow| shadow.value), probation: self.probation }
    }
}
