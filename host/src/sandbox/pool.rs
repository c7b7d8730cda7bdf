//! Calls of one policy on one worker: on its warm instance, on fresh ones, or beside the worker.
//!
//! A call on the worker never suspends, so there is one at a time and one idle instance for each policy is all it can
//! use. What waits, or was slow, has an instance of its own for each call.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::backoff::Backoff;
use super::breaker::{Admission, Breaker, Turn};
use super::capability::Holds;
use super::fault::PluginFault;
use super::hook::{Constants, Hook};
use super::instance::{Instance, Returned};
use super::limits::Exceeded;
use super::occasion::{Behalf, Occasion};
use super::policy::Policy;
use super::trouble::Trouble;
use super::waiting;
use crate::config::Isolation;
use crate::telemetry::account::Spent;
use crate::telemetry::log::told;
use crate::telemetry::metrics::{CallOutcome, Hook as Label, InstanceGuard, PolicyMetrics, Retirement};

/// How long a policy that overran goes on in the slow lane; longer each time it overruns again soon.
const SLOW_AT_LEAST: Duration = Duration::from_secs(1);
const SLOW_AT_MOST: Duration = Duration::from_secs(60);

/// The instances of a policy on this worker. Not `Send`: it belongs to its worker.
pub(crate) struct Pool {
    policy: Arc<Policy>,
    idle: RefCell<Option<Box<Warm>>>,
    /// Told no facts, a policy that can learn nothing else can say one thing, which follows from its configuration: the
    /// first is repeated.
    constants: Constants,
    metrics: PolicyMetrics,
    last: Cell<Option<Ended>>,
    /// Of the call that ended last.
    holds: Cell<Holds>,
    breaker: Breaker,
    slow: Backoff,
    /// Most memory of an instance here.
    held: Cell<usize>,
}

/// A call that is over.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) hook: Label,
    pub(crate) outcome: CallOutcome,
    /// Nothing, where there was no call at all.
    pub(crate) spent: Spent,
}

/// What the caller makes of an answer: what it means, or that it is not allowed.
pub(super) type Judged<T> = Result<T, PluginFault>;

/// An instance, and its place in the count of instances.
struct Warm {
    instance: Instance,
    _counted: InstanceGuard,
}

