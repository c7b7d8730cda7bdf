//! What a policy can reach: one file for each import of the contract, and the state they share.

mod clock;
mod consumers;
mod crypto;
mod egress;
mod limiter;
mod log;
mod metrics;
mod random;
mod store;
mod verified;
pub(super) mod wasi;
mod world;

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{HasSelf, Linker, Val};

use super::bindings::lockgate::policy as wit;
use super::limits::{Limits, Meter};
use super::occasion::{Awaits, Occasion, Taken, Wait};
use super::policy::CONTRACT;
use super::ticker::Ticker;
use crate::consumers::Directory;
use crate::egress::Egress;
use crate::jwks::Published;
use crate::keys::{KeySet, Sealer, Signer};
use crate::limiter::{Hold, Limiter};
use crate::store::Namespace;
use crate::telemetry::metrics::PolicyCounters;

use verified::Verified;
pub(crate) use world::{Told, World};

/// The named powers of one policy: what was declared *and* granted, nothing else is in here.
pub(crate) struct Powers {
    pub(crate) api: Arc<str>,
    pub(crate) policy: Arc<str>,
    /// To verify with, to sign with and to seal with.
    pub(crate) keys: HashMap<String, Keyring>,
    pub(crate) signers: HashMap<String, Arc<Signer>>,
    pub(crate) sealers: HashMap<String, Arc<Sealer>>,
    /// Namespace, and whether it may be written.
    pub(crate) stores: HashMap<String, (Namespace, bool)>,
    pub(crate) egress: HashMap<String, Arc<Egress>>,
    pub(crate) limiters: HashMap<String, Limiter>,
    /// None unless it may ask who calls.
    pub(crate) consumers: Option<Arc<Directory>>,
    /// Whether a call may be made again, when what it wanted is there.
    pub(crate) may_wait: bool,
    pub(crate) counters: PolicyCounters,
    pub(crate) world: World,
}

/// What is held of limits, and given back when nobody has this any more.
pub(crate) type Holds = Vec<Arc<Hold>>;

/// A key set a policy may verify with.
#[derive(Debug, Clone)]
pub(crate) enum Keyring {
    Held(Arc<KeySet>),
    /// It may be that it has to be fetched first.
    Published(Arc<Published>),
}

/// The data of a store: everything an instance's imports can touch.
pub(super) struct HostState {
    powers: Arc<Powers>,
    meter: Meter,
    occasion: Occasion,
    /// How often limiters were asked in this call, and what they said that is to be said again.
    asked: usize,
    taken: Vec<Taken>,
    log_bytes_left: usize,
    configuring: bool,
    wasi: wasi::Wasi,
    /// Warnings and errors before it serves.
    complaints: String,
    verified: Verified,
    /// What would have helped the call, and is on its way.
    awaits: Option<Awaits>,
    /// What it took for as long as its exchange lasts.
    holds: Holds,
}

impl HostState {
    /// State for `configure`: imports of the contract other than `log` trap.
    pub(super) fn configuring(powers: Arc<Powers>, limits: Limits, ticker: Arc<Ticker>) -> Self {
        let (meter, wasi) = (Meter::new(limits, ticker), wasi::Wasi::default());
        let (log_bytes_left, configuring, complaints) = (0, true, String::new());
        Self {
            powers,
            meter,
            occasion: Occasion::default(),
            asked: 0,
            taken: Vec::new(),
            log_bytes_left,
            configuring,
            wasi,
            complaints,
            verified: Verified::default(),
            awaits: None,
            holds: Holds::new(),
        }
    }

    /// What it said of what is wrong while it was made or configured, if it did.
    pub(super) fn complaints(&self) -> Option<&str> {
        Some(self.complaints.as_str()).filter(|said| !said.is_empty())
    }

    /// `configure` is over; hooks may use their imports.
    pub(super) fn serve(&mut self) {
        self.configuring = false;
    }

    /// A new call begins.
    pub(super) fn begin(&mut self, occasion: Occasion) {
        self.occasion = occasion;
        self.asked = 0;
        self.taken.clear();
        self.log_bytes_left = self.meter.limits().log;
        self.awaits = None;
        self.holds.clear();
        self.meter.restart();
    }

    /// What the call took for as long as its exchange lasts. Nothing of the exchange is held here any more.
    pub(super) fn take_holds(&mut self) -> Holds {
        self.taken.clear();
        self.occasion.taken = None;
        self.occasion.behalf.counted = None;
        std::mem::take(&mut self.holds)
    }

    /// What is to be waited for before the call is made again, if that would help.
    pub(super) fn take_wait(&mut self) -> Option<Wait> {
        let awaits = self.awaits.take()?;
        Some(Wait { awaits, taken: std::mem::take(&mut self.taken) })
    }

    pub(super) fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// The guest calls an import that `configure` may not.
    fn serving(&mut self) -> wasmtime::Result<()> {
        self.meter.host_call()?;
        if self.configuring {
            return Err(impure());
        }
        Ok(())
    }
}

fn impure() -> wasmtime::Error {
    wasmtime::Error::msg("configure must not call imports other than log")
}

/// Link every import of the contract, and WASI without powers. What is not in here, a component cannot have.
pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    link_plain(linker)?;
    wit::egress::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// The same where nothing is ever waited for: no instance gets beyond `configure`.
pub(super) fn link_to_configure(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    link_plain(linker)?;
    let name = format!("lockgate:policy/egress@{CONTRACT}");
    let refuse = |_: StoreContextMut<'_, HostState>, _, _: &[Val], _: &mut [Val]| Err(impure());
    let mut egress = linker.instance(&name)?;
    egress.func_new("send", refuse)?;
    egress.func_new("ask", refuse)
}

fn link_plain(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wit::log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::clock::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::random::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::metrics::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::crypto::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::store::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::limiter::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::consumers::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wasi::link(linker)
}

impl wit::types::Host for HostState {}
