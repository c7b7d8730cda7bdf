//! Rollouts of new code while they go on: new code that fails is taken back, what ran in the shadow long enough serves, and what an operator decides is done.

use std::time::{Duration, Instant, SystemTime};

use super::Reloader;
use super::asked::{Refusal, Wish};
use super::inputs::code;
use super::rollouts::{Rollouts, Standing};
use super::settle::Settling;
use crate::chain::Counts;
use crate::config::Config;
use crate::generation::{Generation, Shadowed};
use crate::record::Why;
use crate::sandbox::{Digest, Trouble};

/// How often those in the shadow are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// One rollout, as people and programs read it.
#[derive(Debug, Clone)]
pub(crate) struct Rollout {
    pub(crate) policy: String,
    pub(crate) stage: Stage,
    /// Of the component that is rolled out.
    pub(crate) digest: String,
    /// Of the one that serves, or did before.
    pub(crate) before: String,
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
pub(crate) struct Known {
    policy: String,
    digest: Digest,
    before: Option<Digest>,
    is: Is,
}

#[derive(Debug, Clone)]
enum Is {
    /// It serves, and is new until then.
    New(SystemTime),
    /// It stands in the folder, and another serves.
    Written(Option<Standing>),
}

/// The rollouts of a configuration that serves.
pub(super) fn known(config: &Config, rollouts: &Rollouts) -> Vec<Known> {
    let serving = |name: &String| rollouts.serving.get(name).and_then(|version| code(&version.source));
    let new = rollouts.before.iter().filter_map(|(name, before)| {
        let (policy, digest) = (name.clone(), serving(name)?);
        Some(Known { policy, digest, before: code(&before.version.source), is: Is::New(before.until) })
    });
    let written = config.written.iter().filter_map(|(name, written)| {
        let (policy, digest) = (name.clone(), code(&written.policy.source)?);
        let mark = rollouts.mark_of(name, digest).map(|mark| mark.is.clone());
        Some(Known { policy, digest, before: serving(name), is: Is::Written(mark) })
    });
    new.chain(written).collect()
}

impl Known {
    /// As it stands with what a generation has counted.
    pub(super) fn with(&self, generation: &Generation) -> Option<Rollout> {
        let shadowed = || generation.shadows().iter().find(|it| it.policy == self.policy && it.digest == self.digest);
        let (stage, counts) = match &self.is {
            Is::New(until) => (Stage::New(until.duration_since(SystemTime::now()).ok()?), None),
            Is::Written(Some(Standing::TakenBack(_))) => (Stage::TakenBack, None),
            Is::Written(Some(Standing::Aborted)) => (Stage::Aborted, None),
            Is::Written(_) => match shadowed() {
                None => (Stage::Unfit, None),
                Some(it) if it.tally.is_over() => (Stage::Waiting, Some(it.tally.counts())),
                Some(it) => (Stage::Shadow(it.period.saturating_sub(it.tally.age())), Some(it.tally.counts())),
            },
        };
        let before = self.before.map(|digest| digest.to_string()).unwrap_or_default();
        Some(Rollout { policy: self.policy.clone(), stage, digest: self.digest.to_string(), before, counts })
    }
}

impl Reloader {
    /// Whether something in the shadow is to be looked at again.
    pub(super) fn has_shadows(&self) -> bool {
        self.status.now().generation.shadows().iter().any(|shadowed| !shadowed.tally.is_over())
    }

    /// A component failed again and again: where it is new, the one before it serves again.
    pub(super) async fn hear(&mut self, trouble: Trouble) {
        let Trouble { policy, digest, class } = trouble;
        let standing = Standing::TakenBack(class.to_owned());
        let Some(next) = self.good.rollouts.take_back(&policy, digest, standing, SystemTime::now()) else { return };
        let (policy, code) = (&*policy, digest.to_string());
        match self.roll(next, Why::TakenBack { policy: policy.to_owned() }).await {
            Ok(()) => tracing::error!(
                policy,
                code,
                class,
                "new component failed again and again: it is taken back, and the one before it serves"
            ),
            Err(reason) => {
                self.good.rollouts = self.good.rollouts.without_before(policy);
                tracing::error!(
                    policy,
                    code,
                    class,
                    reason,
                    "new component failed again and again, and the one before it cannot serve any more"
                );
            }
        }
    }

