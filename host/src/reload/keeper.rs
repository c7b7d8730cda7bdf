//! Keeps in the state directory what serves, for the next process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::good::Good;
use super::marks::Marks;
use super::rollouts::{Before, Instead, Rollouts};
use crate::config::{Blank, Configs, PolicySource, Tree, TreeFile, Version};
use crate::content::{Content, ContentFolder, Digest};
use crate::state::{self, Lock};

/// In the state directory: a file for each content, by its digest, and what they make.
const FOLDER: &str = "good";
const MANIFEST: &str = "manifest.json";

/// Where it is kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// None where nothing outlasts the process.
    kept_in: Option<PathBuf>,
    /// The policies folder, absolute.
    of: PathBuf,
    /// What stands there, as far as this process knows.
    written: Option<Digest>,
    /// Why that is not what serves, where it is not.
    behind: Option<String>,
    /// Says whether the place is still this process's; none where nobody else may want it.
    lock: Option<Lock>,
}

/// Files by path, with the digest of what each holds.
type Files = BTreeMap<PathBuf, Digest>;

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Manifest {
    of: PathBuf,
    files: Files,
    apis: BTreeMap<String, String>,
    held: BTreeMap<String, Files>,
    blanks: Vec<Blank>,
    /// Of policies, what serves.
    #[serde(default)]
    serving: BTreeMap<String, Kept>,
    /// What served before code that is new, and until when that is, the newest first.
    #[serde(default)]
    before: BTreeMap<String, Vec<(Kept, SystemTime)>>,
    /// What policies run instead of code of their files in APIs that are held.
    #[serde(default)]
    instead: BTreeMap<String, Vec<(String, Digest, Kept)>>,
    #[serde(default)]
    marks: Marks,
    #[serde(default)]
    waiting: BTreeMap<String, Digest>,
}

/// How a version of a policy is written: the name of one that comes with the gateway, or the component and its
/// signature.
#[derive(Serialize, Deserialize)]
struct Kept {
    builtin: Option<String>,
    component: Option<(PathBuf, Digest)>,
    signature: Option<(PathBuf, Digest)>,
    configs: Configs,
}

