//! Runs policies: checks and builds components, keeps instances, enforces limits and grants.
//!
//! Nothing outside this room names wasmtime. A guest's answer and a guest's fault are different types.

#[cfg(feature = "bench")]
pub mod bench;
mod bindings;
mod cache;
mod capability;
mod engine;
mod fault;
pub(crate) mod fields;
mod inspect;
mod instance;
mod interest;
mod limits;
mod policy;
mod pool;
mod ticker;
pub(crate) mod trial;
mod verdict;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasmtime::Engine;
use wasmtime::component::Linker;

pub(crate) use bindings::exports::lockgate::policy::body_phase::{Action, Direction as BodyDirection};
pub(crate) use bindings::lockgate::policy::types::Failure;
pub(crate) use capability::Powers;
pub(crate) use engine::MAX_INSTANCES;
pub(crate) use fault::PluginFault;
pub(crate) use inspect::{Bounds, Dependencies, Inspection, Origin};
pub(crate) use interest::{BodyInterest, Interest};
pub(crate) use limits::{Limits, MAX_MEMORY};
pub(crate) use policy::{CONTRACT, Code, Digest, Policy};
pub(crate) use pool::Pool;
pub(crate) use verdict::{Edits, Response, Verdict};

use ticker::Ticker;

/// Version of the WebAssembly runtime, for `--version` and metrics.
pub(crate) const WASMTIME_VERSION: &str = env!("LOCKGATE_WASMTIME_VERSION");

/// Wall-clock time a building process is given.
const BUILD_DEADLINE: Duration = Duration::from_secs(120);
/// Largest reply of a building process.
const MAX_REPLY: u64 = 512 * 1024 * 1024;

/// Builds policies and loads them.
pub(crate) struct Sandbox {
    engine: Engine,
    ticker: Arc<Ticker>,
    linker: Linker<capability::HostState>,
    cache: Option<cache::Cache>,
}

/// A component that is ready to be used, and what each configuration asked for.
pub(crate) struct Built {
    pub(crate) code: Code,
    pub(crate) trials: Vec<Result<Interest, Vec<String>>>,
}

/// A component could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The component is at fault.
    #[error("{0}")]
    Refused(String),
    /// It took too long or needed too much, or the building process broke.
    #[error("the building process {0}")]
    Broke(String),
}

impl Sandbox {
    /// `state` is the folder for compiled code, if there is one.
    pub(crate) fn new(state: Option<PathBuf>) -> anyhow::Result<Self> {
        let engine = engine::engine(engine::Allocation::Pooled).map_err(anyhow_from)?;
        let ticker = Arc::new(Ticker::start(&engine)?);
        let mut linker = Linker::new(&engine);
        capability::link(&mut linker).map_err(anyhow_from)?;
        let cache = state.map(|folder| cache::Cache::new(folder, &engine));
        Ok(Self { engine, ticker, linker, cache })
    }

    /// Compile a component, unless that was done before, and try each configuration (JSON text) on it.
    pub(crate) async fn build(&self, wasm: &[u8], trials: &[(String, Limits)]) -> Result<Built, BuildError> {
        let digest = Digest::of(wasm);
        if let Some(path) = self.cache.as_ref().map(|cache| cache.path(digest)).filter(|path| path.exists()) {
            let request = trial::Request { compiled: Some(path.clone()), trials: trials.to_vec() };
            let reply = run_child(&request, &[]).await;
            if let (Ok((trial::Reply::Built(trials), _)), Ok(component)) = (reply, cache::load(&self.engine, &path)) {
                return Ok(Built { code: Code { component, digest }, trials });
            }
            tracing::warn!(%digest, "compiled code in the cache is not usable; compiling again");
        }
        let request = trial::Request { compiled: None, trials: trials.to_vec() };
        let (reply, code) = run_child(&request, wasm).await?;
        let trials = match reply {
            trial::Reply::Built(trials) => trials,
            trial::Reply::Refused(reason) => return Err(BuildError::Refused(reason)),
            trial::Reply::Stale => return Err(BuildError::Broke("gave an answer to another question".into())),
        };
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(digest, &code)
        {
            tracing::warn!(%error, "compiled code cannot be kept; the next start compiles again");
        }
        let component = cache::load_bytes(&self.engine, &code)
            .map_err(|error| BuildError::Broke(format!("made code that cannot be loaded: {}", error.root_cause())))?;
        Ok(Built { code: Code { component, digest }, trials })
    }

    /// Bind built code to its configuration and powers.
    pub(crate) fn load(
        &self,
        code: &Code,
        config: &str,
        interest: Interest,
        limits: Limits,
        powers: Powers,
    ) -> Result<Policy, BuildError> {
        let config: Arc<[u8]> = config.as_bytes().into();
        Policy::new(&self.linker, code, config, interest, limits, powers, self.ticker.clone())
            .map_err(|error| BuildError::Refused(error.root_cause().to_string()))
    }
}

/// Run one build in a child of this same binary, killed when it takes too long.
async fn run_child(request: &trial::Request, blob: &[u8]) -> Result<(trial::Reply, Vec<u8>), BuildError> {
    let broke = |what: &'static str| move |error: std::io::Error| BuildError::Broke(format!("{what}: {error}"));
    // The path the kernel holds stays right when the file on disk was replaced by a newer version.
    let mut child = tokio::process::Command::new("/proc/self/exe")
        .arg(BUILD_VERB)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(broke("cannot be started"))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(BuildError::Broke("has no pipes".into()));
    };
    let mut message = Vec::new();
    trial::send(&mut message, request, blob).map_err(|error| BuildError::Broke(error.to_string()))?;
    let talk = async {
        let write = async {
            // A child that ended early says why by its exit; the broken pipe adds nothing.
            let _ = stdin.write_all(&message).await;
            drop(stdin);
        };
        let mut reply = Vec::new();
        let mut limited = stdout.take(MAX_REPLY);
        let (_, read) = tokio::join!(write, limited.read_to_end(&mut reply));
        read?;
        Ok::<_, std::io::Error>((reply, child.wait().await?))
    };
    let (reply, status) = match tokio::time::timeout(BUILD_DEADLINE, talk).await {
        Ok(done) => done.map_err(broke("failed"))?,
        Err(_) => return Err(BuildError::Broke(format!("took longer than {} s", BUILD_DEADLINE.as_secs()))),
    };
    if !status.success() {
        return Err(BuildError::Broke(format!(
            "ended with {status}; the component asks for too much or breaks the compiler"
        )));
    }
    trial::receive(&mut reply.as_slice()).map_err(|error| BuildError::Broke(format!("gave no usable answer: {error}")))
}

/// The hidden verb under which this binary builds.
pub(crate) const BUILD_VERB: &str = "__build";

fn anyhow_from(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
