//! One live instance of a policy, and calls into it.

use std::sync::Arc;

use wasmtime::{Engine, PoolConcurrencyLimitError, Store};

use super::bindings::exports::lockgate::policy::{body_phase, request_phase, responder, response_phase};
use super::bindings::lockgate::policy::types::{Failure, Fields};
use super::capability::{HostState, Powers};
use super::fault::PluginFault;
use super::limits::Limits;
use super::policy::{Exports, Policy};
use super::ticker::Ticker;
use super::trial::Image;
use super::verdict::{Edits, Response, Verdict};
use crate::telemetry::RequestId;
use crate::telemetry::account::Spent;

/// A configured instance. Used for one call at a time, and dropped after any call that failed.
pub(super) struct Instance {
    store: Store<HostState>,
    instance: wasmtime::component::Instance,
    /// Hooks that were called.
    known: Known,
    calls: u32,
}

/// Hooks of an instance, found when they are called first: most instances have one call, or many of few hooks.
#[derive(Default)]
struct Known {
    request: Option<request_phase::Guest>,
    response: Option<response_phase::Guest>,
    body: Option<body_phase::Guest>,
    responder: Option<responder::Guest>,
}

impl Instance {
    /// Instantiate, and configure what is no image.
    pub(super) fn new(policy: &Policy) -> Result<Self, PluginFault> {
        let mut store = policy.store();
        let instance = policy.pre.instantiate(&mut store);
        let instance = made(&mut store, instance)?;
        if !matches!(policy.image(), Image::Taken(_)) {
            configure(policy, &mut store, &instance)?;
        }
        store.data_mut().serve();
        Ok(Self { store, instance, known: Known::default(), calls: 0 })
    }

    /// Hook calls so far.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Bytes of linear memory held.
    pub(super) fn memory(&mut self) -> usize {
        self.store.data_mut().meter().memory()
    }

    /// What the last call used.
    pub(super) fn spent(&mut self) -> Spent {
        spent(&mut self.store)
    }

    pub(super) fn on_request(
        &mut self,
        exports: &Exports,
        exchange: RequestId,
        head: &Fields,
    ) -> Result<Verdict, PluginFault> {
        let guest =
            hook(&mut self.known.request, exports.request.as_ref(), |it| it.load(&mut self.store, &self.instance))?;
        self.calls += 1;
        begin(&mut self.store, exchange, 0);
        let result = guest.call_on_request(&mut self.store, head);
        finish(&mut self.store, result).map(Verdict::from)
    }

    pub(super) fn on_response(
        &mut self,
        exports: &Exports,
        exchange: RequestId,
        head: &Fields,
        state: &[u8],
    ) -> Result<Verdict, PluginFault> {
        let guest =
            hook(&mut self.known.response, exports.response.as_ref(), |it| it.load(&mut self.store, &self.instance))?;
        self.calls += 1;
        begin(&mut self.store, exchange, 0);
        let result = guest.call_on_response(&mut self.store, head, carried(state));
        finish(&mut self.store, result).map(Verdict::from)
    }

    pub(super) fn on_body(
        &mut self,
        exports: &Exports,
        exchange: RequestId,
        direction: body_phase::Direction,
        body: &[u8],
        state: &[u8],
    ) -> Result<(body_phase::Action, Option<Edits>), PluginFault> {
        let guest = hook(&mut self.known.body, exports.body.as_ref(), |it| it.load(&mut self.store, &self.instance))?;
        self.calls += 1;
        begin(&mut self.store, exchange, body.len());
        let result = guest.call_on_body(&mut self.store, direction, body, carried(state));
        finish(&mut self.store, result).map(|(action, edits)| (action, edits.map(Edits::from)))
    }

    pub(super) fn on_chunk(
        &mut self,
        exports: &Exports,
        exchange: RequestId,
        direction: body_phase::Direction,
        chunk: &[u8],
        last: bool,
        state: &[u8],
    ) -> Result<(body_phase::Action, Vec<u8>), PluginFault> {
        let guest = hook(&mut self.known.body, exports.body.as_ref(), |it| it.load(&mut self.store, &self.instance))?;
        self.calls += 1;
        begin(&mut self.store, exchange, 0);
        let result = guest.call_on_chunk(&mut self.store, direction, chunk, last, state);
        finish(&mut self.store, result)
    }

