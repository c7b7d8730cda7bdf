//! `respond`.

use bytes::Bytes;
use wasmtime::component::TypedFunc;

use super::{Hook, Label, Place, find};
use crate::sandbox::bindings::exports::lockgate::policy::responder::Guest;
use crate::sandbox::bindings::lockgate::policy::types as wit;
use crate::sandbox::fault::PluginFault;
use crate::sandbox::verdict::Response;
use crate::telemetry::metrics::CallOutcome;

/// A request for a responder.
#[derive(Clone)]
pub(crate) struct Respond {
    pub(crate) head: wit::Fields,
    pub(crate) body: Bytes,
}

impl Hook for Respond {
    type Guest = Guest;
    type Told<'a> = (&'a wit::Fields, &'a [u8]);
    type Returned = (Result<wit::Response, wit::Failure>,);
    type Said = Result<Response, wit::Failure>;

    const LABEL: Label = Label::Responder;

    fn guest(at: Place<'_>) -> Result<Guest, PluginFault> {
        find(&mut at.found.responder, at.exports.responder.as_ref(), |export| export.load(at.store, at.instance))
    }

    fn function(guest: &Guest) -> TypedFunc<Self::Told<'_>, Self::Returned> {
        guest.func_respond()
    }

    fn told(&self) -> Self::Told<'_> {
        (&self.head, &self.body)
    }

    fn said((answer,): Self::Returned) -> Self::Said {
        answer.map(Into::into)
    }

    fn outcome(said: &Self::Said) -> CallOutcome {
        if said.is_ok() { CallOutcome::Respond } else { CallOutcome::Fail }
    }
}
