//! `on-chunk`.

use bytes::Bytes;
use wasmtime::component::TypedFunc;

use super::{Hook, Label, Place, carried, find};
use crate::sandbox::bindings::exports::lockgate::policy::body_phase::{self as wit, Direction, Guest};
use crate::sandbox::fault::PluginFault;
use crate::sandbox::verdict::{ChunkEdits, Verdict};
use crate::telemetry::metrics::CallOutcome;

/// A piece of a body at a policy's position.
#[derive(Clone)]
pub(crate) struct OnChunk {
    pub(crate) direction: Direction,
    pub(crate) chunk: Bytes,
    /// Whether the body ends with it.
    pub(crate) last: bool,
    /// What the policy carried; empty if nothing.
    pub(crate) state: Vec<u8>,
}

impl Hook for OnChunk {
    type Guest = Guest;
    type Told<'a> = (Direction, &'a [u8], bool, Option<&'a [u8]>);
    type Returned = (wit::ChunkVerdict,);
    type Said = Verdict<ChunkEdits>;

    const LABEL: Label = Label::Chunk;

    fn guest(at: Place<'_>) -> Result<Guest, PluginFault> {
        find(&mut at.found.body, at.exports.body.as_ref(), |export| export.load(at.store, at.instance))
    }

    fn function(guest: &Guest) -> TypedFunc<Self::Told<'_>, Self::Returned> {
        guest.func_on_chunk()
    }

    fn told(&self) -> Self::Told<'_> {
        (self.direction, &self.chunk, self.last, carried(&self.state))
    }

    fn said((verdict,): Self::Returned) -> Self::Said {
        verdict.into()
    }

    fn outcome(said: &Self::Said) -> CallOutcome {
        said.outcome()
    }
}