impl Pool {
    pub(crate) fn new(policy: Arc<Policy>, metrics: PolicyMetrics) -> Self {
        let breaker = Breaker::new(policy.breaker);
        Self {
            policy,
            breaker,
            slow: Backoff::new(SLOW_AT_LEAST, SLOW_AT_MOST),
            idle: RefCell::default(),
            constants: Constants::default(),
            metrics,
            last: Cell::new(None),
            holds: Cell::default(),
            held: Cell::new(0),
        }
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The call that ended last. To be asked in the same turn of the worker's loop in which a call returned: then it is
    /// that one.
    pub(crate) fn last(&self) -> Option<Ended> {
        self.last.get()
    }

    /// What calls took for as long as their exchange lasts. To be asked as [`Self::last`].
    pub(crate) fn take_holds(&self) -> Holds {
        self.holds.take()
    }

    fn took(&self, holds: Holds) {
        if !holds.is_empty() {
            self.holds.set(holds);
        }
    }

    /// Whether calls are for [`Pool::away`]: they can wait, or the policy used up its CPU time not long ago.
    pub(crate) fn is_away(&self) -> bool {
        self.policy.waits() || self.slow.is_pausing(Instant::now)
    }

    /// Have a call made that others need not wait for: on a stack of its own, or in the slow lane. It ends when its
    /// wall-clock time is over, waiting for its turn included.
    pub(crate) async fn away<H: Hook, T>(
        &self,
        behalf: Behalf,
        hook: H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let judged = self.away_from(Occasion::of(behalf), hook, judge).await;
        drop(self.take_holds());
        judged
    }

    pub(super) async fn away_from<H: Hook, T>(
        &self,
        occasion: Occasion,
        hook: H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let admission = self.admit(H::LABEL)?;
        // Whoever asks may be gone before there is an answer.
        let _over = Over(&self.breaker, admission);
        let (mut used, is_patient) = (Spent::default(), occasion.is_patient);
        let called = self.beside(occasion, hook).await.and_then(|(returned, spent)| {
            used = spent;
            self.held(spent.memory);
            let (said, holds) = returned.ready(is_patient)?;
            self.took(holds);
            let outcome = H::outcome(&said);
            judge(said).map(|judged| (outcome, judged))
        });
        match &called {
            Ok(_) | Err(PluginFault::Unready(_)) => self.metrics.retired(Retirement::Isolation),
            Err(PluginFault::Busy) => {}
            Err(fault) => self.metrics.retired(fault.retirement()),
        }
        self.settle(H::LABEL, admission, called, used)
    }

    async fn beside<H: Hook>(&self, occasion: Occasion, hook: H) -> Result<(Returned<H::Said>, Spent), PluginFault> {
        let policy = &self.policy;
        let _place = policy.beside.enter(policy.slots)?;
        let _counted = self.metrics.instance();
        let wall = policy.limits().wall;
        if policy.waits() {
            let called = waiting::call(policy, occasion, hook);
            return timeout(wall, called).await.unwrap_or(Err(Exceeded::Wall.into()));
        }
        self.metrics.slow_call();
        let said = policy.lane.send(policy.clone(), occasion, hook)?;
        // A call there waits for nothing but the processor: one that is late had too little of it, which is no fault of
        // the policy.
        timeout(wall, said).await.map_err(|_| PluginFault::Busy)?.map_err(|_| PluginFault::Busy)?
    }

    /// Call a hook here and now, or repeat what is known to be all it can say. Nothing is held afterwards.
    pub(crate) fn call<H: Hook, T>(
        &self,
        behalf: Behalf,
        hook: &H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let judged = self.call_here(Occasion::of(behalf), hook, judge);
        drop(self.take_holds());
        judged
    }

    pub(super) fn call_here<H: Hook, T>(
        &self,
        occasion: Occasion,
        hook: &H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let constant = if self.policy.is_pure { hook.constant(&self.constants) } else { None };
        let Some(constant) = constant else {
            return self.call_instance(occasion, hook, judge);
        };
        let Some(said) = constant.borrow().clone() else {
            // An instance that was used may have kept something it should not: a new one takes its place.
            if self.idle.borrow_mut().take().is_some() {
                self.metrics.retired(Retirement::Replaced);
            }
            let mut lasting = None;
            let judged = self.call_instance(occasion, hook, |said: H::Said| {
                // A failure may be one of the moment.
                lasting = (H::outcome(&said) != CallOutcome::Fail).then(|| said.clone());
                judge(said)
            });
            // What it writes to the log it writes each time.
            let is_quiet = self.last.get().is_some_and(|ended| ended.spent.host_calls == 0);
            if judged.is_ok() && is_quiet {
                *constant.borrow_mut() = lasting;
            }
            return judged;
        };
        let outcome = H::outcome(&said);
        let judged = judge(said);
        self.over(H::LABEL, judged.as_ref().map_or_else(PluginFault::outcome, |_| outcome), Spent::default());
        judged
    }

    /// Take an instance out, call it, let `judge` say whether its answer can be used, and put it back only if all of
    /// that went well: an instance that failed, or whose call was never finished, is gone before anyone can meet it
    /// again.
    fn call_instance<H: Hook, T>(
        &self,
        occasion: Occasion,
        hook: &H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let admission = self.admit(H::LABEL)?;
        let idle = self.idle.borrow_mut().take();
        let warm = idle.map_or_else(|| self.make(), Ok);
        let (mut used, is_patient) = (Spent::default(), occasion.is_patient);
        let called = warm.and_then(|mut warm| {
            let returned = warm.instance.call(&self.policy.exports, occasion, hook);
            used = warm.instance.spent();
            let judged = returned.and_then(|returned| {
                let (said, holds) = returned.ready(is_patient)?;
                self.took(holds);
                let outcome = H::outcome(&said);
                judge(said).map(|judged| (outcome, judged))
            });
            match &judged {
                Ok(_) | Err(PluginFault::Unready(_)) => self.keep_or_retire(warm),
                Err(fault) => self.metrics.retired(fault.retirement()),
            }
            judged
        });
        self.settle(H::LABEL, admission, called, used)
    }

    /// Whether there is to be a call at all, and as what.
    fn admit(&self, label: Label) -> Result<Admission, PluginFault> {
        self.breaker.admit(Instant::now).ok_or_else(|| {
            self.over(label, CallOutcome::Paused, Spent::default());
            PluginFault::Paused
        })
    }

    /// A call is over: draw conclusions.
    fn settle<T>(
        &self,
        label: Label,
        admission: Admission,
        called: Judged<(CallOutcome, T)>,
        spent: Spent,
    ) -> Judged<T> {
        match &called {
            Ok((outcome, _)) => {
                self.turn(self.breaker.succeeded(admission), None);
                self.over(label, *outcome, spent);
            }
            Err(fault) => {
                let now = Instant::now();
                if matches!(fault, PluginFault::Exceeded(Exceeded::Cpu)) {
                    self.slow.begin(now);
                }
                // That others wait is no fault of this call, nor that it does.
                match fault {
                    PluginFault::Busy | PluginFault::Unready(_) => self.breaker.learned_nothing(admission),
                    fault => self.turn(self.breaker.failed(admission, now), Some(fault)),
                }
                self.over(label, fault.outcome(), spent);
            }
        }
        called.map(|(_, judged)| judged)
    }

    /// Say what became of the policy, where something did.
    fn turn(&self, turn: Turn, fault: Option<&PluginFault>) {
        let (policy, api) = (&**self.policy.name(), told(self.policy.api()));
        match turn {
            Turn::None => {}
            Turn::Paused(pause) => {
                self.metrics.paused();
                let class = fault.map(PluginFault::class);
                let told = fault.filter(|fault| fault.is_of_code()).map(PluginFault::class);
                if let (Some(teller), Some(class)) = (&self.policy.teller, told) {
                    let trouble = Trouble { policy: self.policy.name().clone(), digest: self.policy.digest(), class };
                    // Where too many wait to be heard, this is told again with the next pause.
                    let _ = teller.try_send(trouble);
                }
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(
                    policy,
                    api,
                    class,
                    pause_ms,
                    "policy fails again and again: it is left alone for a while"
                );
            }
            Turn::Resumed => tracing::info!(policy, api, "policy works again: it is called as before"),
        }
    }

    fn over(&self, hook: Label, outcome: CallOutcome, spent: Spent) {
        self.metrics.called(hook, outcome);
        self.last.set(Some(Ended { hook, outcome, spent }));
    }

    fn make(&self) -> Result<Box<Warm>, PluginFault> {
        let instance = Instance::new(&self.policy)?;
        Ok(Box::new(Warm { instance, _counted: self.metrics.instance() }))
    }

    fn held(&self, memory: usize) {
        if memory > self.held.get() {
            self.held.set(memory);
            self.metrics.held(memory);
        }
    }

    fn keep_or_retire(&self, mut warm: Box<Warm>) {
        let (limits, memory) = (self.policy.limits(), warm.instance.memory());
        self.held(memory);
        if self.policy.isolation == Isolation::Request {
            self.metrics.retired(Retirement::Isolation);
        } else if warm.instance.calls() >= limits.calls {
            self.metrics.retired(Retirement::Calls);
        } else if memory > limits.memory / 4 * 3 {
            self.metrics.retired(Retirement::Memory);
        } else {
            *self.idle.borrow_mut() = Some(warm);
        }
    }
}

/// When a call is over, however: nobody waits for what it says about the policy any more.
struct Over<'a>(&'a Breaker, Admission);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.learned_nothing(self.1);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.idle.borrow().is_some() {
            self.metrics.retired(Retirement::Replaced);
        }
    }
}
