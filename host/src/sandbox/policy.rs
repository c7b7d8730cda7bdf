//! A loaded policy: checked code, its configuration and its powers, ready to be instantiated by any worker.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

use super::Sandbox;
use super::beside::Beside;
use super::bindings::exports::lockgate::policy::{
    body_phase, lifecycle, observer, request_phase, responder, response_phase,
};
use super::build::Snapshot;
use super::capability::{HostState, Powers};
use super::engine;
use super::fault::PluginFault;
use super::hook::Hook;
use super::instance::store;
use super::interest::Interest;
use super::lane::Lane;
use super::limits::Limits;
use super::occasion::Occasion;
use super::shape::contract_is;
use super::ticker::Ticker;
use super::trial::{Image, Tried};
use super::trouble::Teller;
use super::waiting;
use crate::config::{self, Isolation};
use crate::content::Digest;
use crate::telemetry::RequestId;
use crate::telemetry::account::Spent;

/// One component with one configuration under one set of powers and limits. Immutable; shared by all workers.
pub(crate) struct Policy {
    /// Of the component, or of its image.
    pub(super) pre: InstancePre<HostState>,
    pub(super) exports: Exports,
    pub(super) config: Box<[u8]>,
    pub(super) limits: Limits,
    pub(super) isolation: Isolation,
    pub(super) breaker: config::Breaker,
    pub(super) powers: Arc<Powers>,
    pub(super) ticker: Arc<Ticker>,
    pub(super) lane: Arc<Lane>,
    pub(super) teller: Option<Teller>,
    /// For calls that no worker waits for.
    pub(super) beside: Beside,
    /// What an instance counts for.
    pub(super) slots: u32,
    interest: Interest,
    image: Image<Snapshot>,
    took: Duration,
    digest: Digest,
    /// It imports nothing it could learn anything from: what it says follows from what it is told.
    pub(super) is_pure: bool,
    is_shadow: bool,
    waits: bool,
}

/// Loaded, checked code. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Code {
    /// None where nothing but images are used.
    pub(super) component: Option<Component>,
    pub(super) digest: Digest,
}

/// What makes a policy of code.
pub(crate) struct Parts {
    /// JSON text.
    pub(crate) config: String,
    /// What came of trying it.
    pub(crate) tried: Tried<Snapshot>,
    pub(crate) limits: Limits,
    pub(crate) isolation: Isolation,
    pub(crate) breaker: config::Breaker,
    pub(crate) powers: Powers,
    /// Whether it runs in the shadow of another version.
    pub(crate) is_shadow: bool,
}

impl Policy {
    /// Join what was checked when it was built with what it is given now.
    pub(super) fn new(sandbox: &Sandbox, code: &Code, parts: Parts) -> wasmtime::Result<Self> {
        let Parts { config, tried: Tried { interest, image, took }, limits, isolation, breaker, powers, is_shadow } =
            parts;
        let linker = &sandbox.linker;
        let component = match &image {
            Image::Taken(snapshot) => Some(&snapshot.component),
            Image::NotWanted | Image::Impossible(_) => code.component.as_ref(),
        };
        let component = component.ok_or_else(|| wasmtime::Error::msg("there is neither code nor an image"))?;
        let pre = linker.instantiate_pre(component)?;
        let exports = Exports::of(&pre)?;
        let kind = component.component_type();
        let waits = waiting::waits(component);
        let beside = if waits { Beside::waiting(sandbox.fibers.clone()) } else { Beside::slow() };
        let slots = engine::slots(component);
        let is_pure =
            kind.imports(linker.engine()).all(|(name, _)| contract_is(name, "types") || contract_is(name, "log"));
        let (config, powers, digest) = (config.into_bytes().into(), Arc::new(powers), code.digest);
        let lane = if is_shadow { &sandbox.shadows } else { &sandbox.lane }.clone();
        let (ticker, teller) = (sandbox.ticker.clone(), sandbox.teller.clone());
        Ok(Self {
            pre,
            exports,
            config,
            limits,
            isolation,
            breaker,
            powers,
            ticker,
            lane,
            teller,
            beside,
            slots,
            interest,
            image,
            took,
            digest,
            is_pure,
            is_shadow,
            waits,
        })
    }

    /// A store for a new instance.
    pub(super) fn store(&self) -> Store<HostState> {
        store(self.pre.engine(), self.powers.clone(), self.limits, self.ticker.clone())
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.powers.policy
    }