    pub(super) fn respond(
        &mut self,
        exports: &Exports,
        exchange: RequestId,
        head: &Fields,
        body: &[u8],
    ) -> Result<Result<Response, Failure>, PluginFault> {
        let guest =
            hook(&mut self.known.responder, exports.responder.as_ref(), |it| it.load(&mut self.store, &self.instance))?;
        self.calls += 1;
        begin(&mut self.store, exchange, 0);
        let result = guest.call_respond(&mut self.store, head, body);
        finish(&mut self.store, result).map(|answer| answer.map(Response::from))
    }
}

pub(super) fn spent(store: &mut Store<HostState>) -> Spent {
    let meter = store.data_mut().meter();
    Spent { cpu: None, memory: meter.memory(), host_calls: meter.host_calls() }
}

/// Nothing rather than an empty list, which would cost a call into the guest to make room for it.
pub(super) fn carried(state: &[u8]) -> Option<&[u8]> {
    (!state.is_empty()).then_some(state)
}

/// A store in which an instance can be made: whatever it does is measured from the start.
pub(super) fn store(engine: &Engine, powers: Arc<Powers>, limits: Limits, ticker: Arc<Ticker>) -> Store<HostState> {
    let mut store = Store::new(engine, HostState::configuring(powers, limits, ticker));
    store.limiter(|state| state.meter());
    store.epoch_deadline_callback(|mut store| store.data_mut().meter().tick());
    begin(&mut store, RequestId::default(), 0);
    store
}

/// The instance, or why none could be made.
pub(super) fn made<I>(store: &mut Store<HostState>, instance: wasmtime::Result<I>) -> Result<I, PluginFault> {
    if instance.as_ref().is_err_and(|error| error.is::<PoolConcurrencyLimitError>()) {
        return Err(PluginFault::Busy);
    }
    finish(store, instance).map_err(|fault| match fault {
        PluginFault::Trap(text) => PluginFault::Instantiate(text),
        other => other,
    })
}

fn configure(
    policy: &Policy,
    store: &mut Store<HostState>,
    instance: &wasmtime::component::Instance,
) -> Result<(), PluginFault> {
    let lifecycle = policy.exports.lifecycle.load(&mut *store, instance);
    let lifecycle = lifecycle.map_err(|error| PluginFault::not_made(&error))?;
    begin(store, RequestId::default(), 0);
    let configured = lifecycle.call_configure(&mut *store, &policy.config);
    finish(store, configured)?.map(|_| ()).map_err(PluginFault::configure)
}

/// A hook, found now where it is not known. The chain calls only those a policy exports; others would be a fault.
fn hook<'a, I, G>(
    known: &'a mut Option<G>,
    exported: Option<&I>,
    find: impl FnOnce(&I) -> wasmtime::Result<G>,
) -> Result<&'a G, PluginFault> {
    let guest = match known.take() {
        Some(guest) => guest,
        None => find(exported.ok_or_else(PluginFault::no_hook)?).map_err(|error| PluginFault::not_made(&error))?,
    };
    Ok(known.insert(guest))
}

/// A call begins, which is given a body of so many bytes. One may be replaced by another of its size; the usual allowance comes on top.
pub(super) fn begin(store: &mut Store<HostState>, exchange: RequestId, body: usize) {
    store.data_mut().begin(exchange);
    store.set_epoch_deadline(1);
    let usual = store.data_mut().meter().limits().host_memory;
    store.set_hostcall_fuel(usual + 2 * body);
}

pub(super) fn finish<R>(store: &mut Store<HostState>, result: wasmtime::Result<R>) -> Result<R, PluginFault> {
    store.data_mut().end_lines();
    result.map_err(|error| PluginFault::from_call(&error, store.data_mut().meter().memory_denied()))
}
