//! Rollouts of new code while they go on: new code that fails is taken back, what was always the same in the shadow serves, and what an operator decides is
//! done.

use std::time::{Duration, Instant, SystemTime};

use super::Reloader;
use super::asked::{Choice, Fulfilled, Refusal, Wish};
use super::good::Good;
use super::look::{Occasions, read_folder};
use super::marks::Standing;
use super::rollouts::Rollouts;
use super::settle::{Demand, Settling};
use super::standing::{Is, Known, known};
use crate::chain::Counts;
use crate::config::ConfigFault;
use crate::content::Digest;
use crate::generation::{Generation, Shadowed};
use crate::record::Why;
use crate::sandbox::Trouble;
use crate::state::Lock;

/// How often those in the shadow are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

impl Reloader {
    /// The state directory is this process's alone from now on, as long as the lock is held: what serves is kept there.
    /// Where another process served until now, it may have learned something about new versions meanwhile, which the
    /// first look goes by.
    pub(crate) fn keep(&mut self, lock: Option<Lock>, has_predecessor: bool) {
        self.keeper.under(lock);
        if has_predecessor {
            let last = self.keeper.read().rollouts;
            if last != Rollouts::default() {
                self.know(last);
            }
        }
        self.keep_good();
    }

    /// The process ends: what was seen last of new versions is kept.
    pub(crate) fn end(&mut self) {
        self.note_differences(&self.status.now().generation);
    }

    /// Whether something in the shadow is to be looked at again.
    pub(super) fn has_shadows(&self) -> bool {
        self.status.now().generation.shadows().iter().any(|shadowed| !shadowed.is_over())
    }

    /// A component failed again and again: where it is new, the one before it serves again. Says whether another serves
    /// now; then the folder wants to be looked at.
    pub(super) async fn hear(&mut self, trouble: Trouble) -> bool {
        let Trouble { policy, digest: code, class } = trouble;
        let policy = &*policy;
        let standing = Standing::TakenBack(class.to_owned());
        let Some(next) = self.good.rollouts.take_back(policy, code, standing, SystemTime::now()) else { return false };
        let rolled = self.roll(next, Why::TakenBack { policy: policy.to_owned() }).await;
        match &rolled {
            Ok(()) => tracing::error!(
                policy,
                %code,
                class,
                "new component failed again and again: it is taken back, and the one before it serves"
            ),
            Err(reason) => {
                self.know(self.good.rollouts.without_before(policy));
                tracing::error!(
                    policy,
                    %code,
                    class,
                    reason,
                    "new component failed again and again, and the one before it cannot serve any more"
                );
            }
        }
        rolled.is_ok()
    }

    /// Remember which new versions in the shadow of a generation were not the same as what serves.
    pub(super) fn note_differences(&mut self, generation: &Generation) {
        if generation.shadows().is_empty() {
            return;
        }
        let mut rollouts = self.good.rollouts.clone();
        for shadowed in generation.shadows() {
            let Shadowed { policy, code, .. } = shadowed;
            let Counts { differed, failed, .. } = shadowed.counts();
            let is_unproven = rollouts.marks.get(policy, *code).is_some_and(|mark| mark.is == Standing::Unproven);
            if is_unproven && differed + failed > 0 {
                rollouts = rollouts.decide(policy, *code, Standing::Differed, SystemTime::now());
                tracing::warn!(
                    policy,
                    %code,
                    "new component in the shadow is not the same as the one that serves: see `lockgate rollout status`"
                );
            }
        }
        if rollouts != self.good.rollouts {
            self.know(rollouts);
        }
    }

