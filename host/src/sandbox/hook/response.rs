//! `on-response`.

use std::cell::RefCell;

use wasmtime::component::TypedFunc;

use super::{Constants, Hook, Label, Place, carried, find};
use crate::sandbox::bindings::exports::lockgate::policy::response_phase::Guest;
use crate::sandbox::bindings::lockgate::policy::types as wit;
use crate::sandbox::fault::PluginFault;
use crate::sandbox::verdict::Verdict;
use crate::telemetry::metrics::CallOutcome;

/// A response at a policy's position.
#[derive(Clone)]
pub(crate) struct OnResponse {
    pub(crate) head: wit::Fields,
    /// What the policy carried; empty if nothing.
    pub(crate) state: Vec<u8>,
}

impl Hook for OnResponse {
    type Guest = Guest;
    type Told<'a> = (&'a wit::Fields, Option<&'a [u8]>);
    type Returned = (wit::Verdict,);
    type Said = Verdict;

    const LABEL: Label = Label::Response;

    fn guest(at: Place<'_>) -> Result<Guest, PluginFault> {
        find(&mut at.found.response, at.exports.response.as_ref(), |export| export.load(at.store, at.instance))
    }

    fn function(guest: &Guest) -> TypedFunc<Self::Told<'_>, Self::Returned> {
        guest.func_on_response()
    }

    fn told(&self) -> Self::Told<'_> {
        (&self.head, carried(&self.state))
    }

    fn said((verdict,): Self::Returned) -> Verdict {
        verdict.into()
    }

    fn outcome(said: &Verdict) -> CallOutcome {
        said.outcome()
    }

    fn constant<'a>(&self, constants: &'a Constants) -> Option<&'a RefCell<Option<Verdict>>> {
        (self.head.is_empty() && self.state.is_empty()).then_some(&constants.response)
    }
}
