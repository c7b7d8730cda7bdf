//! What a policy decided about a message head, and why it could not.

use crate::{Edits, Response};

/// What a policy decided about a message head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Go on, unchanged. Carried state stays as it was.
    Pass,
    /// Go on with these changes.
    Edit(Edits),
    /// Answer with this now. Needs [`Interest::may_respond`](crate::Interest::may_respond).
    Respond(Response),
    /// No decision was possible.
    Fail(Failure),
}

impl From<Edits> for Verdict {
    fn from(edits: Edits) -> Self {
        Self::Edit(edits)
    }
}

impl From<Response> for Verdict {
    fn from(response: Response) -> Self {
        Self::Respond(response)
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

/// Why a policy could not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The client's message cannot be understood. Always answered with 400.
    BadInput,
    /// Something the policy depends on did not answer. The operator's `on_error` decides: 503 or skip.
    Dependency,
    /// The policy met a state it cannot handle. The operator's `on_error` decides: 503 or skip.
    Internal,
}