    /// Versions that ran in the shadow long enough serve, if they were always the same; else somebody has to decide. Says
    /// whether one came to serve; then the folder wants to be looked at.
    pub(super) async fn end_shadows(&mut self) -> bool {
        let mut rolled = false;
        let generation = self.status.now().generation;
        self.note_differences(&generation);
        let is_due = |shadowed: &&Shadowed| !shadowed.is_over() && shadowed.left().is_zero();
        for shadowed in generation.shadows().iter().filter(is_due) {
            let Shadowed { policy, code, .. } = shadowed;
            let Counts { agreed, skipped, .. } = shadowed.counts();
            if self.good.rollouts.marks.get(policy, *code).is_none_or(|mark| mark.is != Standing::Unproven) {
                shadowed.end();
                continue;
            }
            if agreed <= skipped {
                // Nothing is known of what nobody called, and little of what mostly could not be.
                continue;
            }
            match self.promote(policy, *code, Why::Promoted { policy: policy.clone() }).await {
                Ok(()) => {
                    rolled = true;
                    tracing::info!(policy, %code, agreed, "new component was always the same in the shadow: it serves");
                }
                Err(reason) => {
                    shadowed.end();
                    tracing::error!(
                        policy,
                        %code,
                        reason,
                        "new component was always the same in the shadow, and cannot serve"
                    );
                }
            }
        }
        rolled
    }

    /// Do what somebody wants.
    pub(super) async fn fulfil(&mut self, wish: Wish, occasions: &mut Occasions) -> Result<Fulfilled, Refusal> {
        let decided = match wish {
            Wish::Look => None,
            Wish::Promote(choice) => Some((self.promote_one(&choice).await?, choice.policy)),
            Wish::Abort(choice) => Some((self.abort_one(&choice).await?, choice.policy)),
        };
        self.look(occasions, true).await;
        let now = self.status.now();
        let Some((code, policy)) = decided else { return Ok(Fulfilled::look(now)) };
        let serving = self.good.rollouts.serving.get(&policy);
        Ok(Fulfilled { now, code: Some(code), serves: serving.and_then(|version| version.source.digest()) })
    }

    async fn promote_one(&mut self, choice: &Choice) -> Result<Digest, Refusal> {
        let policy = &choice.policy;
        match self.chosen(choice)? {
            Chosen::Known(Known { code, is: Is::Written(_), .. }) => {
                self.promote(policy, code, Why::Promoted { policy: policy.clone() }).await?;
                Ok(code)
            }
            Chosen::Known(Known { code, is: Is::New(_), .. }) => Err(format!("{code} of `{policy}` serves already")),
            Chosen::Elsewhere(code) => {
                // It is not in the folder now, and may be put there again.
                tracing::info!(policy, %code, "component is promoted: it serves when the folder has it again");
                self.know(self.good.rollouts.decide(policy, code, Standing::Promoted, SystemTime::now()));
                Ok(code)
            }
        }
    }

    async fn abort_one(&mut self, choice: &Choice) -> Result<Digest, Refusal> {
        let (now, rollouts, policy) = (SystemTime::now(), &self.good.rollouts, &choice.policy);
        let known = match self.chosen(choice)? {
            Chosen::Known(known) => known,
            Chosen::Elsewhere(code) => {
                if rollouts.marks.get(policy, code).is_some_and(|mark| mark.is.is_bad()) {
                    return Err(format!("{code} of `{policy}` does not serve, and will not"));
                }
                tracing::info!(policy, %code, "component is aborted: it does not serve when the folder has it again");
                self.know(rollouts.decide(policy, code, Standing::Aborted, now));
                return Ok(code);
            }
        };
        let (code, next) = match &known {
            // What serves beside it is not what was meant by whoever says this twice.
            Known { code, is: Is::Written(Some(standing)), .. } if standing.is_bad() => {
                let others = self.all_known(policy);
                let other = others.iter().find(|other| matches!(other.is, Is::New(_)));
                let advice = other.map(|it| format!("; the new one that serves is {}: name it with --digest", it.code));
                let advice = advice.unwrap_or_default();
                return Err(format!("{code} of `{policy}` does not serve, and will not{advice}"));
            }
            Known { code, is: Is::Written(_), .. } => {
                (*code, Some(rollouts.decide(policy, *code, Standing::Aborted, now)))
            }
            Known { code, is: Is::New(_), .. } => (*code, rollouts.take_back(policy, *code, Standing::Aborted, now)),
        };
        self.roll(next.ok_or_else(|| none_of(policy))?, Why::Aborted { policy: policy.clone() }).await?;
        Ok(code)
    }

