//! What requests are counted by: one series for each combination of values that occurs, on each of two axes.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::finished::{Finished, is_error};
use crate::telemetry::{Blame, Outcome};

/// Requests are counted twice, and never by operation and consumer together, which nearly every request would be a
/// series of its own in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Axis {
    Operation,
    Consumer,
}

impl Axis {
    pub(crate) const ALL: [Self; 2] = [Self::Operation, Self::Consumer];

    /// Also in names of tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Consumer => "consumer",
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
    pub(crate) status: Option<u16>,
    pub(crate) class: Cow<'static, str>,
    pub(crate) outcome: Outcome,
}

impl Series {
    pub(crate) fn is_error(&self) -> bool {
        is_error(self.status, self.outcome == Outcome::Ok)
    }
}

/// What a request is counted by.
pub(super) fn of(finished: &Finished) -> [Series; 2] {
    let shared = Series {
        axis: Axis::Operation,
        api: finished.api.clone(),
        version: finished.version.clone(),
        operation: None,
        consumer: None,
        application: None,
        status: finished.status,
        class: finished.class.into(),
        outcome: finished.outcome,
    };
    let (consumer, application) = (finished.consumer.clone(), finished.application.clone());
    [
        Series { operation: finished.operation.clone(), ..shared.clone() },
        Series { axis: Axis::Consumer, consumer, application, ..shared },
    ]
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
