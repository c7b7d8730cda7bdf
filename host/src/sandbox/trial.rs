//! The building process: compiles a component, checks its shape, tries its configurations, takes images.
//!
//! It runs as a short-lived child of the gateway under limits of its own, because a compile can neither be cancelled
//! nor capped from inside, and the memory it used would stay. It reads one request from standard input and writes one
//! reply to standard output, each as a JSON header and a blob.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::image::Instrumented;
use super::interest::Interest;
use super::limits::Limits;
use super::shape;
use super::workbench::{Prepared, Workbench};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Heap of the building process, in bytes. Reserved but untouched address space does not count.
const MAX_HEAP: u64 = 2 * 1024 * 1024 * 1024;
/// The nicest there is. The idle class would be worse: a worker that has just run is put behind it, for a tick of the
/// kernel's clock.
const NICENESS: i32 = 19;
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
    /// Whether others are served meanwhile, who come first.
    pub(super) steps_back: bool,
}

/// A configuration to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The component is good. The blob is what was compiled now, in this order and of these lengths: the component,
    /// none if it was not needed; the same with instruments; the images of the trials.
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
    /// The same with the length of the image in place of its bytes.
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
    if request.steps_back {
        let _ = rustix::process::nice(NICENESS);
    }
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

/// Limits first: nothing of the component has been read yet. A limit that cannot be set is one the parent's clock
/// replaces.
fn confine() {
    let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
    let _ = setrlimit(Resource::Data, limit(MAX_HEAP));
    let _ = setrlimit(Resource::Cpu, limit(MAX_CPU_SECONDS));
    let _ = setrlimit(Resource::Core, limit(0));
}

fn build(request: &Request, wasm: &[u8]) -> Result<(Reply, Vec<u8>), String> {
    let mut piece = Workpiece::new(request, wasm)?;
    let mut images = Vec::new();
    let mut trials = Vec::new();
    for trial in &request.trials {
        let begun = Instant::now();
        trials.push(piece.attempt(trial)?.map(|(interest, image)| {
            let tried = Tried { interest, image, took: begun.elapsed() };
            tried.map(|image: Vec<u8>| {
                images.extend_from_slice(&image);
                image.len()
            })
        }));
    }
    if request.trials.is_empty() {
        piece.plain()?;
    }
    let Workpiece { code: mut blob, instruments, .. } = piece;
    let reply = Reply::Built { code: blob.len(), instrumented: instruments.len(), trials };
    blob.extend(instruments);
    blob.extend(images);
    Ok((reply, blob))
}

/// One component, compiled in the ways that are needed, when they are.
struct Workpiece<'a> {
    request: &'a Request,
    wasm: &'a [u8],
    bench: Workbench,
    plain: Option<Prepared>,
    /// Or why it cannot be had.
    instrumented: Option<Result<Instrumented<'a>, String>>,
    /// What was compiled here.
    code: Vec<u8>,
    instruments: Vec<u8>,
}

impl<'a> Workpiece<'a> {
    fn new(request: &'a Request, wasm: &'a [u8]) -> Result<Self, String> {
        let (code, instruments) = (Vec::new(), Vec::new());
        Ok(Self { request, wasm, bench: Workbench::new()?, plain: None, instrumented: None, code, instruments })
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

    fn plain(&mut self) -> Result<(&Workbench, &Prepared), String> {
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

    fn instrumented(&mut self) -> (&Workbench, &Result<Instrumented<'a>, String>) {
        let known = self.request.instrumented.as_deref();
        let instrumented = match self.instrumented.take() {
            Some(instrumented) => instrumented,
            None => Instrumented::of(&self.bench, self.wasm, known, &mut self.instruments),
        };
        (&self.bench, self.instrumented.insert(instrumented))
    }
}
