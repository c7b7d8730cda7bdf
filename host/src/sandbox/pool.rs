//! Calls of one policy on one worker: on its warm instance, on fresh ones, or beside the worker.
//!
//! A call on the worker never suspends, so there is one at a time and one idle instance for each policy is all it can use. What waits, or was slow,
//! has an instance of its own for each call.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::backoff::Backoff;
use super::bindings::exports::lockgate::policy::body_phase::{Action, Direction};
use super::bindings::lockgate::policy::types::{Failure, Fields};
use super::breaker::{Admission, Breaker, Turn};
use super::call::{Call, Said, action};
use super::fault::PluginFault;
use super::instance::Instance;
use super::limits::Exceeded;
use super::policy::Policy;
use super::trouble::Trouble;
use super::verdict::{Edits, Response, Verdict};
use super::waiting;
use crate::config::Isolation;
use crate::telemetry::RequestId;
use crate::telemetry::account::Spent;
use crate::telemetry::metrics::{CallOutcome, Hook, InstanceGuard, PolicyMetrics, Retirement};

/// How long a policy that overran goes on in the slow lane; longer each time it overruns again soon.
const SLOW_AT_LEAST: Duration = Duration::from_secs(1);
const SLOW_AT_MOST: Duration = Duration::from_secs(60);

/// The instances of a policy on this worker. Not `Send`: it belongs to its worker.
pub(crate) struct Pool {
    policy: Arc<Policy>,
    idle: RefCell<Option<Box<Warm>>>,
    constant: Constant,
    metrics: PolicyMetrics,
    last: Cell<Option<Ended>>,
    breaker: Breaker,
    slow: Backoff,
    /// Most memory of an instance here.
    held: Cell<usize>,
}

/// Verdicts of hooks that are told no facts, of a policy that imports nothing. Such a verdict depends on the configuration alone, so the first is repeated.
#[derive(Default)]
struct Constant {
    request: RefCell<Option<Verdict>>,
    response: RefCell<Option<Verdict>>,
}

/// A call that is over.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) hook: Hook,
    pub(crate) outcome: CallOutcome,
    /// Nothing, where there was no call at all.
    pub(crate) spent: Spent,
}

