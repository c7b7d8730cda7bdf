//! What the action of a body hook does, whether it was given a whole body or a piece.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Response;

use super::step::{BodyHook, Step};
use crate::exchange::Body;
use crate::sandbox::{Action, BodyDirection, Failure, PluginFault};

/// A body hook at its position.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) at: usize,
    pub(super) step: &'a Arc<Step>,
    pub(super) hook: &'a BodyHook,
    pub(super) direction: BodyDirection,
}

/// The effect of a body hook's action, once it was found allowed.
pub(super) enum Acted {
    Same,
    Bytes(Bytes),
    Answer(Response<Body>),
    Failed(Failure),
}

/// Carry out what a body hook wants done with `bytes`.
pub(super) fn act(action: Action, hook: &BodyHook, bytes: &[u8]) -> Result<Acted, PluginFault> {
    let edit = || match hook.edit() {
        true => Ok(()),
        false => Err(PluginFault::Answer("it changed a body it only declared to inspect".into())),
    };
    match action {
        Action::Pass => Ok(Acted::Same),
        Action::Replace(new) => edit().map(|()| Acted::Bytes(new.into())),
        Action::Splice(splices) => {
            edit()?;
            let mut new = BytesMut::with_capacity(bytes.len());
            let mut done = 0;
            for splice in splices {
                let wrong = || PluginFault::Answer("splices overlap or leave the body".into());
                let offset = splice.offset as usize;
                new.extend_from_slice(bytes.get(done..offset).ok_or_else(wrong)?);
                new.extend_from_slice(&splice.insert);
                done =
                    offset.checked_add(splice.remove as usize).filter(|end| *end <= bytes.len()).ok_or_else(wrong)?;
            }
            new.extend_from_slice(&bytes[done..]);
            Ok(Acted::Bytes(new.freeze()))
        }
        Action::Respond(response) => hook.writes.answer(response.into()).map(Acted::Answer),
        Action::Fail(failure) => Ok(Acted::Failed(failure)),
    }
}