    /// Empty for the gateway's own chain.
    pub(crate) fn api(&self) -> &str {
        &self.powers.api
    }

    /// JSON text.
    pub(crate) fn config(&self) -> &[u8] {
        &self.config
    }

    /// SHA-256 of the component.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn interest(&self) -> &Interest {
        &self.interest
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Whether its calls can wait for a service, so that each has an instance of its own, whatever is declared.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether what it says only is compared with what another version said.
    pub(crate) fn is_shadow(&self) -> bool {
        self.is_shadow
    }

    /// Have a call made in its lane, on a fresh instance, and wait for what it says and what that took. Busy where too
    /// many wait already.
    pub(crate) async fn call_aside<H: Hook>(
        self: &Arc<Self>,
        exchange: RequestId,
        hook: H,
    ) -> Result<(H::Said, Spent), PluginFault> {
        let said = self.lane.send(self.clone(), Occasion::of(exchange.into()), hook)?.await;
        let returned = said.map_err(|_| PluginFault::Answer("the gateway broke on it".into()))?;
        returned.map(|(returned, spent)| (returned.said, spent))
    }

    /// What instances are made from, where it is not the component itself.
    pub(crate) fn image(&self) -> &Image<Snapshot> {
        &self.image
    }

    /// What it took to try the configuration, and to take the image.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// What its instances count for on each worker: the one that is kept for the next call, or those of one call.
    pub(crate) fn room(&self) -> Room {
        let kept = self.isolation == Isolation::Pooled && !self.waits;
        if kept { Room::Kept(self.slots) } else { Room::Passing(self.slots) }
    }

    /// Whether it can stand in a chain, be there something to do for it or not.
    pub(crate) fn is_for_chains(&self) -> bool {
        let exports = &self.exports;
        exports.request.is_some() || exports.response.is_some() || exports.body.is_some()
    }

    pub(crate) fn hooks(&self) -> Hooks {
        Hooks {
            request: self.exports.request.is_some() && !self.interest.idle_on_request,
            response: self.exports.response.is_some() && !self.interest.idle_on_response,
            body: self.exports.body.is_some(),
            responder: self.exports.responder.is_some(),
            observer: self.exports.observer.is_some(),
        }
    }
}

/// Room that instances of a policy take of what a worker has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    /// All the time.
    Kept(u32),
    /// During a call, of which there is one at a time.
    Passing(u32),
}

/// Which hooks a component exports and, configured so, has a use for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hooks {
    pub(crate) request: bool,
    pub(crate) response: bool,
    pub(crate) body: bool,
    pub(crate) responder: bool,
    pub(crate) observer: bool,
}

/// Where the exported functions are in every instance of a component.
pub(super) struct Exports {
    pub(super) lifecycle: lifecycle::GuestIndices,
    pub(super) request: Option<request_phase::GuestIndices>,
    pub(super) response: Option<response_phase::GuestIndices>,
    pub(super) body: Option<body_phase::GuestIndices>,
    pub(super) responder: Option<responder::GuestIndices>,
    pub(super) observer: Option<observer::GuestIndices>,
}

impl Exports {
    pub(super) fn of(pre: &InstancePre<HostState>) -> wasmtime::Result<Self> {
        // Absent is fine, present with another shape is not: that would be a hook silently never called.
        fn optional<T>(
            pre: &InstancePre<HostState>,
            interface: &str,
            load: impl FnOnce(&InstancePre<HostState>) -> wasmtime::Result<T>,
        ) -> wasmtime::Result<Option<T>> {
            let name = format!("lockgate:policy/{interface}@{CONTRACT}");
            match pre.component().get_export_index(None, &name) {
                Some(_) => load(pre).map(Some),
                None => Ok(None),
            }
        }
        Ok(Self {
            lifecycle: lifecycle::GuestIndices::new(pre)?,
            request: optional(pre, "request-phase", request_phase::GuestIndices::new)?,
            response: optional(pre, "response-phase", response_phase::GuestIndices::new)?,
            body: optional(pre, "body-phase", body_phase::GuestIndices::new)?,
            responder: optional(pre, "responder", responder::GuestIndices::new)?,
            observer: optional(pre, "observer", observer::GuestIndices::new)?,
        })
    }
}

/// Version of the contract this host speaks.
pub(crate) const CONTRACT: &str = "0.1.0";
