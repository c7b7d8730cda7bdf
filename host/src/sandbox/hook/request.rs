//! `on-request`.

use std::cell::RefCell;

use wasmtime::component::TypedFunc;

use super::{Constants, Hook, Label, Place, find};
use crate::sandbox::bindings::exports::lockgate::policy::request_phase::Guest;
use crate::sandbox::bindings::lockgate::policy::types as wit;
use crate::sandbox::fault::PluginFault;
use crate::sandbox::verdict::Verdict;
use crate::telemetry::metrics::CallOutcome;

/// A request at a policy's position.
#[derive(Clone)]
pub(crate) struct OnRequest {
    pub(crate) head: wit::Fields,
}

impl Hook for OnRequest {
    type Guest = Guest;
    type Told<'a> = (&'a wit::Fields,);
    type Returned = (wit::Verdict,);
    type Said = Verdict;

    const LABEL: Label = Label::Request;

    fn guest(at: Place<'_>) -> Result<Guest, PluginFault> {
        find(&mut at.found.request, at.exports.request.as_ref(), |export| export.load(at.store, at.instance))
    }

    fn function(guest: &Guest) -> TypedFunc<Self::Told<'_>, Self::Returned> {
        guest.func_on_request()
    }

    fn told(&self) -> Self::Told<'_> {
        (&self.head,)
    }

    fn said((verdict,): Self::Returned) -> Verdict {
        verdict.into()
    }

    fn outcome(said: &Verdict) -> CallOutcome {
        said.outcome()
    }

    fn constant<'a>(&self, constants: &'a Constants) -> Option<&'a RefCell<Option<Verdict>>> {
        self.head.is_empty().then_some(&constants.request)
    }
}