/// What the caller makes of an answer: what it means, or that it is not allowed.
type Judged<T> = Result<T, PluginFault>;

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
            constant: Constant::default(),
            metrics,
            last: Cell::new(None),
            held: Cell::new(0),
        }
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The call that ended last. To be asked in the same turn of the worker's loop in which a call returned: then it is that one.
    pub(crate) fn last(&self) -> Option<Ended> {
        self.last.get()
    }

    pub(crate) fn on_request<T>(
        &self,
        exchange: RequestId,
        head: &Fields,
        judge: impl FnOnce(Verdict) -> Judged<T>,
    ) -> Judged<T> {
        let hook = |instance: &mut Instance| instance.on_request(&self.policy.exports, exchange, head);
        self.decide(Hook::Request, &self.constant.request, head.is_empty(), hook, judge)
    }

    pub(crate) fn on_response<T>(
        &self,
        exchange: RequestId,
        head: &Fields,
        state: &[u8],
        judge: impl FnOnce(Verdict) -> Judged<T>,
    ) -> Judged<T> {
        let told_nothing = head.is_empty() && state.is_empty();
        let hook = |instance: &mut Instance| instance.on_response(&self.policy.exports, exchange, head, state);
        self.decide(Hook::Response, &self.constant.response, told_nothing, hook, judge)
    }

    pub(crate) fn on_body<T>(
        &self,
        exchange: RequestId,
        direction: Direction,
        body: &[u8],
        state: &[u8],
        judge: impl FnOnce((Action, Option<Edits>)) -> Judged<T>,
    ) -> Judged<T> {
        let hook = |instance: &mut Instance| instance.on_body(&self.policy.exports, exchange, direction, body, state);
        self.call(Hook::Body, hook, |(did, _)| action(did), judge)
    }

    pub(crate) fn on_chunk<T>(
        &self,
        exchange: RequestId,
        direction: Direction,
        chunk: &[u8],
        last: bool,
        state: &[u8],
        judge: impl FnOnce((Action, Vec<u8>)) -> Judged<T>,
    ) -> Judged<T> {
        let hook =
            |instance: &mut Instance| instance.on_chunk(&self.policy.exports, exchange, direction, chunk, last, state);
        self.call(Hook::Chunk, hook, |(did, _)| action(did), judge)
    }

    pub(crate) fn respond<T>(
        &self,
        exchange: RequestId,
        head: &Fields,
        body: &[u8],
        judge: impl FnOnce(Result<Response, Failure>) -> Judged<T>,
    ) -> Judged<T> {
        let outcome = |answer: &Result<_, _>| if answer.is_ok() { CallOutcome::Respond } else { CallOutcome::Fail };
        self.call(
            Hook::Responder,
            |instance| instance.respond(&self.policy.exports, exchange, head, body),
            outcome,
            judge,
        )
    }

    /// Whether calls are for [`Pool::away`]: they can wait, or the policy used up its CPU time not long ago.
    pub(crate) fn is_away(&self) -> bool {
        self.policy.waits.is_some() || self.slow.is_pausing(Instant::now)
    }

    /// Have a call made that others need not wait for: on a stack of its own, or in the slow lane. It ends when its wall-clock time is over,
    /// waiting for its turn included.
    pub(crate) async fn away<T>(
        &self,
        exchange: RequestId,
        call: Call,
        judge: impl FnOnce(Said) -> Judged<T>,
    ) -> Judged<T> {
        let kind = call.hook();
        let admission = self.admit(kind)?;
        // Whoever asks may be gone before there is an answer.
        let _over = Over(&self.breaker, admission);
        let mut used = Spent::default();
        let called = self.beside(exchange, call).await.and_then(|(said, spent)| {
            used = spent;
            self.held(spent.memory);
            let outcome = said.outcome();
            judge(said).map(|judged| (outcome, judged))
        });
        match &called {
            Ok(_) => self.metrics.retired(Retirement::Isolation),
            Err(PluginFault::Busy) => {}
            Err(fault) => self.metrics.retired(fault.retirement()),
        }
        self.settle(kind, admission, called, used)
    }

    async fn beside(&self, exchange: RequestId, call: Call) -> Result<(Said, Spent), PluginFault> {
        let policy = &self.policy;
        let _place = policy.beside.enter(policy.slots)?;
        let _counted = self.metrics.instance();
        let wall = policy.limits().wall;
        if let Some(functions) = &policy.waits {
            let called = waiting::call(policy, functions, exchange, call);
            return timeout(wall, called).await.unwrap_or(Err(Exceeded::Wall.into()));
        }
        self.metrics.slow_call();
        let said = policy.lane.send(policy.clone(), exchange, call)?;
        // A call there waits for nothing but the processor: one that is late had too little of it, which is no fault of the policy.
        timeout(wall, said).await.map_err(|_| PluginFault::Busy)?.map_err(|_| PluginFault::Busy)?
    }

    /// Call a hook on a head, or repeat what is `known` to be all it can say.
    fn decide<T>(
        &self,
        kind: Hook,
        known: &RefCell<Option<Verdict>>,
        told_nothing: bool,
        hook: impl FnOnce(&mut Instance) -> Result<Verdict, PluginFault>,
        judge: impl FnOnce(Verdict) -> Judged<T>,
    ) -> Judged<T> {
        if !told_nothing || !self.policy.is_pure {
            return self.call(kind, hook, Verdict::outcome, judge);
        }
        let said = known.borrow().clone();
        let Some(said) = said else {
            let judge = |said: Verdict| {
                // A failure may be one of the moment.
                let constant = Some(said.clone()).filter(|said| !matches!(said, Verdict::Fail(_)));
                let judged = judge(said)?;
                *known.borrow_mut() = constant;
                Ok(judged)
            };
            // An instance that was used may have kept something it should not: a new one takes its place.
            if self.idle.borrow_mut().take().is_some() {
                self.metrics.retired(Retirement::Replaced);
            }
            return self.call(kind, hook, Verdict::outcome, judge);
        };
        let outcome = said.outcome();
        let judged = judge(said);
        self.over(kind, judged.as_ref().map_or_else(PluginFault::outcome, |_| outcome), Spent::default());
        judged
    }

    /// Take an instance out, call it, let `judge` say whether its answer can be used, and put it back only if all of that
    /// went well: an instance that failed, or whose call was never finished, is gone before anyone can meet it again.
    fn call<R, T>(
        &self,
        kind: Hook,
        hook: impl FnOnce(&mut Instance) -> Result<R, PluginFault>,
        outcome: impl FnOnce(&R) -> CallOutcome,
        judge: impl FnOnce(R) -> Judged<T>,
    ) -> Judged<T> {
        let admission = self.admit(kind)?;
        let idle = self.idle.borrow_mut().take();
        let warm = idle.map_or_else(|| self.make(), Ok);
        let mut used = Spent::default();
        let called = warm.and_then(|mut warm| {
            let answer = hook(&mut warm.instance);
            used = warm.instance.spent();
            let judged = answer.and_then(|answer| {
                let outcome = outcome(&answer);
                judge(answer).map(|judged| (outcome, judged))
            });
            match &judged {
                Ok(_) => self.keep_or_retire(warm),
                Err(fault) => self.metrics.retired(fault.retirement()),
            }
            judged
        });
        self.settle(kind, admission, called, used)
    }

    /// Whether there is to be a call at all, and as what.
    fn admit(&self, kind: Hook) -> Result<Admission, PluginFault> {
        self.breaker.admit(Instant::now).ok_or_else(|| {
            self.over(kind, CallOutcome::Paused, Spent::default());
            PluginFault::Paused
        })
    }

    /// A call is over: draw conclusions.
    fn settle<T>(&self, kind: Hook, admission: Admission, called: Judged<(CallOutcome, T)>, spent: Spent) -> Judged<T> {
        match &called {
            Ok((outcome, _)) => {
                self.turn(self.breaker.succeeded(admission), None);
                self.over(kind, *outcome, spent);
            }
            Err(fault) => {
                let now = Instant::now();
                if matches!(fault, PluginFault::Exceeded(Exceeded::Cpu)) {
                    self.slow.begin(now);
                }
                // That others wait is no fault of this call.
                match fault {
                    PluginFault::Busy => self.breaker.learned_nothing(admission),
                    fault => self.turn(self.breaker.failed(admission, now), Some(fault)),
                }
                self.over(kind, fault.outcome(), spent);
            }
        }
        called.map(|(_, judged)| judged)
    }

    /// Say what became of the policy, where something did.
    fn turn(&self, turn: Turn, fault: Option<&PluginFault>) {
        let (policy, api) = (&**self.policy.name(), self.policy.api());
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

    fn over(&self, hook: Hook, outcome: CallOutcome, spent: Spent) {
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
