//! The building process: compiles a component, checks its shape, and tries its configurations.
//!
//! It runs as a short-lived child of the gateway under limits of its own, because a compile can neither be cancelled nor
//! capped from inside, and the memory it used would stay. It reads one request from standard input and writes one
//! reply to standard output, each as a JSON header and a blob.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use super::PluginFault;
use super::capability::{self, HostState, Powers};
use super::engine::{Allocation, engine};
use super::interest::Interest;
use super::limits::{HOSTCALL_BYTES, Limits, on_tick};
use super::policy::{CONTRACT, Exports};
use super::ticker::Ticker;
use crate::telemetry::RequestId;
use crate::telemetry::metrics::Metrics;

/// Heap of the building process, in bytes. Reserved but untouched address space does not count.
const MAX_HEAP: u64 = 2 * 1024 * 1024 * 1024;
/// CPU seconds of the building process.
const MAX_CPU_SECONDS: u64 = 120;
/// Largest message in either direction.
const MAX_MESSAGE: u64 = 512 * 1024 * 1024;

/// What to build.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    /// Compiled code to load; otherwise the blob is a component to compile.
    pub(super) compiled: Option<PathBuf>,
    /// Each configuration to try, as JSON text, with the limits to try it under.
    pub(super) trials: Vec<(String, Limits)>,
}

/// What came of it. Compiled code, if any was made, is the blob.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The component is good; a result for each trial: its interest, or why it cannot be used.
    Built(Vec<Result<Interest, Vec<String>>>),
    /// The component cannot be used at all.
    Refused(String),
    /// The compiled code cannot be loaded; compile again.
    Stale,
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

fn build(request: &Request, blob: &[u8]) -> Result<(Reply, Vec<u8>), String> {
    let engine = engine(Allocation::OnDemand).map_err(|error| format!("no engine: {error}"))?;
    let ticker = Ticker::start(&engine).map(Arc::new).map_err(|error| format!("no ticker: {error}"))?;
    let (component, code) = match &request.compiled {
        Some(path) => match super::cache::load(&engine, path) {
            Ok(component) => (component, Vec::new()),
            Err(_) => return Ok((Reply::Stale, Vec::new())),
        },
        None => compile(&engine, blob)?,
    };
    let mut linker = Linker::new(&engine);
    capability::link(&mut linker).map_err(|error| error.to_string())?;
    check_shape(&engine, &component)?;
    let pre = linker.instantiate_pre(&component).map_err(|error| root_cause(&error))?;
    let exports = Exports::of(&pre).map_err(|error| root_cause(&error))?;
    if exports.request.is_none() && exports.response.is_none() && exports.body.is_none() && exports.responder.is_none()
    {
        return Err(format!(
            "exports no hook; a policy exports at least one of request-phase, response-phase, body-phase and responder of lockgate:policy@{CONTRACT}"
        ));
    }
    let trials =
        request.trials.iter().map(|(config, limits)| {
            let mut store = Store::new(&engine, HostState::configuring(no_powers().into(), *limits, ticker.clone()));
            store.limiter(|state| state.meter());
            store.epoch_deadline_callback(|store| on_tick(store, HostState::meter));
            store.set_hostcall_fuel(HOSTCALL_BYTES);
            let begin = |store: &mut Store<HostState>| {
                store.data_mut().begin(RequestId::default());
                store.set_epoch_deadline(1);
            };
            let fault = |store: &mut Store<HostState>, during: &str, error: &wasmtime::Error| {
                vec![format!("{during}: {}", PluginFault::from_call(error, store.data_mut().meter().memory_denied()))]
            };
            begin(&mut store);
            let instance = match pre.instantiate(&mut store) {
                Ok(instance) => instance,
                Err(error) => return Err(fault(&mut store, "while it was instantiated", &error)),
            };
            let lifecycle = exports.lifecycle.load(&mut store, &instance).map_err(|error| vec![root_cause(&error)])?;
            begin(&mut store);
            match lifecycle.call_configure(&mut store, config.as_bytes()) {
                Ok(Ok(interest)) => Ok(interest.into()),
                Ok(Err(faults)) => Err(faults
                    .into_iter()
                    .map(|fault| {
                        if fault.path.is_empty() { fault.message } else { format!("{}: {}", fault.path, fault.message) }
                    })
                    .collect()),
                Err(error) => Err(fault(&mut store, "in configure", &error)),
            }
        });
    Ok((Reply::Built(trials.collect()), code))
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<(Component, Vec<u8>), String> {
    const MAGIC: &[u8] = b"\0asm";
    const CORE_VERSION: &[u8] = &[1, 0, 0, 0];
    let Some(version) = bytes.strip_prefix(MAGIC) else {
        return Err("not a WebAssembly component (the file does not begin like one)".into());
    };
    if version.starts_with(CORE_VERSION) {
        return Err("a core WebAssembly module, not a component; wrap it with `lockgate policy build FILE.wasm`".into());
    }
    // Parsing before compiling keeps the common fault, a broken file, cheap and its message short.
    let component =
        Component::new(engine, bytes).map_err(|error| format!("does not compile: {}", root_cause(&error)))?;
    let code = component.serialize().map_err(|error| root_cause(&error))?;
    Ok((component, code))
}

/// Name every import that does not exist, with advice, before linking stops at the first.
fn check_shape(engine: &Engine, component: &Component) -> Result<(), String> {
    const INTERFACES: [&str; 7] = ["types", "log", "clock", "random", "metrics", "crypto", "store"];
    let kind = component.component_type();
    let unknown: Vec<&str> = kind
        .imports(engine)
        .map(|(name, _)| name)
        .filter(|name| {
            let known = name
                .strip_prefix("lockgate:policy/")
                .and_then(|rest| rest.split_once('@'))
                .is_some_and(|(interface, version)| INTERFACES.contains(&interface) && version.starts_with("0.1."));
            !known
        })
        .collect();
    if !unknown.is_empty() {
        let advice = if unknown.iter().any(|name| name.starts_with("wasi:")) {
            "; WASI is not given to policies, build for wasm32-unknown-unknown"
        } else {
            ""
        };
        return Err(format!("imports what this gateway does not offer: {}{advice}", unknown.join(", ")));
    }
    let lifecycle = kind.exports(engine).any(|(name, item)| {
        name.starts_with("lockgate:policy/lifecycle@0.1.") && matches!(item.ty, ComponentItem::ComponentInstance(_))
    });
    if !lifecycle {
        return Err(format!("does not export lockgate:policy/lifecycle@{CONTRACT}, so it is not a policy"));
    }
    Ok(())
}

fn no_powers() -> Powers {
    Powers {
        api: "".into(),
        policy: "".into(),
        keys: Default::default(),
        stores: Default::default(),
        counters: Metrics::new("", "").policy_counters("", ""),
    }
}

fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
