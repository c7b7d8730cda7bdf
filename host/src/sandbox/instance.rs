//! One live instance of a policy, and calls into it.

use std::sync::Arc;

use wasmtime::{Engine, PoolConcurrencyLimitError, Store};

use super::capability::{Holds, HostState, Powers};
use super::fault::PluginFault;
use super::hook::{Found, Hook, Place};
use super::limits::Limits;
use super::occasion::{Occasion, Wait};
use super::policy::{Exports, Policy};
use super::ticker::Ticker;
use super::trial::Image;
use crate::telemetry::account::Spent;

/// What a call came back with.
pub(super) struct Returned<S> {
    pub(super) said: S,
    /// What would have helped it, and is on its way.
    pub(super) wait: Option<Wait>,
    /// What it took for as long as its exchange lasts.
    pub(super) holds: Holds,
}

impl<S> Returned<S> {
    /// What was said, unless whoever asks would rather wait for what would have helped.
    pub(super) fn ready(self, is_patient: bool) -> Result<(S, Holds), PluginFault> {
        match self.wait {
            Some(wait) if is_patient => Err(PluginFault::Unready(Box::new(wait))),
            _ => Ok((self.said, self.holds)),
        }
    }
}

/// A configured instance. Used for one call at a time, and dropped after any call that failed.
pub(super) struct Instance {
    store: Store<HostState>,
    instance: wasmtime::component::Instance,
    found: Found,
    calls: u32,
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
        Ok(Self { store, instance, found: Found::default(), calls: 0 })
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

    pub(super) fn call<H: Hook>(
        &mut self,
        exports: &Exports,
        occasion: Occasion,
        hook: &H,
    ) -> Result<Returned<H::Said>, PluginFault> {
        let Self { store, instance, found, calls } = self;
        let guest = H::guest(Place { exports, store: &mut *store, instance, found })?;
        *calls += 1;
        begin(store, occasion, hook.body());
        let returned = H::function(&guest).call(&mut *store, hook.told());
        let said = finish(store, returned).map(H::said)?;
        let state = store.data_mut();
        Ok(Returned { said, wait: state.take_wait(), holds: state.take_holds() })
    }
}

pub(super) fn spent(store: &mut Store<HostState>) -> Spent {
    let meter = store.data_mut().meter();
    Spent { cpu: None, memory: meter.memory(), host_calls: meter.host_calls() }
}

/// A store in which an instance can be made: whatever it does is measured from the start.
pub(super) fn store(engine: &Engine, powers: Arc<Powers>, limits: Limits, ticker: Arc<Ticker>) -> Store<HostState> {
    let mut store = Store::new(engine, HostState::configuring(powers, limits, ticker));
    store.limiter(|state| state.meter());
    store.epoch_deadline_callback(|mut store| store.data_mut().meter().tick());
    begin(&mut store, Occasion::default(), 0);
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
    begin(store, Occasion::default(), 0);
    let configured = lifecycle.call_configure(&mut *store, &policy.config);
    finish(store, configured)?.map(|_| ()).map_err(PluginFault::configure)
}

/// A call begins, which is given a body of so many bytes. One may be replaced by another of its size; the usual
/// allowance comes on top.
pub(super) fn begin(store: &mut Store<HostState>, occasion: Occasion, body: usize) {
    store.data_mut().begin(occasion);
    store.set_epoch_deadline(1);
    let usual = store.data_mut().meter().limits().host_memory;
    store.set_hostcall_fuel(usual + 2 * body);
}

pub(super) fn finish<R>(store: &mut Store<HostState>, result: wasmtime::Result<R>) -> Result<R, PluginFault> {
    store.data_mut().end_lines();
    result.map_err(|error| PluginFault::from_call(&error, store.data_mut().meter().memory_denied()))
}
