//! `on-body`.

use bytes::Bytes;
use wasmtime::component::TypedFunc;

use super::{Hook, Label, Place, carried, find};
use crate::sandbox::bindings::exports::lockgate::policy::body_phase::{self as wit, Direction, Guest};
use crate::sandbox::fault::PluginFault;
use crate::sandbox::verdict::{BodyEdits, Verdict};
use crate::telemetry::metrics::CallOutcome;

/// A whole body at a policy's position.
#[derive(Clone)]
pub(crate) struct OnBody {
    pub(crate) direction: Direction,
    pub(crate) body: Bytes,
    /// What the policy carried; empty if nothing.
    pub(crate) state: Vec<u8>,
}

impl Hook for OnBody {
    type Guest = Guest;
    type Told<'a> = (Direction, &'a [u8], Option<&'a [u8]>);
    type Returned = (wit::BodyVerdict,);
    type Said = Verdict<BodyEdits>;

    const LABEL: Label = Label::Body;

    fn guest(at: Place<'_>) -> Result<Guest, PluginFault> {
        find(&mut at.found.body, at.exports.body.as_ref(), |export| export.load(at.store, at.instance))
    }

    fn function(guest: &Guest) -> TypedFunc<Self::Told<'_>, Self::Returned> {
        guest.func_on_body()
    }

    fn told(&self) -> Self::Told<'_> {
        (self.direction, &self.body, carried(&self.state))
    }

    fn said((verdict,): Self::Returned) -> Self::Said {
        verdict.into()
    }

    fn outcome(said: &Self::Said) -> CallOutcome {
        said.outcome()
    }

    fn body(&self) -> usize {
        self.body.len()
    }
}
