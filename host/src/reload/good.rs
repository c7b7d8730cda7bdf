//! What serves: the folder as it was taken last, and of APIs that are faulty there what they were before. Enough to serve it again, in another
//! process too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::inputs::Text;
use super::rollouts::Rollouts;
use crate::config::{Blank, Sources, Tree};
use crate::content::Digest;

/// All that serves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Good {
    /// The files of the folder that count, but for those of APIs that are faulty there. Empty where nothing ever
    /// served.
    pub(super) base: Tree,
    /// The names of APIs by their folders.
    pub(super) apis: BTreeMap<Arc<str>, String>,
    /// Of APIs that are faulty in the folder: the files by which they were good last, the gateway's and components
    /// among them. Those that do not fit into the gateway as it is now are here too.
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
        let is_new = |blank: &Blank| other.blanks.iter().all(|it| it.matching != blank.matching);
        self.held.keys().any(|folder| !other.held.contains_key(folder)) || self.blanks.iter().any(is_new)
    }

    /// The files of all that serves, as one folder.
    pub(super) fn files(&self) -> Tree {
        let own = |folder: &Arc<str>, tree: &Tree| {
            let file = Path::new(&**folder).join("api.toml");
            tree.get(&file).map(|content| (file, content.clone()))
        };
        // Of what it names only that is of its time which is not as it is today.
        let named =
            self.held.iter().flat_map(|(folder, tree)| tree.files().filter(|(path, _)| path.starts_with(&**folder)));
        let named = named.map(|(path, content)| (path.to_owned(), content.clone()));
        let held = self.held.iter().filter_map(|(folder, tree)| own(folder, tree));
        let base = self.base.files().map(|(path, content)| (path.to_owned(), content.clone()));
        // Of a policy that has another version in the folder, the code that serves.
        let versions = self.rollouts.waiting.keys().filter_map(|name| self.rollouts.serving.get(name));
        let versions = versions.flat_map(|version| version.source.files());
        let versions = versions.map(|file| (file.path.clone(), file.content.clone()));
        Tree::of(named.chain(base).chain(versions).chain(held).collect())
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
        !self.held.contains_key(folder) && own.all(|(path, content)| other.get(path) == Some(content))
    }

    /// Of all there is to keep.
    pub(super) fn digest(&self) -> Digest {
        let mut all = Text::default();
        let add = |tree: &Tree, all: &mut Text| {
            tree.files().for_each(|(path, content)| all.add_file(path, Some(content)));
        };
        add(&self.base, &mut all);
        for (folder, tree) in &self.held {
            all.add(folder.as_bytes());
            add(tree, &mut all);
        }
        self.blanks.iter().for_each(|blank| all.add(blank.to_string().as_bytes()));
        let Rollouts { serving, before, held, marks, waiting } = &self.rollouts;
        all.add(format!("{marks:?} {waiting:?}").as_bytes());
        let before = before.iter().flat_map(|(name, all)| all.iter().map(move |before| (name, &before.version)));
        held.values().flatten().for_each(|it| all.add(&it.of.bytes()));
        let held = held.iter().flat_map(|(folder, own)| own.iter().map(move |it| (folder, &it.version)));
        for (name, version) in serving.iter().chain(before).chain(held) {
            all.add(format!("{name} {:?}", version.configs).as_bytes());
            version.source.files().for_each(|file| all.add(&file.content.digest().bytes()));
        }
        all.digest()
    }
}
