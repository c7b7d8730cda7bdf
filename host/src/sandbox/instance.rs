//! One live instance of a policy, and calls into it.

use wasmtime::Store;

use super::bindings::exports::lockgate::policy::{body_phase, request_phase, responder, response_phase};
use super::bindings::lockgate::policy::types::{Failure, Fields};
use super::capability::HostState;
use super::fault::PluginFault;
use super::limits::on_tick;
use super::policy::{Exports, Policy};
use super::shape;
use super::trial::Image;
use super::verdict::{Edits, Response, Verdict};
use crate::telemetry::RequestId;

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
        let mut store = store(policy);
        store.epoch_deadline_callback(|store| on_tick(store, HostState::meter));
        let instance = policy.pre.instantiate(&mut store).map_err(|error| not_made(&mut store, &error))?;
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

    pub(super) fn on_request(
        &mut self,
        exports: &Exports,
        exchange: RequestId,
        head: &Fields,
    ) -> Result<Verdict, PluginFault> {
        let guest =
            hook(&mut self.known.request, exports.request.as_ref(), |it| it.load(&mut self.store, &self.instance))?;
        self.calls += 1;
        begin(&mut self.store, exchange);
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
        begin(&mut self.store, exchange);
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
        begin(&mut self.store, exchange);
        // A body may be replaced by one of its size; the usual allowance comes on top.
        let usual = self.store.data_mut().meter().limits().host_memory;
        self.store.set_hostcall_fuel(usual + 2 * body.len());
        let result = guest.call_on_body(&mut self.store, direction, body, carried(state));
        self.store.set_hostcall_fuel(usual);
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
        begin(&mut self.store, exchange);
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
        begin(&mut self.store, exchange);
        let result = guest.call_respond(&mut self.store, head, body);
        finish(&mut self.store, result).map(|answer| answer.map(Response::from))
    }
}

/// Nothing rather than an empty list, which would cost a call into the guest to make room for it.
pub(super) fn carried(state: &[u8]) -> Option<&[u8]> {
    (!state.is_empty()).then_some(state)
}

/// A store in which a call can begin.
pub(super) fn store(policy: &Policy) -> Store<HostState> {
    let state = HostState::configuring(policy.powers.clone(), policy.limits, policy.ticker.clone());
    let mut store = Store::new(policy.pre.engine(), state);
    store.limiter(|state| state.meter());
    store.set_hostcall_fuel(policy.limits.host_memory);
    begin(&mut store, RequestId::default());
    store
}

/// Why no instance could be made.
pub(super) fn not_made(store: &mut Store<HostState>, error: &wasmtime::Error) -> PluginFault {
    match PluginFault::from_call(error, store.data_mut().meter().memory_denied()) {
        PluginFault::Trap(text) => PluginFault::Instantiate(text),
        other => other,
    }
}

fn configure(
    policy: &Policy,
    store: &mut Store<HostState>,
    instance: &wasmtime::component::Instance,
) -> Result<(), PluginFault> {
    let lifecycle = policy.exports.lifecycle.load(&mut *store, instance).map_err(|error| instantiate(&error))?;
    begin(store, RequestId::default());
    let configured = lifecycle.call_configure(&mut *store, &policy.config);
    let faults = |faults: Vec<_>| PluginFault::Configure(faults.iter().map(shape::config_error).collect());
    finish(store, configured)?.map(|_| ()).map_err(faults)
}

/// A hook, found now where it is not known. The chain calls only those a policy exports; others would be a fault.
fn hook<'a, I, G>(
    known: &'a mut Option<G>,
    exported: Option<&I>,
    find: impl FnOnce(&I) -> wasmtime::Result<G>,
) -> Result<&'a G, PluginFault> {
    if known.is_none() {
        let exported = exported.ok_or_else(|| PluginFault::Answer("the hook is not exported".into()))?;
        *known = Some(find(exported).map_err(|error| instantiate(&error))?);
    }
    known.as_ref().ok_or_else(|| PluginFault::Answer("the hook is not exported".into()))
}

pub(super) fn begin(store: &mut Store<HostState>, exchange: RequestId) {
    store.data_mut().begin(exchange);
    store.set_epoch_deadline(1);
}

pub(super) fn finish<R>(store: &mut Store<HostState>, result: wasmtime::Result<R>) -> Result<R, PluginFault> {
    result.map_err(|error| PluginFault::from_call(&error, store.data_mut().meter().memory_denied()))
}

fn instantiate(error: &wasmtime::Error) -> PluginFault {
    PluginFault::Instantiate(error.root_cause().to_string())
}
