//! Building from the gateway's side: what is known is loaded, the rest is made by a child process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use wasmtime::component::Component;

use super::child::{self, BuildError, Made};
use super::policy::Code;
use super::trial::{Image, Request, Trial, Tried};
use super::{Sandbox, cache};
use crate::content::{Content, Digest};

/// Largest image, as compiled code.
const MAX_IMAGE: usize = 64 * 1024 * 1024;
/// Largest sum of all images in use.
const MAX_IMAGES: usize = 1024 * 1024 * 1024;

/// A component that is ready to be used, and what came of each configuration: what it asks for, or its faults.
pub(crate) struct Built {
    pub(crate) code: Code,
    pub(crate) trials: Vec<Result<Tried<Snapshot>, Vec<String>>>,
}

/// A component as it was after `configure`, ready to be used. Counts for the room of all images until it is dropped.
pub(crate) struct Snapshot {
    pub(super) component: Component,
    bytes: usize,
    room: Arc<AtomicUsize>,
}

impl Snapshot {
    /// Size as compiled code.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.room.fetch_sub(self.bytes, Relaxed);
    }
}

impl Sandbox {
    /// Try each configuration on a component; what is known from before is loaded. So many are built `at_once`, which
    /// share the processors.
    pub(crate) async fn build(&self, wasm: &Content, trials: &[Trial], at_once: usize) -> Result<Built, BuildError> {
        let digest = wasm.digest();
        let known: Vec<_> = trials.iter().map(|trial| self.known(digest, trial)).collect();
        let unknown = trials.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(trial, _)| trial.clone());
        let unknown: Vec<_> = unknown.collect();
        if unknown.is_empty() && !trials.is_empty() {
            let code = Code { component: None, digest };
            return Ok(Built { code, trials: known.into_iter().flatten().map(Ok).collect() });
        }
        let (mut component, made) = self.make(wasm, &unknown, at_once).await?;
        let mut made = unknown.iter().zip(made).map(|(trial, tried)| Ok(self.snapshot(digest, trial, tried?)));
        let trials: Vec<_> = known.into_iter().filter_map(|known| known.map(Ok).or_else(|| made.next())).collect();
        let without_image =
            |tried: &Result<Tried<_>, _>| matches!(tried, Ok(tried) if !matches!(tried.image, Image::Taken(_)));
        // An image was taken, and there is no room for it.
        if component.is_none() && trials.iter().any(without_image) {
            component = self.make(wasm, &[], at_once).await?.0;
        }
        Ok(Built { code: Code { component, digest }, trials })
    }

    /// Have a child do it. The component itself is there if it was needed or is known.
    async fn make(
        &self,
        wasm: &Content,
        trials: &[Trial],
        at_once: usize,
    ) -> Result<(Option<Component>, Vec<Result<Tried<Vec<u8>>, Vec<String>>>), BuildError> {
        let digest = wasm.digest();
        let there = |path: PathBuf| Some(path).filter(|path| path.exists());
        let compiled = self.cache.as_ref().and_then(|cache| there(cache.code(digest)));
        let instrumented = self.cache.as_ref().and_then(|cache| there(cache.instrumented(digest)));
        let steps_back = self.steps_back.load(Relaxed);
        let mut request = Request { compiled, instrumented, trials: trials.to_vec(), steps_back };
        tracing::info!(%digest, bytes = wasm.len(), "building a component");
        let made = match child::build(&request, wasm, at_once).await {
            // Whatever went wrong with what is kept, compiling again shows what is wrong with the component.
            Err(BuildError::Broke(_)) if request.compiled.is_some() || request.instrumented.is_some() => {
                tracing::warn!(%digest, "compiled code in the cache is not usable; compiling again");
                (request.compiled, request.instrumented) = (None, None);
                child::build(&request, wasm, at_once).await?
            }
            made => made?,
        };
        let Made { code, instrumented, trials } = made;
        if let Some((cache, code)) = self.cache.as_ref().zip(instrumented) {
            kept(cache.put(&cache.instrumented(digest), &code));
        }
        let component = match (code, request.compiled) {
            (Some(code), _) => {
                if let Some(cache) = &self.cache {
                    kept(cache.put(&cache.code(digest), &code));
                }
                Some(cache::load_bytes(&self.engine, &code))
            }
            (None, known) => known.map(|path| cache::load(&self.engine, &path)),
        };
        let unusable = |error: wasmtime::Error| format!("the code made of it cannot be loaded: {}", error.root_cause());
        Ok((component.transpose().map_err(|error| BuildError::Refused(unusable(error)))?, trials))
    }

    /// What is known of a trial whose image is kept.
    fn known(&self, digest: Digest, trial: &Trial) -> Option<Tried<Snapshot>> {
        let cache = self.cache.as_ref().filter(|_| trial.image)?;
        let (component, known) = cache.known(&self.engine, &cache.image(digest, trial))?;
        let tried = known.and_then(|bytes| self.admit(component, bytes));
        Some(tried).filter(|tried| matches!(tried.image, Image::Taken(_)))
    }

    /// Load an image, and keep it.
    fn snapshot(&self, digest: Digest, trial: &Trial, tried: Tried<Vec<u8>>) -> Tried<Snapshot> {
        let known = tried.described();
        tried.and_then(|image| {
            if image.len() > MAX_IMAGE {
                return Image::Impossible(format!("it would have {} B, and can have {MAX_IMAGE}", image.len()));
            }
            // From the file where there is one: what no instance touches stays on disk.
            let file = self.cache.as_ref().and_then(|cache| {
                let path = cache.image(digest, trial);
                kept(cache.put_image(&path, &image, &known)).then_some(path)
            });
            let component = file.and_then(|path| cache::load(&self.engine, &path).ok());
            match component.map_or_else(|| cache::load_bytes(&self.engine, &image), Ok) {
                Ok(component) => self.admit(component, image.len()),
                Err(error) => Image::Impossible(format!("it cannot be loaded: {}", error.root_cause())),
            }
        })
    }

    /// Find room for an image.
    pub(super) fn admit(&self, component: Component, bytes: usize) -> Image<Snapshot> {
        let room = self.images.clone();
        if room.fetch_add(bytes, Relaxed) + bytes > MAX_IMAGES {
            room.fetch_sub(bytes, Relaxed);
            return Image::Impossible(format!("all images together would have more than {MAX_IMAGES} B"));
        }
        Image::Taken(Snapshot { component, bytes, room })
    }
}

/// Whether something was put into the cache.
fn kept(put: std::io::Result<()>) -> bool {
    put.inspect_err(|error| tracing::warn!(%error, "compiled code cannot be kept; the next start compiles again"))
        .is_ok()
}
