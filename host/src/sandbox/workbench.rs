//! Where the building process compiles components, prepares them and has them configured.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{Engine, Store};

use super::PluginFault;
use super::cache;
use super::capability::{self, HostState, Powers, Told, World};
use super::engine::{Allocation, engine};
use super::instance::{begin, store};
use super::interest::Interest;
use super::occasion::Occasion;
use super::policy::Exports;
use super::shape;
use super::ticker::Ticker;
use super::trial::Trial;
use crate::telemetry::metrics::Metrics;

/// What components are tried on.
pub(super) struct Workbench {
    pub(super) engine: Engine,
    ticker: Arc<Ticker>,
    linker: Linker<HostState>,
}

/// A component that only lacks its configuration.
pub(super) struct Prepared {
    pre: InstancePre<HostState>,
    exports: Exports,
}

impl Workbench {
    pub(super) fn new() -> Result<Self, String> {
        let engine = engine(Allocation::OnDemand).map_err(|error| format!("no engine: {error}"))?;
        let ticker = Ticker::start(&engine).map(Arc::new).map_err(|error| format!("no ticker: {error}"))?;
        let mut linker = Linker::new(&engine);
        capability::link_to_configure(&mut linker).map_err(|error| error.to_string())?;
        Ok(Self { engine, ticker, linker })
    }

    /// Load what was compiled before, or compile it now and give the `code`.
    pub(super) fn compiled(
        &self,
        known: Option<&Path>,
        compile: impl FnOnce() -> Result<Component, String>,
        code: &mut Vec<u8>,
    ) -> Result<Component, String> {
        if let Some(component) = known.and_then(|path| cache::load(&self.engine, path).ok()) {
            return Ok(component);
        }
        let component = compile()?;
        *code = component.serialize().map_err(|error| root_cause(&error))?;
        Ok(component)
    }

    /// Prepare a component, if it is a policy.
    pub(super) fn policy(&self, component: &Component) -> Result<Prepared, String> {
        shape::check(&self.engine, component)?;
        let prepared = self.prepare(component)?;
        shape::has_hook(&prepared.exports)?;
        Ok(prepared)
    }

    pub(super) fn prepare(&self, component: &Component) -> Result<Prepared, String> {
        let pre = self.linker.instantiate_pre(component).map_err(|error| root_cause(&error))?;
        let exports = Exports::of(&pre).map_err(|error| root_cause(&error))?;
        Ok(Prepared { pre, exports })
    }

    /// Make an instance and have it configured, or say what it or its configuration lacks.
    pub(super) fn configure(
        &self,
        prepared: &Prepared,
        trial: &Trial,
    ) -> Result<(Interest, Store<HostState>, Instance), Vec<String>> {
        let mut store = store(&self.engine, no_powers().into(), trial.limits, self.ticker.clone());
        let fault = |store: &mut Store<HostState>, during: &str, error: &wasmtime::Error| {
            let state = store.data_mut();
            state.end_lines();
            let fault = PluginFault::from_call(error, state.meter().memory_denied());
            let said = state.complaints().map(|said| format!("; it said: {said}")).unwrap_or_default();
            vec![format!("{during}: {fault}{said}")]
        };
        let instance = match prepared.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(fault(&mut store, "while it was instantiated", &error)),
        };
        let lifecycle = prepared.exports.lifecycle.load(&mut store, &instance);
        let lifecycle = lifecycle.map_err(|error| vec![root_cause(&error)])?;
        begin(&mut store, Occasion::default(), 0);
        match lifecycle.call_configure(&mut store, trial.config.as_bytes()) {
            Ok(Ok(interest)) => Ok((Interest::of(interest)?, store, instance)),
            Ok(Err(faults)) => Err(shape::config_errors(&faults)),
            Err(error) => Err(fault(&mut store, "in configure", &error)),
        }
    }
}

/// A time of day for what asks for it while it is configured, in milliseconds since 1970: any will do, as long as it is
/// always the same.
const STANDING_STILL: u64 = 1_767_225_600_000;

/// Time stands still and chance is the same each time: what a component says to a configuration today it says tomorrow,
/// and on another machine.
fn no_powers() -> Powers {
    let world = Told::default();
    world.begin(STANDING_STILL);
    Powers {
        api: "".into(),
        policy: "".into(),
        keys: Default::default(),
        signers: Default::default(),
        sealers: Default::default(),
        stores: Default::default(),
        egress: Default::default(),
        limiters: Default::default(),
        consumers: None,
        may_wait: false,
        counters: Metrics::new("", "").policy_counters("", ""),
        world: World::Told(world.into()),
    }
}

pub(super) fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
