//! The building process: compiles a component, checks its shape, tries its configurations, takes images.
//!
//! It runs as a short-lived child of the gateway under limits of its own, because a compile can neither be cancelled nor
//! capped from inside, and the memory it used would stay. It reads one request from standard input and writes one
//! reply to standard output, each as a JSON header and a blob.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{Engine, Store};

use super::PluginFault;
use super::cache;
use super::capability::{self, HostState, Powers};
use super::engine::{Allocation, engine};
use super::image::Instrumented;
use super::interest::Interest;
use super::limits::{Limits, on_tick};
use super::policy::Exports;
use super::shape;
use super::ticker::Ticker;
use crate::telemetry::RequestId;
use crate::telemetry::metrics::Metrics;

/// Heap of the building process, in bytes. Reserved but untouched address space does not count.
const MAX_HEAP: u64 = 2 * 1024 * 1024 * 1024;
/// CPU seconds of the building process.
const MAX_CPU_SECONDS: u64 = 120;
/// Largest message in either direction.
const MAX_MESSAGE: u64 = 512 * 1024 * 1024;

/// What to build. The blob is the component.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    /// What it was compiled to before, if it was.
    pub(super) compiled: Option<PathBuf>,
    /// The same, with instruments.
    pub(super) instrumented: Option<PathBuf>,
    pub(super) trials: Vec<Trial>,
}

/// A configuration to try.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// JSON text.
    pub(crate) config: String,
    pub(crate) limits: Limits,
    /// Whether an image of the configured component is wanted.
    pub(crate) image: bool,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The component is good. The blob is what was compiled now, in this order and of these lengths: the component, none if it
    /// was not needed; the same with instruments; the images of the trials.
    Built { code: usize, instrumented: usize, trials: Vec<Result<Tried<usize>, Vec<String>>> },
    /// The component cannot be used at all.
    Refused(String),
}

/// A configuration the component took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tried<I> {
    pub(crate) interest: Interest,
    pub(crate) image: Image<I>,
    /// What it took to try it, and to take the image.
    pub(crate) took: Duration,
}

/// The component as it was after `configure`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Image<I> {
    NotWanted,
    Taken(I),
    /// Why there can be none.
    Impossible(String),
}

impl<I> Tried<I> {
    pub(super) fn map<J>(self, image: impl FnOnce(I) -> J) -> Tried<J> {
        self.and_then(|taken| Image::Taken(image(taken)))
    }

    pub(super) fn and_then<J>(self, image: impl FnOnce(I) -> Image<J>) -> Tried<J> {
        let Self { interest, image: taken, took } = self;
        let image = match taken {
            Image::NotWanted => Image::NotWanted,
            Image::Taken(taken) => image(taken),
            Image::Impossible(reason) => Image::Impossible(reason),
        };
        Tried { interest, image, took }
    }
}

impl Tried<Vec<u8>> {
    /// All but the image itself, of which the length.
    pub(super) fn described(&self) -> Tried<usize> {
        let image = match &self.image {
            Image::NotWanted => Image::NotWanted,
            Image::Taken(image) => Image::Taken(image.len()),
            Image::Impossible(reason) => Image::Impossible(reason.clone()),
        };
        Tried { interest: self.interest.clone(), image, took: self.took }
    }
}

/// The whole life of the building process.
pub(crate) fn main() -> anyhow::Result<()> {
    confine();
    let mut stdin = std::io::stdin().lock();
    let (request, blob): (Request, Vec<u8>) = receive(&mut stdin)?;
    let (reply, code) = perform(&request, &blob);
    send(&mut std::io::stdout().lock(), &reply, &code)
}

/// Build in this process. The gateway never does; benchmarks and the building process do.
pub(super) fn perform(request: &Request, blob: &[u8]) -> (Reply, Vec<u8>) {
    match build(request, blob) {
        Ok(done) => done,
        Err(reason) => (Reply::Refused(reason), Vec::new()),
    }
}

/// Write a header and a blob.
pub(super) fn send(writer: &mut impl Write, header: &impl Serialize, blob: &[u8]) -> anyhow::Result<()> {
    let header = serde_json::to_vec(header)?;
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)?;
    writer.write_all(blob)?;
    writer.flush()?;
    Ok(())
}

/// Read a header and the blob that ends the stream.
pub(super) fn receive<T: for<'de> Deserialize<'de>>(reader: &mut impl Read) -> anyhow::Result<(T, Vec<u8>)> {
    let mut length = [0; 8];
    reader.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    anyhow::ensure!(length <= MAX_MESSAGE, "message too long");
    let mut header = Vec::new();
    reader.take(length).read_to_end(&mut header)?;
    let mut blob = Vec::new();
    reader.take(MAX_MESSAGE).read_to_end(&mut blob)?;
    Ok((serde_json::from_slice(&header)?, blob))
}

/// Limits first: nothing of the component has been read yet. A limit that cannot be set is one the parent's clock replaces.
fn confine() {
    let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
    let _ = setrlimit(Resource::Data, limit(MAX_HEAP));
    let _ = setrlimit(Resource::Cpu, limit(MAX_CPU_SECONDS));
    let _ = setrlimit(Resource::Core, limit(0));
    let _ = rustix::process::nice(10);
}