    /// The one that is meant: without a digest what waits in the folder, else what is new and serves.
    fn chosen(&self, Choice { policy, digest }: &Choice) -> Result<Chosen, Refusal> {
        let mut all = self.all_known(policy);
        let Some(digest) = digest else {
            return if all.is_empty() { Err(none_of(policy)) } else { Ok(Chosen::Known(all.remove(0))) };
        };
        let is_it = |code: &Digest| code.to_string().starts_with(digest);
        let elsewhere = self.good.rollouts.marks.of(policy).filter(|code| all.iter().all(|known| known.code != *code));
        let mut elsewhere = elsewhere.filter(is_it);
        let mut known = all.iter().filter(|known| is_it(&known.code));
        match (known.next(), elsewhere.next()) {
            (Some(one), None) if known.next().is_none() => Ok(Chosen::Known(one.clone())),
            (None, Some(code)) if elsewhere.next().is_none() => Ok(Chosen::Elsewhere(code)),
            (None, None) => Err(format!("nothing is known of a component of `{policy}` whose digest begins so")),
            _ => Err(format!("the digests of several components of `{policy}` begin so")),
        }
    }

    /// Of one policy: what waits comes before what serves.
    fn all_known(&self, policy: &str) -> Vec<Known> {
        let now = self.status.now();
        let is_own = |known: &&Known| known.policy == policy && known.with(&now.generation).is_some();
        now.rollouts.iter().rev().filter(is_own).cloned().collect()
    }

    /// Have code of a policy serve that is in the folder.
    async fn promote(&mut self, policy: &str, new: Digest, why: Why) -> Result<(), Refusal> {
        let next = self.good.rollouts.decide(policy, new, Standing::Promoted, SystemTime::now());
        let demand = Demand(Some((policy.to_owned(), new)));
        self.roll_to(next, &demand, &why).await
    }

    async fn roll(&mut self, next: Rollouts, why: Why) -> Result<(), Refusal> {
        self.roll_to(next, &Demand(None), &why).await
    }

    /// Have other versions serve, of the folder as it stands, or where that cannot be of what serves. Where what is
    /// demanded cannot be, nothing changes.
    async fn roll_to(&mut self, next: Rollouts, demand: &Demand, why: &Why) -> Result<(), Refusal> {
        let begun = Instant::now();
        // Until it serves nothing is decided.
        let (tree, good) = (read_folder(&self.folder, &self.good).await, Good { rollouts: next, ..self.good.clone() });
        let read = tree.as_ref().map_err(Clone::clone).and_then(|tree| Settling::new(tree, &good).read());
        let listeners = self.listeners.clone();
        let _turn = listeners.turn().await;
        let built = match read {
            Ok(read) => self.build(read, Some(demand)).await,
            Err(faults) => Err(faults),
        };
        let built = match built {
            Ok(built) => built,
            // The folder waits for a restart, say, or was written to and not looked at yet.
            Err(faults) => match Settling::past(&good, self.refused.clone()).read() {
                Ok(read) => self.build(read, Some(demand)).await.map_err(|_| self.why_not(&faults))?,
                Err(_) => return Err(self.why_not(&faults)),
            },
        };
        self.put_into_service(built, begun, Some(why.clone())).await;
        Ok(())
    }

    /// Why what somebody wants cannot be: what is newly wrong with the folder, if anything is.
    fn why_not(&self, faults: &[ConfigFault]) -> Refusal {
        let new = faults.iter().find(|fault| !self.refused.contains(fault)).map(ConfigFault::to_string);
        new.unwrap_or_else(|| "nothing that is good uses it, or something could not serve any more".into())
    }

    /// Something else is known than before, and nothing else serves.
    fn know(&mut self, rollouts: Rollouts) {
        self.good.rollouts = rollouts;
        self.status.set_rollouts(known(&self.good.rollouts));
        self.keep_good();
    }
}

/// A version somebody decides about.
enum Chosen {
    Known(Known),
    /// It was decided about before, and is not in the folder.
    Elsewhere(Digest),
}

fn none_of(policy: &str) -> Refusal {
    format!("there is no rollout of a policy `{policy}`; `lockgate rollout status` shows those there are")
}
