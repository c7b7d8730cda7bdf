//! A hook call as a value that can go to another thread, and what comes back.

use bytes::Bytes;

use super::bindings::exports::lockgate::policy::body_phase::{Action, Direction};
use super::bindings::lockgate::policy::types::Failure;
use super::fault::PluginFault;
use super::instance::Instance;
use super::policy::Exports;
use super::verdict::{Edits, Response, Verdict};
use crate::telemetry::RequestId;
use crate::telemetry::metrics::{CallOutcome, Hook};

/// A hook, and what it is told.
pub(crate) enum Call {
    Request { head: Vec<u8> },
    Response { head: Vec<u8>, state: Vec<u8> },
    Body { direction: Direction, body: Bytes, state: Vec<u8> },
    Chunk { direction: Direction, chunk: Bytes, last: bool, state: Vec<u8> },
    Respond { head: Vec<u8>, body: Bytes },
}

/// What a hook says.
pub(crate) enum Said {
    Verdict(Verdict),
    Body(Action, Option<Edits>),
    Chunk(Action, Vec<u8>),
    Answer(Result<Response, Failure>),
}

impl Call {
    pub(super) fn hook(&self) -> Hook {
        match self {
            Self::Request { .. } => Hook::Request,
            Self::Response { .. } => Hook::Response,
            Self::Body { .. } => Hook::Body,
            Self::Chunk { .. } => Hook::Chunk,
            Self::Respond { .. } => Hook::Responder,
        }
    }

    pub(super) fn make(
        &self,
        instance: &mut Instance,
        exports: &Exports,
        exchange: RequestId,
    ) -> Result<Said, PluginFault> {
        match self {
            Self::Request { head } => instance.on_request(exports, exchange, head).map(Said::Verdict),
            Self::Response { head, state } => instance.on_response(exports, exchange, head, state).map(Said::Verdict),
            Self::Body { direction, body, state } => {
                let said = instance.on_body(exports, exchange, *direction, body, state);
                said.map(|(action, edits)| Said::Body(action, edits))
            }
            Self::Chunk { direction, chunk, last, state } => {
                let said = instance.on_chunk(exports, exchange, *direction, chunk, *last, state);
                said.map(|(action, state)| Said::Chunk(action, state))
            }
            Self::Respond { head, body } => instance.respond(exports, exchange, head, body).map(Said::Answer),
        }
    }
}

/// Unreachable: each call is answered by its own kind of reply.
fn another() -> PluginFault {
    PluginFault::Answer("an answer to another question".into())
}

impl Said {
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Verdict(verdict) => verdict.outcome(),
            Self::Body(did, _) | Self::Chunk(did, _) => action(did),
            Self::Answer(Ok(_)) => CallOutcome::Respond,
            Self::Answer(Err(_)) => CallOutcome::Fail,
        }
    }

    pub(crate) fn verdict(self) -> Result<Verdict, PluginFault> {
        if let Self::Verdict(verdict) = self { Ok(verdict) } else { Err(another()) }
    }

    pub(crate) fn body(self) -> Result<(Action, Option<Edits>), PluginFault> {
        if let Self::Body(action, edits) = self { Ok((action, edits)) } else { Err(another()) }
    }

    pub(crate) fn chunk(self) -> Result<(Action, Vec<u8>), PluginFault> {
        if let Self::Chunk(action, state) = self { Ok((action, state)) } else { Err(another()) }
    }

    pub(crate) fn answer(self) -> Result<Result<Response, Failure>, PluginFault> {
        if let Self::Answer(answer) = self { Ok(answer) } else { Err(another()) }
    }
}

pub(super) fn action(action: &Action) -> CallOutcome {
    match action {
        Action::Pass => CallOutcome::Pass,
        Action::Splice(_) | Action::Replace(_) => CallOutcome::Edit,
        Action::Respond(_) => CallOutcome::Respond,
        Action::Fail(_) => CallOutcome::Fail,
    }
}
