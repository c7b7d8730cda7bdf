//! The hooks of the contract, a file for each: what one is told, what it says, and where it is in an instance.
//!
//! A call is a value, so that it can be made here, on another thread, or on a stack of its own.

mod body;
mod chunk;
mod records;
mod request;
mod responder;
mod response;

use std::cell::RefCell;

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, TypedFunc};

pub(crate) use body::OnBody;
pub(crate) use chunk::OnChunk;
pub(crate) use records::{OnRecords, RecordColumn};
pub(crate) use request::OnRequest;
pub(crate) use responder::Respond;
pub(crate) use response::OnResponse;

use super::bindings::exports::lockgate::policy::{
    body_phase, observer, request_phase, responder as responder_export, response_phase,
};
use super::capability::HostState;
use super::fault::PluginFault;
use super::policy::Exports;
use super::verdict::Verdict;
use crate::telemetry::metrics::{CallOutcome, Hook as Label};

/// A call of a hook.
pub(crate) trait Hook: Clone + Send + 'static {
    /// The interface that exports it.
    type Guest;
    /// What it is told, as the contract has it.
    type Told<'a>: ComponentNamedList + Lower + Send + Sync;
    /// What it returns, as the contract has it.
    type Returned: ComponentNamedList + Lift + Send + Sync + 'static;
    type Said: Clone + Send + 'static;

    const LABEL: Label;

    /// Find the interface in an instance.
    fn guest(at: Place<'_>) -> Result<Self::Guest, PluginFault>;

    fn function(guest: &Self::Guest) -> TypedFunc<Self::Told<'_>, Self::Returned>;

    fn told(&self) -> Self::Told<'_>;

    fn said(returned: Self::Returned) -> Self::Said;

    fn outcome(said: &Self::Said) -> CallOutcome;

    /// Bytes of a body it is given and may replace by as many.
    fn body(&self) -> usize {
        0
    }

    /// Where to keep what it says, if it is told nothing. Of a policy that can learn nothing else, that is all it can
    /// ever say.
    fn constant<'a>(&self, _constants: &'a Constants) -> Option<&'a RefCell<Option<Self::Said>>> {
        None
    }
}

/// An instance, and what was found in it.
pub(crate) struct Place<'a> {
    pub(super) exports: &'a Exports,
    pub(super) store: &'a mut Store<HostState>,
    pub(super) instance: &'a Instance,
    pub(super) found: &'a mut Found,
}

/// Interfaces of an instance, found when they are called first: most instances have one call, or many of few hooks.
#[derive(Default)]
pub(super) struct Found {
    request: Option<request_phase::Guest>,
    response: Option<response_phase::Guest>,
    body: Option<body_phase::Guest>,
    responder: Option<responder_export::Guest>,
    observer: Option<observer::Guest>,
}

/// What hooks say that are told nothing.
#[derive(Default)]
pub(crate) struct Constants {
    request: RefCell<Option<Verdict>>,
    response: RefCell<Option<Verdict>>,
}

/// An interface, found now where it is not known. The chain calls only those a policy exports; others would be a fault.
fn find<I, G: Clone>(
    found: &mut Option<G>,
    exported: Option<&I>,
    load: impl FnOnce(&I) -> wasmtime::Result<G>,
) -> Result<G, PluginFault> {
    if let Some(guest) = found {
        return Ok(guest.clone());
    }
    let guest = load(exported.ok_or_else(PluginFault::no_hook)?).map_err(|error| PluginFault::not_made(&error))?;
    Ok(found.insert(guest).clone())
}

/// Nothing rather than an empty list, which would cost a call into the guest to make room for it.
fn carried(state: &[u8]) -> Option<&[u8]> {
    (!state.is_empty()).then_some(state)
}