    /// Versions that ran in the shadow long enough serve, if they were always the same; else somebody has to decide.
    pub(super) async fn end_shadows(&mut self) {
        let generation = self.status.now().generation;
        let is_due = |shadowed: &&Shadowed| !shadowed.tally.is_over() && shadowed.tally.age() >= shadowed.period;
        for Shadowed { policy, digest, tally, .. } in generation.shadows().iter().filter(is_due) {
            let Counts { agreed, differed, failed, .. } = tally.counts();
            if agreed + differed + failed == 0 {
                // Nothing is known of what nobody called.
                continue;
            }
            let code = digest.to_string();
            if differed + failed > 0 {
                tally.end();
                tracing::warn!(
                    policy,
                    code,
                    agreed,
                    differed,
                    failed,
                    "new component in the shadow was not the same as the one that serves: see `lockgate rollout`"
                );
                continue;
            }
            match self.decide(policy, *digest, Standing::Promoted, Why::Promoted { policy: policy.clone() }).await {
                Ok(()) => {
                    tracing::info!(policy, code, agreed, "new component was always the same in the shadow: it serves")
                }
                Err(reason) => {
                    tally.end();
                    tracing::error!(
                        policy,
                        code,
                        reason,
                        "new component was always the same in the shadow, and cannot serve"
                    );
                }
            }
        }
    }

    /// Do what somebody wants.
    pub(super) async fn grant(&mut self, wish: Wish) -> Result<(), Refusal> {
        match wish {
            Wish::Look => {
                self.look().await;
                Ok(())
            }
            Wish::Promote(policy) => match self.known(&policy) {
                Some(Known { digest, is: Is::Written(_), .. }) => {
                    self.decide(&policy, digest, Standing::Promoted, Why::Promoted { policy: policy.clone() }).await
                }
                Some(Known { is: Is::New(_), .. }) => Err(format!("the new version of `{policy}` serves already")),
                None => Err(none_of(&policy)),
            },
            Wish::Abort(policy) => match self.known(&policy) {
                Some(Known { is: Is::Written(Some(Standing::TakenBack(_) | Standing::Aborted)), .. }) => {
                    Err(format!("what the folder has of `{policy}` does not serve, and will not"))
                }
                Some(Known { digest, is: Is::Written(_), .. }) => {
                    self.decide(&policy, digest, Standing::Aborted, Why::Aborted { policy: policy.clone() }).await
                }
                Some(Known { digest, is: Is::New(_), .. }) => {
                    let now = SystemTime::now();
                    let next = self.good.rollouts.take_back(&policy, digest, Standing::Aborted, now);
                    let next = next.ok_or_else(|| none_of(&policy))?;
                    self.roll(next, Why::Aborted { policy }).await
                }
                None => Err(none_of(&policy)),
            },
        }
    }

    fn known(&self, policy: &str) -> Option<Known> {
        let now = self.status.now();
        let is_own = |known: &&Known| known.policy == policy && known.with(&now.generation).is_some();
        // One that waits comes before one that serves.
        now.rollouts.iter().rev().find(is_own).cloned()
    }

    async fn decide(&mut self, policy: &str, about: Digest, standing: Standing, why: Why) -> Result<(), Refusal> {
        let before = self.good.rollouts.clone();
        let is_to_serve = standing == Standing::Promoted;
        let next = before.decide(policy, about, standing, SystemTime::now());
        self.roll(next, why).await?;
        let serving = self.good.rollouts.serving.get(policy).and_then(|version| code(&version.source));
        match !is_to_serve || serving == Some(about) {
            true => Ok(()),
            false => {
                self.good.rollouts = before;
                Err(format!("it is not in the folder any more, or nothing uses `{policy}`"))
            }
        }
    }

    /// Have other versions serve, of the folder as it stands or else of what was last good. Where something could not serve any more for that,
    /// nothing changes.
    async fn roll(&mut self, next: Rollouts, why: Why) -> Result<(), Refusal> {
        let begun = Instant::now();
        let before = std::mem::replace(&mut self.good.rollouts, next);
        let (tree, good) = (self.read().await, self.good.clone());
        let read = tree.as_ref().map_err(Clone::clone).and_then(|tree| Settling::new(tree, &good).read());
        let (read, faults) = match read {
            Ok(read) => (Ok(read), None),
            Err(faults) => (Settling::past(&good, faults.clone()).read(), Some(faults)),
        };
        let rolled = match read {
            Ok(read) => self.build(read, begun, Some(why)).await,
            Err(faults) => Err(faults),
        };
        match rolled {
            Ok(()) => {
                faults.into_iter().for_each(|faults| self.refuse(faults, true));
                Ok(())
            }
            Err(faults) => {
                self.good.rollouts = before;
                let first = faults.first().map(ToString::to_string);
                Err(first.unwrap_or_else(|| "an API that serves could not serve any more".into()))
            }
        }
    }
}

fn none_of(policy: &str) -> Refusal {
    format!("there is no rollout of a policy `{policy}`; `lockgate rollout` shows those there are")
}
