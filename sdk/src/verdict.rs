//! What a policy decided, and why it could not.

use crate::{Edits, Response};

/// What a policy decided: about a head, about a whole body where the changes are [`BodyEdits`](crate::BodyEdits), about
/// a piece of one where they are [`ChunkEdits`](crate::ChunkEdits).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict<E = Edits> {
    /// Go on, unchanged. Carried state stays as it was.
    Pass,
    /// Go on with these changes.
    Edit(E),
    /// Answer with this now. Needs [`Interest::may_respond`](crate::Interest::may_respond). Where the head of a
    /// response has already left, as it may have when a piece of its body is looked at, the host cuts the connection.
    Respond(Response),
    /// No decision was possible.
    Fail(Failure),
}

impl From<Edits> for Verdict {
    fn from(edits: Edits) -> Self {
        Self::Edit(edits)
    }
}

impl<E> From<Response> for Verdict<E> {
    fn from(response: Response) -> Self {
        Self::Respond(response)
    }
}

impl<E> From<Failure> for Verdict<E> {
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
