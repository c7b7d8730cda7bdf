//! Compiled code, kept in the state directory by content hash and compiler version.
#![allow(unsafe_code, reason = "loading compiled code is what this file is for; argued at the call")]

use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::policy::Digest;

/// Where compiled code is kept.
pub(super) struct Cache {
    folder: PathBuf,
    compiler: u64,
}

impl Cache {
    pub(super) fn new(folder: PathBuf, engine: &Engine) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self { folder, compiler: hasher.finish() }
    }

    /// The file for a component, whether or not it is there.
    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{digest}-{:016x}.cwasm", self.compiler))
    }

    /// Keep compiled code; complete or not at all.
    pub(super) fn put(&self, digest: Digest, code: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let path = self.path(digest);
        // A name of its own: two processes that write the same code do not meet before it is complete.
        let partial = path.with_extension(format!("{:016x}.partial", getrandom::u64().map_err(std::io::Error::other)?));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        let written =
            file.write_all(code).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&partial, &path));
        if written.is_err() {
            // What is left behind would never be used; the error that matters is the first.
            let _ = std::fs::remove_file(&partial);
        }
        written
    }
}

/// Load compiled code from a file of the cache.
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must come from `Component::serialize` unaltered. Files of the cache are written only by this
    // program, completely or not at all, into a folder whose owner and mode (0700) were checked at start; whoever can
    // write there can replace the gateway itself. wasmtime checks its version and settings on its own.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Load compiled code that the building process handed back.
pub(super) fn load_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: as above; these bytes came through a pipe from our own child, which runs this same binary and does not
    // let guest output into them.
    unsafe { Component::deserialize(engine, code) }
}
