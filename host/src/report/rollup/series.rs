//! What requests are counted by: one series for each combination of values that occurs, on each of two axes; and on a third what policies said.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::finished::{Called, Finished, is_error};
use crate::telemetry::metrics::{CallOutcome, Label};
use crate::telemetry::{Blame, Outcome};

/// Requests are counted twice, and never by operation and consumer together, which nearly every request would be a
/// series of its own in. Calls of policies are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Axis {
    Operation,
    Consumer,
    Policy,
}

impl Axis {
    pub(crate) const ALL: [Self; 3] = [Self::Operation, Self::Consumer, Self::Policy];

    /// Also in names of tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Consumer => "consumer",
            Self::Policy => "policy",
        }
    }
}

/// What a name of too many is counted as.
pub(crate) const OTHER: &str = "__other__";
/// What is shown where there is none.
pub(crate) const NONE: &str = "__none__";

pub(crate) type Name = Option<Arc<str>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) axis: Axis,
    pub(crate) api: Name,
    pub(crate) version: Name,
    /// None on the axis of consumers, as the next two are on that of operations.
    pub(crate) operation: Name,
    pub(crate) consumer: Name,
    pub(crate) application: Name,
    /// None on both of those; which was called, and its hook.
    pub(crate) policy: Name,
    pub(crate) hook: Cow<'static, str>,
    pub(crate) status: Option<u16>,
    /// Of the error, or `ok`; of a call its outcome.
    pub(crate) class: Cow<'static, str>,
    pub(crate) outcome: Outcome,
}

impl Series {
    pub(crate) fn is_error(&self) -> bool {
        let is_ok = self.outcome == Outcome::Ok;
        if self.axis == Axis::Policy { !is_ok } else { is_error(self.status, is_ok) }
    }
}

/// What a request is counted by.
pub(super) fn of_operation(finished: &Finished) -> Series {
    Series {
        axis: Axis::Operation,
        api: finished.api().cloned(),
        version: finished.version().cloned(),
        operation: finished.name().cloned(),
        consumer: None,
        application: None,
        policy: None,
        hook: Cow::Borrowed(""),
        status: finished.status,
        class: finished.class.into(),
        outcome: finished.outcome,
    }
}

/// And by what again.
pub(super) fn of_consumer(finished: &Finished) -> Series {
    let (consumer, application) = (finished.consumer.clone(), finished.application.clone());
    Series { axis: Axis::Consumer, operation: None, consumer, application, ..of_operation(finished) }
}

/// What a call is counted by.
pub(super) fn of_call(finished: &Finished, call: &Called) -> Series {
    Series {
        axis: Axis::Policy,
        api: finished.api().cloned(),
        version: finished.version().cloned(),
        operation: None,
        consumer: None,
        application: None,
        policy: Some(call.policy.clone()),
        hook: call.hook.name().into(),
        status: None,
        class: call.outcome.name().into(),
        outcome: match call.outcome {
            CallOutcome::Pass | CallOutcome::Edit | CallOutcome::Respond | CallOutcome::Waited => Outcome::Ok,
            CallOutcome::Fail => Outcome::Fault(Blame::Policy),
            CallOutcome::Trap | CallOutcome::Limit | CallOutcome::Refused | CallOutcome::Busy | CallOutcome::Paused => {
                Outcome::Fault(Blame::Plugin)
            }
        },
    }
}

/// By their index, as the store has them.
pub(crate) const OUTCOMES: [Outcome; 6] = [
    Outcome::Ok,
    Outcome::Fault(Blame::Client),
    Outcome::Fault(Blame::Policy),
    Outcome::Fault(Blame::Plugin),
    Outcome::Fault(Blame::Upstream),
    Outcome::Fault(Blame::Gateway),
];
