//! One live instance of a policy, and calls into it.

use wasmtime::Store;

use super::bindings::exports::lockgate::policy::{body_phase, request_phase, responder, response_phase};
use super::bindings::lockgate::policy::types::{Failure, Fields};
use super::capability::HostState;
use super::fault::PluginFault;
use super::limits::{HOSTCALL_BYTES, on_tick};
use super::policy::Policy;
use super::verdict::{Edits, Response, Verdict};
use crate::telemetry::RequestId;

/// A configured instance. Used for one call at a time, and dropped after any call that failed.
pub(super) struct Instance {
    store: Store<HostState>,
    request: Option<request_phase::Guest>,
    response: Option<response_phase::Guest>,
    body: Option<body_phase::Guest>,
    responder: Option<responder::Guest>,
    calls: u32,
}

impl Instance {
    /// Instantiate and configure.
    pub(super) fn new(policy: &Policy) -> Result<Self, PluginFault> {
        let state = HostState::configuring(policy.powers.clone(), policy.limits, policy.ticker.clone());
        let mut store = Store::new(policy.pre.engine(), state);
        store.limiter(|state| state.meter());
        store.epoch_deadline_callback(|store| on_tick(store, HostState::meter));
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        begin(&mut store, RequestId::default());
        let instance = policy.pre.instantiate(&mut store).map_err(|error| {
            match PluginFault::from_call(&error, store.data_mut().meter().memory_denied()) {
                PluginFault::Trap(text) => PluginFault::Instantiate(text),
                other => other,
            }
        })?;
        let lifecycle = policy.exports.lifecycle.load(&mut store, &instance).map_err(|error| instantiate(&error))?;
        begin(&mut store, RequestId::default());
        let configured = lifecycle.call_configure(&mut store, &policy.config);
        finish(&mut store, configured)?.map_err(|faults| {
            PluginFault::Configure(
                faults.into_iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect(),
            )
        })?;
        store.data_mut().serve();
        let exports = &policy.exports;
        let request = exports.request.as_ref().map(|it| it.load(&mut store, &instance)).transpose();
        let response = exports.response.as_ref().map(|it| it.load(&mut store, &instance)).transpose();
        let body = exports.body.as_ref().map(|it| it.load(&mut store, &instance)).transpose();
        let responder = exports.responder.as_ref().map(|it| it.load(&mut store, &instance)).transpose();
        Ok(Self {
            request: request.map_err(|error| instantiate(&error))?,
            response: response.map_err(|error| instantiate(&error))?,
            body: body.map_err(|error| instantiate(&error))?,
            responder: responder.map_err(|error| instantiate(&error))?,
            calls: 0,
            store,
        })
    }

    /// Hook calls so far.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Bytes of linear memory held.
    pub(super) fn memory(&mut self) -> usize {
        self.store.data_mut().meter().memory()
    }

    pub(super) fn on_request(&mut self, exchange: RequestId, head: &Fields) -> Result<Verdict, PluginFault> {
        let guest = self.request.as_ref().ok_or_else(not_exported)?;
        self.calls += 1;
        begin(&mut self.store, exchange);
        let result = guest.call_on_request(&mut self.store, head);
        finish(&mut self.store, result).map(Verdict::from)
    }

    pub(super) fn on_response(
        &mut self,
        exchange: RequestId,
        head: &Fields,
        state: &[u8],
    ) -> Result<Verdict, PluginFault> {
        let guest = self.response.as_ref().ok_or_else(not_exported)?;
        self.calls += 1;
        begin(&mut self.store, exchange);
        let result = guest.call_on_response(&mut self.store, head, carried(state));
        finish(&mut self.store, result).map(Verdict::from)
    }

    pub(super) fn on_body(
        &mut self,
        exchange: RequestId,
        direction: body_phase::Direction,
        body: &[u8],
        state: &[u8],
    ) -> Result<(body_phase::Action, Option<Edits>), PluginFault> {
        let guest = self.body.as_ref().ok_or_else(not_exported)?;
        self.calls += 1;
        begin(&mut self.store, exchange);
        // A body may be replaced by one of its size; the usual allowance comes on top.
        self.store.set_hostcall_fuel(HOSTCALL_BYTES + 2 * body.len());
        let result = guest.call_on_body(&mut self.store, direction, body, carried(state));
        self.store.set_hostcall_fuel(HOSTCALL_BYTES);
        finish(&mut self.store, result).map(|(action, edits)| (action, edits.map(Edits::from)))
    }

    pub(super) fn on_chunk(
        &mut self,
        exchange: RequestId,
        direction: body_phase::Direction,
        chunk: &[u8],
        last: bool,
        state: &[u8],
    ) -> Result<(body_phase::Action, Vec<u8>), PluginFault> {
        let guest = self.body.as_ref().ok_or_else(not_exported)?;
        self.calls += 1;
        begin(&mut self.store, exchange);
        let result = guest.call_on_chunk(&mut self.store, direction, chunk, last, state);
        finish(&mut self.store, result)
    }

    pub(super) fn respond(
        &mut self,
        exchange: RequestId,
        head: &Fields,
        body: &[u8],
    ) -> Result<Result<Response, Failure>, PluginFault> {
        let guest = self.responder.as_ref().ok_or_else(not_exported)?;
        self.calls += 1;
        begin(&mut self.store, exchange);
        let result = guest.call_respond(&mut self.store, head, body);
        finish(&mut self.store, result).map(|answer| answer.map(Response::from))
    }
}

/// Nothing rather than an empty list, which would cost a call into the guest to make room for it.
fn carried(state: &[u8]) -> Option<&[u8]> {
    (!state.is_empty()).then_some(state)
}

fn begin(store: &mut Store<HostState>, exchange: RequestId) {
    store.data_mut().begin(exchange);
    store.set_epoch_deadline(1);
}

fn finish<R>(store: &mut Store<HostState>, result: wasmtime::Result<R>) -> Result<R, PluginFault> {
    result.map_err(|error| PluginFault::from_call(&error, store.data_mut().meter().memory_denied()))
}

fn instantiate(error: &wasmtime::Error) -> PluginFault {
    PluginFault::Instantiate(error.root_cause().to_string())
}

/// The chain calls only hooks a policy exports; this is its answer should it not.
fn not_exported() -> PluginFault {
    PluginFault::Answer("the hook is not exported".into())
}
