//! Images: a component as it is after `configure`, so that a fresh instance needs no configuring.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

use super::capability::HostState;
use super::instance::begin;
use super::interest::Interest;
use super::limits::MAX_MEMORY;
use super::occasion::Occasion;
use super::shape;
use super::trial::Trial;
use super::workbench::{Prepared, Workbench, root_cause};

/// A component that shows what is in its memories and globals. The cost of making one is shared by all configurations.
pub(super) struct Instrumented<'a> {
    context: ComponentContext<'a>,
    prepared: Prepared,
}

impl<'a> Instrumented<'a> {
    /// Load it, or make it and give its `code`. Or why there can be none: the component has parts that no image can
    /// hold, or is no policy.
    pub(super) fn of(
        bench: &Workbench,
        wasm: &'a [u8],
        known: Option<&Path>,
        code: &mut Vec<u8>,
    ) -> Result<Self, String> {
        let (context, wasm) = unbroken(|| Wizer::new().instrument_component(wasm))?;
        let component = bench.compiled(known, || shape::compile(&bench.engine, &wasm), code)?;
        Ok(Self { context, prepared: bench.policy(&component)? })
    }

    /// Configure it and compile what it is then. Apart from the faults of the configuration, why there can be no image.
    pub(super) fn image(
        &self,
        bench: &Workbench,
        trial: &Trial,
    ) -> Result<(Interest, Result<Vec<u8>, String>), Vec<String>> {
        let (interest, store, instance) = bench.configure(&self.prepared, trial)?;
        if let Some(reason) = store.data().no_image() {
            return Ok((interest, Err(reason.to_owned())));
        }
        Ok((interest, self.snapshot(bench, Inside { store, instance, unread: None })))
    }

    fn snapshot(&self, bench: &Workbench, mut inside: Inside) -> Result<Vec<u8>, String> {
        let wasm = unbroken(|| ready(Wizer::new().snapshot_component(&self.context, &mut inside)));
        // The library cannot be told, and breaks for want of what was not read.
        if let Some(error) = inside.unread {
            return Err(root_cause(&error));
        }
        let component = shape::compile(&bench.engine, &wasm?)?;
        // An image that does not link would be noticed by a client.
        bench.prepare(&component)?;
        component.serialize().map_err(|error| root_cause(&error))
    }
}

/// The library panics on components it did not expect. The process is short-lived and nothing of what broke is used
/// again.
fn unbroken<T>(work: impl FnOnce() -> wasmtime::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| root_cause(&error)),
        Err(_) => Err("the library that takes images cannot read it".into()),
    }
}

/// The result of a future that has nothing to wait for.
fn ready<T>(future: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(wasmtime::Error::msg("reading an instance had to wait")),
    }
}

/// An instance whose memories and globals are read.
struct Inside {
    store: Store<HostState>,
    instance: Instance,
    /// The first that could not be: what is read after it is of no use.
    unread: Option<wasmtime::Error>,
}

impl Inside {
    fn read<R: Lift + 'static>(&mut self, interface: &str, function: &str) -> wasmtime::Result<R> {
        let lost = || wasmtime::Error::msg("an instrumented component without its instruments");
        let (_, interface) = self.instance.get_export(&mut self.store, None, interface).ok_or_else(lost)?;
        let (_, function) = self.instance.get_export(&mut self.store, Some(&interface), function).ok_or_else(lost)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut self.store, function)?;
        // What is read is a memory at most, whatever a hook may hand over.
        begin(&mut self.store, Occasion::default(), MAX_MEMORY);
        Ok(function.call(&mut self.store, ())?.0)
    }

    fn number<R: Lift + Default + 'static>(&mut self, interface: &str, function: &str) -> R {
        self.read(interface, function).unwrap_or_else(|error| {
            self.unread.get_or_insert(error);
            R::default()
        })
    }
}

impl ComponentInstanceState for Inside {
    async fn call_func_ret_list_u8(&mut self, interface: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.read::<WasmList<u8>>(interface, function) {
            Ok(list) => contents(list.as_le_slice(&self.store)),
            Err(error) => {
                self.unread.get_or_insert(error);
            }
        }
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.number(interface, function)
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.number(interface, function)
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.number::<f32>(interface, function).to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.number::<f64>(interface, function).to_bits()
    }
}