fn build(request: &Request, wasm: &[u8]) -> Result<(Reply, Vec<u8>), String> {
    shape::begins_like_one(wasm)?;
    let mut shop = Shop::new(request, wasm)?;
    let mut images = Vec::new();
    let mut trials = Vec::new();
    for trial in &request.trials {
        let begun = Instant::now();
        trials.push(shop.attempt(trial)?.map(|(interest, image)| {
            let tried = Tried { interest, image, took: begun.elapsed() };
            tried.map(|image: Vec<u8>| {
                images.extend_from_slice(&image);
                image.len()
            })
        }));
    }
    if request.trials.is_empty() {
        shop.plain()?;
    }
    let Shop { code: mut blob, instruments, .. } = shop;
    let reply = Reply::Built { code: blob.len(), instrumented: instruments.len(), trials };
    blob.extend(instruments);
    blob.extend(images);
    Ok((reply, blob))
}

/// One component, compiled in the ways that are needed, when they are.
struct Shop<'a> {
    request: &'a Request,
    wasm: &'a [u8],
    bench: Bench,
    plain: Option<Prepared>,
    /// Or why it cannot be had.
    instrumented: Option<Result<Instrumented<'a>, String>>,
    /// What was compiled here.
    code: Vec<u8>,
    instruments: Vec<u8>,
}

impl<'a> Shop<'a> {
    fn new(request: &'a Request, wasm: &'a [u8]) -> Result<Self, String> {
        let engine = engine(Allocation::OnDemand).map_err(|error| format!("no engine: {error}"))?;
        let (code, instruments) = (Vec::new(), Vec::new());
        Ok(Self { request, wasm, bench: Bench::new(engine)?, plain: None, instrumented: None, code, instruments })
    }

    /// What comes of a configuration, or why the component is no policy.
    fn attempt(&mut self, trial: &Trial) -> Result<Result<(Interest, Image<Vec<u8>>), Vec<String>>, String> {
        let image = match trial.image.then(|| self.instrumented()) {
            None => Image::NotWanted,
            Some((_, Err(reason))) => Image::Impossible(reason.clone()),
            Some((bench, Ok(instrumented))) => match instrumented.image(bench, trial) {
                Err(reasons) => return Ok(Err(reasons)),
                Ok((interest, Ok(image))) => return Ok(Ok((interest, Image::Taken(image)))),
                Ok((_, Err(reason))) => Image::Impossible(reason),
            },
        };
        let (bench, prepared) = self.plain()?;
        Ok(bench.configure(prepared, trial).map(|(interest, ..)| (interest, image)))
    }

    fn plain(&mut self) -> Result<(&Bench, &Prepared), String> {
        let prepared = match self.plain.take() {
            Some(prepared) => prepared,
            None => {
                let compile = || shape::compile(&self.bench.engine, self.wasm);
                let component = self.bench.compiled(self.request.compiled.as_deref(), compile, &mut self.code)?;
                self.bench.policy(&component)?
            }
        };
        Ok((&self.bench, self.plain.insert(prepared)))
    }

    fn instrumented(&mut self) -> (&Bench, &Result<Instrumented<'a>, String>) {
        let known = self.request.instrumented.as_deref();
        let instrumented = match self.instrumented.take() {
            Some(instrumented) => instrumented,
            None => Instrumented::of(&self.bench, self.wasm, known, &mut self.instruments),
        };
        (&self.bench, self.instrumented.insert(instrumented))
    }
}

/// What components are tried on.
pub(super) struct Bench {
    pub(super) engine: Engine,
    ticker: Arc<Ticker>,
    linker: Linker<HostState>,
}

/// A component that only lacks its configuration.
pub(super) struct Prepared {
    pre: InstancePre<HostState>,
    exports: Exports,
}

impl Bench {
    fn new(engine: Engine) -> Result<Self, String> {
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
        let state = HostState::configuring(no_powers().into(), trial.limits, self.ticker.clone());
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| state.meter());
        store.epoch_deadline_callback(|store| on_tick(store, HostState::meter));
        store.set_hostcall_fuel(trial.limits.host_memory);
        let begin = |store: &mut Store<HostState>| {
            store.data_mut().begin(RequestId::default());
            store.set_epoch_deadline(1);
        };
        let fault = |store: &mut Store<HostState>, during: &str, error: &wasmtime::Error| {
            vec![format!("{during}: {}", PluginFault::from_call(error, store.data_mut().meter().memory_denied()))]
        };
        begin(&mut store);
        let instance = match prepared.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(fault(&mut store, "while it was instantiated", &error)),
        };
        let lifecycle = prepared.exports.lifecycle.load(&mut store, &instance);
        let lifecycle = lifecycle.map_err(|error| vec![root_cause(&error)])?;
        begin(&mut store);
        match lifecycle.call_configure(&mut store, trial.config.as_bytes()) {
            Ok(Ok(interest)) => Ok((interest.into(), store, instance)),
            Ok(Err(faults)) => Err(faults.into_iter().map(|fault| shape::config_error(&fault)).collect()),
            Err(error) => Err(fault(&mut store, "in configure", &error)),
        }
    }
}

fn no_powers() -> Powers {
    Powers {
        api: "".into(),
        policy: "".into(),
        keys: Default::default(),
        stores: Default::default(),
        egress: Default::default(),
        counters: Metrics::new("", "").policy_counters("", ""),
    }
}

pub(super) fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
