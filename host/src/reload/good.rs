//! What serves: the folder as it was taken last, and of APIs that are faulty there what they were before. Enough to serve it again, in another
//! process too: it is kept in the state directory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::config::{Blank, Sources, Tree};
use crate::sandbox::Digest;
use crate::state;

/// In the state directory: a file for each content, by its digest, and what they make.
const FOLDER: &str = "good";
const MANIFEST: &str = "manifest.json";

/// All that serves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Good {
    /// The files of the folder that count, but for those of APIs that are faulty there. Empty where nothing ever served.
    pub(super) base: Tree,
    /// The names of APIs by their folders.
    pub(super) apis: BTreeMap<Arc<str>, String>,
    /// Of APIs that are faulty in the folder: the files by which they were good last, the gateway's and components among them. Those that do
    /// not fit into the gateway as it is now are here too.
    pub(super) held: BTreeMap<Arc<str>, Arc<Tree>>,
    /// What is matched and cannot be served.
    pub(super) blanks: Vec<Blank>,
}

impl Good {
    /// Whether nothing ever served.
    pub(crate) fn is_empty(&self) -> bool {
        self.apis.is_empty() && self.base == Tree::default()
    }

    /// From where to read it.
    pub(super) fn sources(&self) -> Sources<'_> {
        Sources { held: self.held.clone(), ..Sources::of(&self.base) }
    }

    /// Whether all of it is as one folder had it.
    pub(super) fn is_whole(&self) -> bool {
        self.held.is_empty() && self.blanks.is_empty()
    }

    /// The files of all that serves, as one folder.
    pub(super) fn files(&self) -> Tree {
        let own = |folder: &Arc<str>, tree: &Tree| {
            let file = Path::new(&**folder).join("api.toml");
            tree.get(&file).map(|bytes| (file, bytes.clone()))
        };
        let held = self.held.iter().filter_map(|(folder, tree)| own(folder, tree));
        let base = self.base.files().map(|(path, bytes)| (path.to_owned(), bytes.clone()));
        Tree::of(base.chain(held).collect())
    }

    /// The files by which an API was good last.
    pub(super) fn files_of(&self, folder: &str) -> Option<Arc<Tree>> {
        if let Some(tree) = self.held.get(folder) {
            return Some(tree.clone());
        }
        self.apis.get(folder)?;
        let is_other = |path: &Path| {
            let parent = path.parent().and_then(Path::to_str);
            path.ends_with("api.toml")
                && parent.is_some_and(|parent| parent != folder && self.apis.contains_key(parent))
        };
        Some(Arc::new(self.base.only(self.base.files().map(|(path, _)| path).filter(|path| !is_other(path)))))
    }

    /// Whether the files of an API are in another tree as they serve.
    pub(super) fn is_in(&self, folder: &str, other: &Tree) -> bool {
        let mut own = self.base.files().filter(|(path, _)| path.starts_with(folder));
        !self.held.contains_key(folder) && own.all(|(path, bytes)| other.get(path) == Some(bytes))
    }

    /// Of all there is to keep.
    fn digest(&self) -> Digest {
        let mut all = digest(&self.base).bytes().to_vec();
        for (folder, tree) in &self.held {
            all.extend_from_slice(folder.as_bytes());
            all.extend_from_slice(&digest(tree).bytes());
        }
        self.blanks.iter().for_each(|blank| all.extend_from_slice(blank.to_string().as_bytes()));
        Digest::of(&all)
    }
}

fn digest(tree: &Tree) -> Digest {
    let mut all = Vec::new();
    for (path, bytes) in tree.files() {
        all.extend_from_slice(path.as_os_str().as_encoded_bytes());
        all.push(0);
        all.extend_from_slice(&Digest::of(bytes).bytes());
    }
    Digest::of(&all)
}

/// Where it is kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// None where nothing outlasts the process.
    kept_in: Option<PathBuf>,
    /// The policies folder, absolute.
    of: PathBuf,
    /// What stands there, as far as this process knows.
    written: Option<Digest>,
    /// Whether that is not what serves.
    is_behind: bool,
}

