//! What serves: the folder as it was taken last, and of APIs that are faulty there what they were before. Enough to serve it again, in another
//! process too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::rollouts::Rollouts;
use crate::config::{Blank, PolicySource, Sources, Tree, TreeFile};
use crate::sandbox::Digest;

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
    /// Which versions of policies serve, where the folder has others.
    pub(super) rollouts: Rollouts,
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
        self.held.is_empty() && self.blanks.is_empty() && self.rollouts.waiting.is_empty()
    }

    /// Whether something serves less than it does in another.
    pub(super) fn lacks_of(&self, other: &Self) -> bool {
        let is_new = |folder: &Arc<str>| !other.held.contains_key(folder);
        self.held.keys().any(is_new) || self.blanks.len() > other.blanks.len()
    }

    /// The files of all that serves, as one folder.
    pub(super) fn files(&self) -> Tree {
        let own = |folder: &Arc<str>, tree: &Tree| {
            let file = Path::new(&**folder).join("api.toml");
            tree.get(&file).map(|bytes| (file, bytes.clone()))
        };
        let held = self.held.iter().filter_map(|(folder, tree)| own(folder, tree));
        let base = self.base.files().map(|(path, bytes)| (path.to_owned(), bytes.clone()));
        // Of a policy that has another version in the folder, the code that serves.
        let versions = self.rollouts.waiting.iter().filter_map(|name| self.rollouts.serving.get(name));
        let versions = versions.flat_map(|version| files(&version.source));
        let versions = versions.map(|file| (file.path.clone(), file.bytes.clone()));
        Tree::of(base.chain(versions).chain(held).collect())
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
    pub(super) fn digest(&self) -> Digest {
        let mut all = digest(&self.base).bytes().to_vec();
        for (folder, tree) in &self.held {
            all.extend_from_slice(folder.as_bytes());
            all.extend_from_slice(&digest(tree).bytes());
        }
        self.blanks.iter().for_each(|blank| all.extend_from_slice(blank.to_string().as_bytes()));
        all.extend_from_slice(format!("{:?}", self.rollouts.marks).as_bytes());
        let before = self.rollouts.before.iter().map(|(name, before)| (name, &before.version));
        for (name, version) in self.rollouts.serving.iter().chain(before) {
            all.extend_from_slice(format!("{name} {:?}", version.configs).as_bytes());
            files(&version.source).for_each(|file| all.extend_from_slice(&Digest::of(&file.bytes).bytes()));
        }
        Digest::of(&all)
    }
}

/// The files of a component.
fn files(source: &PolicySource) -> impl Iterator<Item = &TreeFile> {
    match source {
        PolicySource::File { component, signature } => [Some(component), signature.as_ref()],
        PolicySource::Builtin(_) | PolicySource::Missing(_) => [None, None],
    }
    .into_iter()
    .flatten()
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
