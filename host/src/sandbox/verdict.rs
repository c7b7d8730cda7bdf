//! What hooks say about heads, in bytes that are shared: to say the same again copies none of them.

use bytes::Bytes;

use super::bindings::lockgate::policy::types as wit;
use crate::telemetry::metrics::CallOutcome;

/// What a hook on a head says.
#[derive(Clone)]
pub(crate) enum Verdict {
    Pass,
    Edit(Edits),
    Respond(Response),
    Fail(wit::Failure),
}

/// Changes to a head.
#[derive(Clone, Default)]
pub(crate) struct Edits {
    pub(crate) changes: Bytes,
    pub(crate) target: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) state: Option<Vec<u8>>,
}

/// A response of a guest.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Bytes,
    pub(crate) body: Bytes,
}

impl Verdict {
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Pass => CallOutcome::Pass,
            Self::Edit(_) => CallOutcome::Edit,
            Self::Respond(_) => CallOutcome::Respond,
            Self::Fail(_) => CallOutcome::Fail,
        }
    }
}

impl From<wit::Verdict> for Verdict {
    fn from(verdict: wit::Verdict) -> Self {
        match verdict {
            wit::Verdict::Pass => Self::Pass,
            wit::Verdict::Edit(edits) => Self::Edit(edits.into()),
            wit::Verdict::Respond(response) => Self::Respond(response.into()),
            wit::Verdict::Fail(failure) => Self::Fail(failure),
        }
    }
}

impl From<wit::Edits> for Edits {
    fn from(edits: wit::Edits) -> Self {
        let wit::Edits { changes, target, status, state } = edits;
        Self { changes: changes.into(), target, status, state }
    }
}

impl From<wit::Response> for Response {
    fn from(response: wit::Response) -> Self {
        let wit::Response { status, fields, body } = response;
        Self { status, fields: fields.into(), body: body.into() }
    }
}
