//! How rollouts stand, as people and programs read it.

use std::time::{Duration, SystemTime};

use super::marks::Standing;
use super::rollouts::Rollouts;
use crate::chain::Counts;
use crate::content::Digest;
use crate::generation::{Generation, Shadowed};

/// One rollout.
#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    pub(crate) policy: String,
    pub(crate) stage: Stage,
    /// Of the component that is rolled out.
    pub(crate) digest: Digest,
    /// Of the one that serves, or did before.
    pub(crate) before: Option<Digest>,
    /// What was compared; none where it does not run in the shadow.
    pub(crate) counts: Option<Counts>,
}

/// Where a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It runs in the shadow, for so long still.
    Shadow(Duration),
    /// It ran in the shadow, and was not the same: somebody has to decide.
    Waiting,
    /// It serves, and is taken back if it fails, for so long still.
    New(Duration),
    /// It failed, and the one before it serves.
    TakenBack,
    /// Somebody did not want it.
    Aborted,
    /// It cannot run in the shadow.
    Unfit,
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Shadow(_) => "shadow",
            Self::Waiting => "waiting",
            Self::New(_) => "new",
            Self::TakenBack => "taken-back",
            Self::Aborted => "aborted",
            Self::Unfit => "unfit",
        }
    }

    /// How long it stays so, where that is known.
    pub(crate) fn left(self) -> Option<Duration> {
        match self {
            Self::Shadow(left) | Self::New(left) => Some(left),
            Self::Waiting | Self::TakenBack | Self::Aborted | Self::Unfit => None,
        }
    }
}

/// What is known of a rollout until the next change; what is counted while requests are served is not.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) policy: String,
    pub(super) code: Digest,
    before: Option<Digest>,
    pub(super) is: Is,
}

#[derive(Debug, Clone)]
pub(super) enum Is {
    /// It serves, and is new until then.
    New(SystemTime),
    /// It stands in the folder, and another serves.
    Written(Option<Standing>),
}

/// All rollouts there are.
pub(super) fn known(rollouts: &Rollouts) -> Vec<Known> {
    let serving = |name: &String| rollouts.serving.get(name)?.source.digest();
    let new = rollouts.before.iter().filter_map(|(name, before)| {
        let (policy, own, newest) = (name.clone(), serving(name)?, before.first()?);
        Some(Known { policy, code: own, before: newest.version.source.digest(), is: Is::New(newest.until) })
    });
    let written = rollouts.waiting.iter().map(|(name, code)| {
        let mark = rollouts.marks.get(name, *code).map(|mark| mark.is.clone());
        Known { policy: name.clone(), code: *code, before: serving(name), is: Is::Written(mark) }
    });
    new.chain(written).collect()
}

impl Known {
    /// As it stands with what a generation has counted; none where it is over.
    pub(super) fn with(&self, generation: &Generation) -> Option<Rollout> {
        let is_own = |it: &&Shadowed| (&it.policy, &it.code) == (&self.policy, &self.code);
        let shadowed = || generation.shadows().iter().find(is_own);
        let (stage, counts) = match &self.is {
            Is::New(until) => (Stage::New(until.duration_since(SystemTime::now()).ok()?), None),
            Is::Written(Some(Standing::TakenBack(_))) => (Stage::TakenBack, None),
            Is::Written(Some(Standing::Aborted)) => (Stage::Aborted, None),
            Is::Written(standing) => match (standing, shadowed()) {
                (Some(Standing::Differed), None) => (Stage::Waiting, None),
                (_, None) => (Stage::Unfit, None),
                (_, Some(it)) if it.is_over() => (Stage::Waiting, Some(it.counts())),
                (_, Some(it)) => (Stage::Shadow(it.left()), Some(it.counts())),
            },
        };
        let (policy, digest, before) = (self.policy.clone(), self.code, self.before);
        Some(Rollout { policy, stage, digest, before, counts })
    }
}
