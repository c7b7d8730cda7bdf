//! The last configuration that served, kept in the state directory: a start on a folder that is faulty or missing serves that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Tree;
use crate::sandbox::Digest;
use crate::state;

/// In the state directory: a file for each content, by its digest, and what they make.
const FOLDER: &str = "good";
const MANIFEST: &str = "manifest.json";

/// Where it is kept.
#[derive(Debug)]
pub(crate) struct LastGood {
    /// None where nothing outlasts the process.
    kept_in: Option<PathBuf>,
    /// The policies folder, absolute.
    of: PathBuf,
    /// What stands there, as far as this process knows.
    written: Option<Digest>,
    /// Whether that is not what serves.
    is_behind: bool,
}

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Manifest {
    of: PathBuf,
    /// By path, the digest of what a file holds.
    files: BTreeMap<PathBuf, String>,
}

impl LastGood {
    /// `state` is the state directory, if there is one.
    pub(crate) fn new(state: Option<&Path>, folder: &Path) -> Self {
        let of = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { kept_in: state.map(|state| state.join(FOLDER)), of, written: None, is_behind: false }
    }

    /// The files as they were when they last served. None where there are none, where they are damaged, and where they are another folder's.
    pub(crate) fn read(&self) -> Option<Tree> {
        let folder = self.kept_in.as_deref()?;
        match read(folder) {
            Ok((of, tree)) if of == self.of => Some(tree),
            Ok((of, _)) => {
                tracing::warn!(before = %of.display(), now = %self.of.display(), "another folder was served before: what was good there is not served");
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "what was last good cannot be read");
                None
            }
        }
    }

    /// Whether what serves could not be written.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// These files serve. Where they cannot be written, that is tried again with the next look at the folder.
    pub(super) fn write(&mut self, files: &Tree, digest: Digest) {
        let Some(folder) = &self.kept_in else { return };
        if self.written == Some(digest) {
            return;
        }
        match write(folder, &self.of, files) {
            Ok(()) => (self.written, self.is_behind) = (Some(digest), false),
            Err(error) => {
                self.is_behind = true;
                tracing::warn!(%error, folder = %folder.display(), "what serves cannot be kept for the next start");
            }
        }
    }
}

fn write(folder: &Path, of: &Path, tree: &Tree) -> io::Result<()> {
    state::make_folder(folder)?;
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut there = names.collect::<io::Result<BTreeSet<String>>>()?;
    let (mut wanted, mut files) = (BTreeSet::from([MANIFEST.to_owned()]), BTreeMap::new());
    for (path, bytes) in tree.files() {
        let digest = Digest::of(bytes).to_string();
        if there.insert(digest.clone()) {
            state::put(&folder.join(&digest), bytes)?;
        }
        wanted.insert(digest.clone());
        files.insert(path.to_owned(), digest);
    }
    let manifest = Manifest { of: of.to_owned(), files };
    state::put(&folder.join(MANIFEST), &serde_json::to_vec(&manifest)?)?;
    // Only now: until then the manifest before needed them.
    there.difference(&wanted).try_for_each(|name| fs::remove_file(folder.join(name)))
}

fn read(folder: &Path) -> io::Result<(PathBuf, Tree)> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join(MANIFEST))?)?;
    let file = |(path, digest): (PathBuf, String)| Ok((path, content(folder, &digest)?));
    let files = manifest.files.into_iter().map(file).collect::<io::Result<_>>()?;
    Ok((manifest.of, Tree::of(files)))
}

fn content(folder: &Path, digest: &str) -> io::Result<Arc<[u8]>> {
    if !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(io::Error::other("the manifest names a file that is none of ours"));
    }
    let bytes = fs::read(folder.join(digest))?;
    match Digest::of(&bytes).to_string() == digest {
        true => Ok(bytes.into()),
        false => Err(io::Error::other(format!("{digest} is damaged"))),
    }
}
