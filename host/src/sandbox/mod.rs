//! Runs policies: checks and builds components, keeps instances, enforces limits and grants.
//!
//! Nothing outside this room names wasmtime. A guest's answer and a guest's fault are different types.

mod asking;
mod backoff;
#[cfg(feature = "bench")]
pub mod bench;
mod beside;
mod bindings;
mod breaker;
mod build;
mod cache;
mod capability;
mod child;
mod engine;
mod fault;
pub(crate) mod fields;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod hook;
mod image;
mod inspect;
mod instance;
mod interest;
mod lane;
mod limits;
mod occasion;
mod policy;
mod pool;
mod shape;
mod ticker;
pub(crate) mod trial;
mod trouble;
mod turns;
mod verdict;
mod waiting;
mod workbench;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

pub(crate) use bindings::exports::lockgate::policy::body_phase::{Change, Direction as BodyDirection, Splice, Splices};
pub(crate) use bindings::lockgate::policy::types::Failure;
pub(crate) use build::{Built, Snapshot};
pub(crate) use capability::{Holds, Keyring, Powers, Told, World};
pub(crate) use child::{BUILD_VERB, BuildError};
pub(crate) use engine::MAX_INSTANCES;
pub(crate) use fault::PluginFault;
pub(crate) use hook::{OnBody, OnChunk, OnRecords, OnRequest, OnResponse, RecordColumn, Respond};
pub(crate) use inspect::{Bounds, Dependencies, Import, InspectError, Inspection, Origin};
pub(crate) use interest::{BodyInterest, Interest};
pub(crate) use limits::{Limits, MAX_MEMORY, thread_cpu_time};
pub(crate) use occasion::Behalf;
pub(crate) use policy::{CONTRACT, Code, Parts, Policy, Room};
pub(crate) use pool::{Ended, Pool};
pub(crate) use trial::{Image, Trial, Tried};
pub(crate) use trouble::{Trouble, Troubles};
pub(crate) use verdict::{BodyEdits, ChunkEdits, Edits, Response, Verdict};

use ticker::Ticker;

/// Version of the WebAssembly runtime, for `--version` and metrics.
pub(crate) const WASMTIME_VERSION: &str = env!("LOCKGATE_WASMTIME_VERSION");

/// Builds policies and loads them.
pub(crate) struct Sandbox {
    engine: Engine,
    ticker: Arc<Ticker>,
    lane: Arc<lane::Lane>,
    /// For what runs in the shadow of what serves.
    shadows: Arc<lane::Lane>,
    /// For calls that wait, of all policies.
    fibers: Arc<Semaphore>,
    linker: Linker<capability::HostState>,
    cache: Option<cache::Cache>,
    /// Bytes of all images in use.
    images: Arc<AtomicUsize>,
    world: World,
    /// Whether requests may be served while components are built, which come first.
    steps_back: AtomicBool,
    /// None where nobody wants to hear.
    teller: Option<trouble::Teller>,
}

impl Sandbox {
    /// `state` is the folder for compiled code, if there is one.
    pub(crate) fn new(state: Option<PathBuf>) -> anyhow::Result<Self> {
        let engine = engine::engine(engine::Allocation::Pooled).map_err(anyhow_from)?;
        let ticker = Arc::new(Ticker::start(&engine)?);
        let lane = Arc::new(lane::Lane::start("slow lane")?);
        let shadows = Arc::new(lane::Lane::start("shadows")?);
        let mut linker = Linker::new(&engine);
        capability::link(&mut linker).map_err(anyhow_from)?;
        let cache = state.map(|folder| cache::Cache::new(folder, &engine));
        let fibers = Arc::new(Semaphore::new(engine::MAX_FIBERS as usize));
        let (images, world, teller) = Default::default();
        let steps_back = true.into();
        Ok(Self { engine, ticker, lane, shadows, fibers, linker, cache, images, world, steps_back, teller })
    }

    /// Whether what was compiled need not be compiled again.
    pub(crate) fn keeps_code(&self) -> bool {
        self.cache.is_some()
    }

    /// Nobody is served on this machine who should come before what is built.
    pub(crate) fn hurried(self) -> Self {
        self.steps_back.store(false, Relaxed);
        self
    }

    /// Somebody is, from now on.
    pub(crate) fn step_back(&self) {
        self.steps_back.store(true, Relaxed);
    }

    /// Hear of policies that fail again and again.
    pub(crate) fn troubles(&mut self) -> Troubles {
        let (teller, troubles) = trouble::troubles();
        self.teller = Some(teller);
        troubles
    }

    /// Let policies be told of another world than the real one.
    pub(crate) fn within(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// What policies are told of the world.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Bind built code to its configuration and powers.
    pub(crate) fn load(&self, code: &Code, parts: Parts) -> Result<Policy, BuildError> {
        Policy::new(self, code, parts).map_err(|error| BuildError::Refused(error.root_cause().to_string()))
    }
}

fn anyhow_from(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