/// Files by path, with the digest of what each holds.
type Files = BTreeMap<PathBuf, String>;

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Manifest {
    of: PathBuf,
    files: Files,
    apis: BTreeMap<String, String>,
    held: BTreeMap<String, Files>,
    blanks: Vec<Blank>,
}

impl Keeper {
    /// `state` is the state directory, if there is one.
    pub(crate) fn new(state: Option<&Path>, folder: &Path) -> Self {
        let of = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { kept_in: state.map(|state| state.join(FOLDER)), of, written: None, is_behind: false }
    }

    /// What served last. Nothing where nothing did, where it is damaged, and where it is another folder's.
    pub(crate) fn read(&self) -> Good {
        let Some(folder) = self.kept_in.as_deref() else { return Good::default() };
        match read(folder) {
            Ok((of, good)) if of == self.of => good,
            Ok((of, _)) => {
                tracing::warn!(before = %of.display(), now = %self.of.display(), "another folder was served before: what was good there is not served");
                Good::default()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Good::default(),
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "what was last good cannot be read");
                Good::default()
            }
        }
    }

    /// Whether what serves could not be written.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// This serves. Where it cannot be written, that is tried again with the next look at the folder.
    pub(super) fn write(&mut self, good: &Good) {
        let Some(folder) = &self.kept_in else { return };
        let digest = good.digest();
        if self.written == Some(digest) {
            return;
        }
        match write(folder, &self.of, good) {
            Ok(()) => (self.written, self.is_behind) = (Some(digest), false),
            Err(error) => {
                self.is_behind = true;
                tracing::warn!(%error, folder = %folder.display(), "what serves cannot be kept for the next start");
            }
        }
    }
}

fn write(folder: &Path, of: &Path, good: &Good) -> io::Result<()> {
    state::make_folder(folder)?;
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut there = names.collect::<io::Result<BTreeSet<String>>>()?;
    let mut wanted = BTreeSet::from([MANIFEST.to_owned()]);
    let mut put = |tree: &Tree| {
        let mut files = Files::new();
        for (path, bytes) in tree.files() {
            let digest = Digest::of(bytes).to_string();
            if there.insert(digest.clone()) {
                state::put(&folder.join(&digest), bytes)?;
            }
            wanted.insert(digest.clone());
            files.insert(path.to_owned(), digest);
        }
        Ok::<_, io::Error>(files)
    };
    let manifest = Manifest {
        of: of.to_owned(),
        files: put(&good.base)?,
        apis: good.apis.iter().map(|(folder, name)| (folder.to_string(), name.clone())).collect(),
        held: good.held.iter().map(|(folder, tree)| Ok((folder.to_string(), put(tree)?))).collect::<io::Result<_>>()?,
        blanks: good.blanks.clone(),
    };
    state::put(&folder.join(MANIFEST), &serde_json::to_vec(&manifest)?)?;
    // Only now: until then the manifest before needed them.
    there.difference(&wanted).try_for_each(|name| fs::remove_file(folder.join(name)))
}

fn read(folder: &Path) -> io::Result<(PathBuf, Good)> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join(MANIFEST))?)?;
    let mut known: HashMap<String, Arc<[u8]>> = HashMap::new();
    let mut tree = |files: Files| {
        let mut tree = BTreeMap::new();
        for (path, digest) in files {
            let bytes = match known.get(&digest) {
                Some(bytes) => bytes.clone(),
                None => content(folder, &digest)?,
            };
            known.insert(digest, bytes.clone());
            tree.insert(path, bytes);
        }
        Ok::<_, io::Error>(Tree::of(tree))
    };
    let base = tree(manifest.files)?;
    let held = manifest.held.into_iter().map(|(folder, files)| Ok((folder.into(), Arc::new(tree(files)?))));
    let good = Good {
        base,
        apis: manifest.apis.into_iter().map(|(folder, name)| (folder.into(), name)).collect(),
        held: held.collect::<io::Result<_>>()?,
        blanks: manifest.blanks,
    };
    Ok((manifest.of, good))
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
