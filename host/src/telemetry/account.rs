//! What one exchange went through, kept where somebody asked for it: calls of policies, the choice among upstreams, and tries, with
//! their times.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::metrics::{CallOutcome, Hook};
use super::{Outcome, SpanContext};

/// Calls and tries that are kept; of more, only how many there were.
const MAX_CALLS: usize = 32;
const MAX_TRIES: usize = 8;

/// The account of one exchange. Shared by those who take part in it, all on one thread.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The exchange, where its trace is recorded.
    trace: Option<SpanContext>,
    chosen: RefCell<Option<Chosen>>,
    calls: RefCell<Vec<Call>>,
    tries: RefCell<Vec<Try>>,
    left_out: Cell<usize>,
    /// How it ended, once it has.
    ended: Cell<Option<(&'static str, Outcome)>>,
    /// Whether it has the CPU time of calls, which costs two system calls for each, and calls for pieces of bodies, of
    /// which there can be many.
    is_detailed: bool,
}

/// Which of several upstreams it went to.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) upstream: String,
    /// What decided.
    pub(crate) by: &'static str,
}

/// One call of a hook.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) policy: Arc<str>,
    pub(crate) hook: Hook,
    pub(crate) outcome: CallOutcome,
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    pub(crate) spent: Spent,
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Where it was measured.
    pub(crate) cpu: Option<Duration>,
    /// Bytes of memory of the instance afterwards.
    pub(crate) memory: usize,
    /// Calls of imports.
    pub(crate) host_calls: u32,
}

/// One try of a target.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    pub(crate) upstream: String,
    pub(crate) target: String,
    /// What it answered, or the class of the fault.
    pub(crate) end: Result<StatusCode, &'static str>,
    /// What the target was told of the trace, where that is recorded.
    pub(crate) span: Option<SpanContext>,
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
}

impl Account {
    /// Of an exchange whose trace is recorded, if one is given.
    pub(crate) fn new(trace: Option<SpanContext>) -> Self {
        Self { trace, ..Self::default() }
    }

    /// Of an exchange that is looked at closely.
    pub(crate) fn detailed() -> Self {
        Self { is_detailed: true, ..Self::default() }
    }

    pub(crate) fn is_detailed(&self) -> bool {
        self.is_detailed
    }

    /// The exchange is over: its class, and who is to blame.
    pub(crate) fn end(&self, class: &'static str, blame: Outcome) {
        self.ended.set(Some((class, blame)));
    }

    pub(crate) fn ended(&self) -> Option<(&'static str, Outcome)> {
        self.ended.get()
    }

    pub(crate) fn trace(&self) -> Option<SpanContext> {
        self.trace
    }

    /// What the target of the next try is to be told of the trace: a step of its own, unless that would not be kept.
    pub(crate) fn next_try(&self) -> Option<SpanContext> {
        let is_kept = self.tries.borrow().len() < MAX_TRIES;
        self.trace.map(|exchange| if is_kept { exchange.child() } else { exchange })
    }

    pub(crate) fn chosen(&self, chosen: Chosen) {
        *self.chosen.borrow_mut() = Some(chosen);
    }

    pub(crate) fn choice(&self) -> Option<Chosen> {
        self.chosen.borrow().clone()
    }

    pub(crate) fn called(&self, call: Call) {
        self.keep(&self.calls, call, MAX_CALLS);
    }

    pub(crate) fn tried(&self, tried: Try) {
        self.keep(&self.tries, tried, MAX_TRIES);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    pub(crate) fn tries(&self) -> Vec<Try> {
        self.tries.borrow().clone()
    }

    /// How many calls and tries were not kept.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.get()
    }

    fn keep<T>(&self, list: &RefCell<Vec<T>>, new: T, most: usize) {
        let mut list = list.borrow_mut();
        match list.len() < most {
            true => list.push(new),
            false => self.left_out.set(self.left_out.get() + 1),
        }
    }
}
