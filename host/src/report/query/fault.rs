//! What is wrong with a question, and what to write instead.

use serde::Serialize;

/// One of the faults of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{key}: {reason}; {advice}")]
pub(crate) struct QueryFault {
    /// What of the question: `by`, `from`, `to`, `step`, `where`, `limit`, `slower`.
    pub(crate) key: &'static str,
    pub(crate) reason: String,
    pub(crate) advice: String,
}

impl QueryFault {
    pub(super) fn new(key: &'static str, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { key, reason: reason.into(), advice: advice.into() }
    }
}
