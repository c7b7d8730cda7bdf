//! The building process as its parent sees it: started, fed, waited for and, where it takes too long, killed.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::trial::{self, Reply, Request, Tried};

/// The hidden verb under which this binary builds.
pub(crate) const BUILD_VERB: &str = "__build";

/// Wall-clock time a building process is given.
const BUILD_DEADLINE: Duration = Duration::from_secs(600);
/// Largest reply of a building process.
const MAX_REPLY: u64 = 512 * 1024 * 1024;

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

/// What a building process made.
pub(super) struct Made {
    /// The component, if it was compiled.
    pub(super) code: Option<Vec<u8>>,
    /// The same with instruments.
    pub(super) instrumented: Option<Vec<u8>>,
    /// What came of each trial: with an image as compiled code, or the faults of the configuration.
    pub(super) trials: Vec<Result<Tried<Vec<u8>>, Vec<String>>>,
}

/// Have a child of this same binary build, `at_once` with others.
pub(super) async fn build(request: &Request, wasm: &[u8], at_once: usize) -> Result<Made, BuildError> {
    let reply = talk(request, wasm, at_once).await?;
    let (reply, mut blob): (Reply, Vec<u8>) = trial::receive(&mut reply.as_slice())
        .map_err(|error| BuildError::Broke(format!("gave no usable answer: {error}")))?;
    let (code, instrumented, trials) = match reply {
        Reply::Built { code, instrumented, trials } => (code, instrumented, trials),
        Reply::Refused(reason) => return Err(BuildError::Refused(reason)),
    };
    let mut take = |length: usize| {
        let rest = blob.split_off(length.min(blob.len()));
        std::mem::replace(&mut blob, rest)
    };
    let (code, instrumented) = (take(code), take(instrumented));
    let trials = trials.into_iter().map(|tried| tried.map(|tried| tried.map(&mut take))).collect();
    let some = |bytes: Vec<u8>| Some(bytes).filter(|bytes| !bytes.is_empty());
    Ok(Made { code: some(code), instrumented: some(instrumented), trials })
}

async fn talk(request: &Request, wasm: &[u8], at_once: usize) -> Result<Vec<u8>, BuildError> {
    let broke = |what: &'static str| move |error: std::io::Error| BuildError::Broke(format!("{what}: {error}"));
    // The path the kernel holds stays right when the file on disk was replaced by a newer version.
    let mut child = tokio::process::Command::new("/proc/self/exe")
        .arg(BUILD_VERB)
        .env_clear()
        // What the compiler asks for its number of threads. With more of them than processors those who serve would
        // wait longer for a turn.
        .env("RAYON_NUM_THREADS", (processors() / at_once).max(1).to_string())
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
    trial::send(&mut message, request, wasm).map_err(|error| BuildError::Broke(error.to_string()))?;
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
        Err(_) => {
            let seconds = BUILD_DEADLINE.as_secs();
            return Err(BuildError::Broke(format!(
                "was not done after {seconds} s; this machine has too little time for it"
            )));
        }
    };
    if !status.success() {
        return Err(BuildError::Broke(format!(
            "ended with {status}; the component asks for too much or breaks the compiler"
        )));
    }
    Ok(reply)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
