//! Compiled code and images, kept in the state directory by what they were made from and the versions of compiler and gateway.
#![allow(unsafe_code, reason = "loading compiled code is what this file is for; argued at the call")]

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::trial::{Trial, Tried};
use crate::content::Digest;
use crate::state;

/// Most files that are kept, and most bytes of all of them.
const MAX_FILES: usize = 2_000;
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Where compiled code is kept.
pub(super) struct Cache {
    folder: PathBuf,
    compiler: u64,
}

impl Cache {
    pub(super) fn new(folder: PathBuf, engine: &Engine) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        // What was found good by another version is looked at again.
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        Self { folder, compiler: hasher.finish() }
    }

    /// The file for a component, whether or not it is there.
    pub(super) fn code(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{}-{:016x}.cwasm", digest.hex(), self.compiler))
    }

    /// The file for a component with instruments, of which images are taken.
    pub(super) fn instrumented(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{}-{:016x}.instrumented", digest.hex(), self.compiler))
    }

    /// The file for the image of a component that was configured under limits, whether or not it is there.
    pub(super) fn image(&self, digest: Digest, trial: &Trial) -> PathBuf {
        let key = Digest::of(format!("{digest} {:?} {}", trial.limits, trial.config).as_bytes());
        self.folder.join(format!("{}-{:016x}.image", key.hex(), self.compiler))
    }

    /// The image in a file and what is known of it, if both are there and can be used.
    pub(super) fn known(&self, engine: &Engine, path: &Path) -> Option<(Component, Tried<usize>)> {
        let about_file = about(path);
        let about = serde_json::from_slice(&std::fs::read(&about_file).ok()?).ok()?;
        used(&about_file);
        Some((load(engine, path).ok()?, about))
    }

    /// Keep an image, and what is known of it.
    pub(super) fn put_image(&self, path: &Path, image: &[u8], known: &Tried<usize>) -> std::io::Result<()> {
        self.put(&about(path), &serde_json::to_vec(known)?)?;
        self.put(path, image)
    }

    /// Keep compiled code; complete or not at all.
    pub(super) fn put(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        state::put(path, code)?;
        // What is kept is kept, though there may be too much of it now.
        if let Err(error) = self.prune() {
            tracing::warn!(%error, "old compiled code cannot be removed");
        }
        Ok(())
    }

    /// Remove what was not used for the longest time, if there is too much. Whoever runs it keeps it.
    fn prune(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Gone already: somebody else prunes.
            let Ok(about) = entry.metadata() else { continue };
            files.push((about.modified()?, about.len(), entry.path()));
        }
        files.sort_by(|a, b| b.cmp(a));
        let mut bytes = 0;
        for (n, (_, length, path)) in files.iter().enumerate() {
            bytes += length;
            if n >= MAX_FILES || bytes > MAX_BYTES {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }
}

/// Note that a file was used, for whoever looks for what was not. Where that cannot be noted, it is compiled again one
/// day.
fn used(path: &Path) {
    let _ = std::fs::File::open(path).and_then(|file| file.set_modified(std::time::SystemTime::now()));
}

/// The file beside an image that says what is known of it.
fn about(image: &Path) -> PathBuf {
    image.with_extension("json")
}

/// Load compiled code from a file of the cache.
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must come from `Component::serialize` unaltered. Files of the cache are written only by this
    // program, completely or not at all, into a folder whose owner and mode (0700) were checked at start; whoever can
    // write there can replace the gateway itself. wasmtime checks its version and settings on its own.
    let component = unsafe { Component::deserialize_file(engine, path) }?;
    used(path);
    Ok(component)
}

/// Load compiled code that the building process handed back.
pub(super) fn load_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: as above; these bytes came through a pipe from our own child, which runs this same binary and does not
    // let guest output into them.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::engine::{Allocation, engine};

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("code"), &engine(Allocation::OnDemand).unwrap());
        let path = |n: usize| folder.path().join("code").join(format!("{n}.cwasm"));
        cache.put(&path(0), b"0").unwrap();
        for n in 1..MAX_FILES {
            std::fs::write(path(n), b"x").unwrap();
        }
        let old = std::time::SystemTime::UNIX_EPOCH;
        std::fs::File::open(path(7)).unwrap().set_modified(old).unwrap();
        cache.put(&path(MAX_FILES), b"new").unwrap();
        assert!(!path(7).exists() && path(0).exists() && path(MAX_FILES).exists());
        // A large file takes the place of all that came before it.
        let large = std::fs::File::create(path(8)).unwrap();
        large.set_len(MAX_BYTES).unwrap();
        // Clocks of file systems are coarse.
        std::fs::File::open(path(0)).unwrap().set_modified(old).unwrap();
        large.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(9)).unwrap();
        cache.put(&path(1), b"new").unwrap();
        assert!(path(1).exists() && !path(0).exists() && !path(8).exists());
    }
}
