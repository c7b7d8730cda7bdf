//! What hooks say, in bytes that are shared: to say the same again copies none of them.

use bytes::Bytes;

use super::bindings::exports::lockgate::policy::body_phase as body;
use super::bindings::lockgate::policy::types as wit;
use crate::telemetry::metrics::CallOutcome;

/// What a hook says, with the changes that it can make.
#[derive(Clone)]
pub(crate) enum Verdict<E = Edits> {
    Pass,
    Edit(E),
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

/// Changes to a whole body, and to the head before it.
#[derive(Clone)]
pub(crate) struct BodyEdits {
    pub(crate) bytes: body::Change,
    pub(crate) head: Option<Edits>,
}

/// Changes to a piece of a body.
pub(crate) type ChunkEdits = body::ChunkEdits;

/// A response of a guest.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Bytes,
    pub(crate) body: Bytes,
}

impl<E> Verdict<E> {
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Pass => CallOutcome::Pass,
            Self::Edit(_) => CallOutcome::Edit,
            Self::Respond(_) => CallOutcome::Respond,
            Self::Fail(_) => CallOutcome::Fail,
        }
    }
}

/// The contract names each kind of verdict; here it is one.
macro_rules! verdict {
    ($wit:ty, $edits:ty) => {
        impl From<$wit> for Verdict<$edits> {
            fn from(verdict: $wit) -> Self {
                type Wit = $wit;
                match verdict {
                    Wit::Pass => Self::Pass,
                    Wit::Edit(edits) => Self::Edit(edits.into()),
                    Wit::Respond(response) => Self::Respond(response.into()),
                    Wit::Fail(failure) => Self::Fail(failure),
                }
            }
        }
    };
}

verdict!(wit::Verdict, Edits);
verdict!(body::BodyVerdict, BodyEdits);
verdict!(body::ChunkVerdict, ChunkEdits);

impl From<body::BodyEdits> for BodyEdits {
    fn from(edits: body::BodyEdits) -> Self {
        Self { bytes: edits.bytes, head: edits.head.map(Into::into) }
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