impl Keeper {
    /// `state` is the state directory, if there is one.
    pub(crate) fn new(state: Option<&Path>, folder: &Path) -> Self {
        let of = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { kept_in: state.map(|state| state.join(FOLDER)), of, written: None, behind: None, lock: None }
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

    /// Write only as long as this is held.
    pub(super) fn under(&mut self, lock: Option<Lock>) {
        self.lock = lock;
    }

    /// Why what serves could not be written, where that is so.
    pub(super) fn behind(&self) -> Option<&str> {
        self.behind.as_deref()
    }

    /// This serves. Where it cannot be written, that is tried again with the next look at the folder.
    pub(super) fn write(&mut self, good: &Good) {
        let Some(folder) = &self.kept_in else { return };
        let (digest, known, of) = (good.digest(), self.written, &self.of);
        let write = || if known == Some(digest) { Ok(()) } else { write(folder, of, good) };
        let written = match &self.lock {
            Some(lock) => lock.while_held(|_| write()),
            None => Some(write()),
        };
        match written {
            Some(Ok(())) => (self.written, self.behind) = (Some(digest), None),
            // Whoever has it now may write there.
            None => (self.written, self.behind) = (None, Some("the state directory is another process's now".into())),
            Some(Err(error)) => {
                // What is there now may be some of both.
                self.written = None;
                self.behind = Some(format!("{} cannot be written: {error}", folder.display()));
                tracing::warn!(%error, folder = %folder.display(), "what serves cannot be kept for the next start");
            }
        }
    }
}

fn write(folder: &Path, of: &Path, good: &Good) -> io::Result<()> {
    state::make_folder(folder)?;
    let (contents, mut wanted) = (ContentFolder::at(folder.to_owned()), BTreeSet::new());
    let mut put_content = |content: &Content| {
        let digest = contents.put(content)?;
        wanted.insert(digest);
        Ok::<_, io::Error>(digest)
    };
    let mut put = |tree: &Tree| {
        let files = tree.files().map(|(path, content)| Ok((path.to_owned(), put_content(content)?)));
        files.collect::<io::Result<Files>>()
    };
    let (files, held) = (put(&good.base)?, good.held.iter());
    let held = held.map(|(folder, tree)| Ok((folder.to_string(), put(tree)?))).collect::<io::Result<_>>()?;
    let mut keep = |version: &Version| {
        let mut file = |file: &TreeFile| Ok::<_, io::Error>((file.path.clone(), put_content(&file.content)?));
        let (builtin, component, signature) = match &version.source {
            PolicySource::Builtin(name) => (Some(name.clone()), None, None),
            PolicySource::File { component, signature } => {
                (None, Some(file(component)?), signature.as_ref().map(file).transpose()?)
            }
            PolicySource::Missing(_) => (None, None, None),
        };
        Ok::<_, io::Error>(Kept { builtin, component, signature, configs: version.configs.clone() })
    };
    let serving = good.rollouts.serving.iter().map(|(name, version)| Ok((name.clone(), keep(version)?)));
    let serving = serving.collect::<io::Result<_>>()?;
    let mut before = BTreeMap::<String, Vec<_>>::new();
    for (name, all) in &good.rollouts.before {
        let all = all.iter().map(|it| Ok((keep(&it.version)?, it.until)));
        before.insert(name.clone(), all.collect::<io::Result<_>>()?);
    }
    let mut instead = BTreeMap::<String, Vec<_>>::new();
    for (folder, all) in &good.rollouts.held {
        let all = all.iter().map(|it| Ok((it.policy.clone(), it.of, keep(&it.version)?)));
        instead.insert(folder.clone(), all.collect::<io::Result<_>>()?);
    }
    let manifest = Manifest {
        of: of.to_owned(),
        files,
        apis: good.apis.iter().map(|(folder, name)| (folder.to_string(), name.clone())).collect(),
        held,
        blanks: good.blanks.clone(),
        serving,
        before,
        instead,
        marks: good.rollouts.marks.clone(),
        waiting: good.rollouts.waiting.clone(),
    };
    state::put(&folder.join(MANIFEST), &serde_json::to_vec(&manifest)?)?;
    // Only now: until then the manifest before needed them.
    contents.keep_only(&wanted, Some(MANIFEST))
}

fn read(folder: &Path) -> io::Result<(PathBuf, Good)> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join(MANIFEST))?)?;
    let mut contents = Contents { folder: ContentFolder::at(folder.to_owned()), known: HashMap::new() };
    let base = contents.tree(manifest.files)?;
    let held = manifest.held.into_iter();
    let held = held.map(|(folder, files)| Ok((folder.into(), Arc::new(contents.tree(files)?))));
    let held = held.collect::<io::Result<_>>()?;
    let serving = manifest.serving.into_iter().map(|(name, kept)| Ok((name, contents.version(kept)?)));
    let serving = serving.collect::<io::Result<_>>()?;
    let mut before = BTreeMap::new();
    for (name, all) in manifest.before {
        let all = all.into_iter().map(|(kept, until)| Ok(Before { version: contents.version(kept)?, until }));
        before.insert(name, all.collect::<io::Result<_>>()?);
    }
    let mut instead = BTreeMap::new();
    for (folder, all) in manifest.instead {
        let all = all.into_iter();
        let all = all.map(|(policy, of, kept)| Ok(Instead { policy, of, version: contents.version(kept)? }));
        instead.insert(folder, all.collect::<io::Result<_>>()?);
    }
    let good = Good {
        base,
        apis: manifest.apis.into_iter().map(|(folder, name)| (folder.into(), name)).collect(),
        held,
        blanks: manifest.blanks,
        rollouts: Rollouts { serving, before, held: instead, marks: manifest.marks, waiting: manifest.waiting },
    };
    Ok((manifest.of, good))
}

/// Contents by their digests, each read once.
struct Contents {
    folder: ContentFolder,
    known: HashMap<Digest, Content>,
}

impl Contents {
    fn tree(&mut self, files: Files) -> io::Result<Tree> {
        let files = files.into_iter().map(|(path, digest)| Ok((path, self.get(digest)?)));
        Ok(Tree::of(files.collect::<io::Result<_>>()?))
    }

    fn version(&mut self, kept: Kept) -> io::Result<Version> {
        let mut file = |(path, digest)| Ok::<_, io::Error>(TreeFile { path, content: self.get(digest)? });
        let source = match (kept.builtin, kept.component) {
            (Some(name), _) => PolicySource::Builtin(name),
            (None, Some(component)) => {
                PolicySource::File { component: file(component)?, signature: kept.signature.map(file).transpose()? }
            }
            (None, None) => return Err(io::Error::other("the manifest names a version without code")),
        };
        Ok(Version { source, configs: kept.configs })
    }

    fn get(&mut self, digest: Digest) -> io::Result<Content> {
        if let Some(content) = self.known.get(&digest) {
            return Ok(content.clone());
        }
        let content = self.folder.get(digest)?;
        self.known.insert(digest, content.clone());
        Ok(content)
    }
}
