//! What the folder held at each entry: a file for each content, by its digest, and one for the paths they make.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entry::Change;
use crate::config::Tree;
use crate::content::{Content, ContentFolder, Digest};

/// In the folder of the record.
const FOLDER: &str = "contents";
/// Of so many states of the folder the files are kept, the newest ones,
const MOST_KEPT: usize = 32;
/// and of fewer where they are larger. Those of the newest are kept in any case.
const MOST_BYTES: u64 = 256 << 20;
/// Files that differ are named up to here, and beyond it counted.
const MOST_NAMED: usize = 100;

/// By path, the digest of what a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest(BTreeMap<PathBuf, Digest>);

impl Manifest {
    pub(crate) fn of(tree: &Tree) -> Self {
        Self(tree.files().map(|(path, content)| (path.to_owned(), content.digest())).collect())
    }

    /// Stands for all the files.
    pub(crate) fn digest(&self) -> Digest {
        self.content().digest()
    }

    /// What differs from what there was before, and how much more does.
    pub(super) fn changes(&self, before: &Self) -> (Vec<Change>, usize) {
        let paths: BTreeSet<_> = self.0.keys().chain(before.0.keys()).collect();
        let changes = paths.into_iter().filter(|path| self.0.get(*path) != before.0.get(*path)).map(|path| Change {
            path: path.clone(),
            before: before.0.get(path).copied(),
            after: self.0.get(path).copied(),
        });
        let mut changes: Vec<_> = changes.collect();
        let more = changes.len().saturating_sub(MOST_NAMED);
        changes.truncate(MOST_NAMED);
        (changes, more)
    }

    fn content(&self) -> Content {
        // A map of texts can be written in any case.
        serde_json::to_vec(&self.0).unwrap_or_default().into()
    }
}

/// The contents that are kept in the folder of a record.
pub(super) struct Contents(ContentFolder);

impl Contents {
    pub(super) fn of(record: &Path) -> Self {
        Self(ContentFolder::at(record.join(FOLDER)))
    }

    /// Keep these files. Returns the digest they are found by.
    pub(super) fn keep(&self, tree: &Tree, manifest: &Manifest) -> io::Result<Digest> {
        tree.files().try_for_each(|(_, content)| self.0.put(content).map(drop))?;
        self.0.put(&manifest.content())
    }

    /// Whether what is found by this digest is kept.
    pub(super) fn has(&self, digest: Digest) -> bool {
        self.0.has(digest)
    }

    /// The files that are found by this digest.
    pub(super) fn tree(&self, digest: Digest) -> io::Result<Tree> {
        let file = |(path, digest)| Ok((path, self.0.get(digest)?));
        Ok(Tree::of(self.manifest(digest)?.0.into_iter().map(file).collect::<io::Result<_>>()?))
    }

    pub(super) fn manifest(&self, digest: Digest) -> io::Result<Manifest> {
        Ok(serde_json::from_slice(&self.0.get(digest)?)?)
    }

    /// Delete what only older states of the folder held than those that are kept. `newest` are the digests of these,
    /// the newest first.
    pub(super) fn prune(&self, newest: impl Iterator<Item = Digest>) -> io::Result<()> {
        let (mut wanted, mut bytes, mut kept) = (BTreeSet::new(), 0, BTreeSet::new());
        for digest in newest {
            if kept.contains(&digest) {
                continue;
            }
            if kept.len() == MOST_KEPT {
                break;
            }
            // One that is damaged or was deleted cannot be had any more, and is not in the way of the others.
            let Ok(manifest) = self.manifest(digest) else { continue };
            let all = manifest.0.into_values().chain([digest]);
            let more: BTreeSet<_> = all.filter(|digest| !wanted.contains(digest)).collect();
            bytes += more.iter().map(|digest| self.0.size(*digest)).sum::<u64>();
            if bytes > MOST_BYTES && !kept.is_empty() {
                break;
            }
            kept.insert(digest);
            wanted.extend(more);
        }
        self.0.keep_only(&wanted, None)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::from_files([("gateway.toml", text.to_owned()), ("a/api.toml", "same".to_owned())])
    }

    #[test]
    fn what_was_kept_comes_back_and_what_is_damaged_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::of(folder.path());
        let digest = contents.keep(&tree("one"), &Manifest::of(&tree("one"))).unwrap();
        assert_eq!(contents.tree(digest).unwrap(), tree("one"));
        fs::write(folder.path().join(FOLDER).join(Digest::of(b"same").hex()), "other").unwrap();
        assert!(contents.tree(digest).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn of_many_states_the_newest_are_kept_and_nothing_is_left_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::of(folder.path());
        let mut digests = Vec::new();
        for number in 0..MOST_KEPT + 3 {
            let tree = tree(&number.to_string());
            digests.insert(0, contents.keep(&tree, &Manifest::of(&tree)).unwrap());
            contents.prune(digests.iter().copied()).unwrap();
        }
        let kept: Vec<_> = digests.iter().map(|digest| contents.tree(*digest).is_ok()).collect();
        assert_eq!(kept, [vec![true; MOST_KEPT], vec![false; 3]].concat());
        // A state, what only it holds, and what all hold.
        assert_eq!(fs::read_dir(folder.path().join(FOLDER)).unwrap().count(), 2 * MOST_KEPT + 1);
    }

    #[test]
    fn files_that_differ_are_named_and_many_are_counted() {
        let before = Manifest::of(&Tree::from_files([("a", "1"), ("b", "1"), ("c", "1")]));
        let after = Manifest::of(&Tree::from_files([("a", "1"), ("b", "2"), ("d", "1")]));
        let (changes, more) = after.changes(&before);
        let seen: Vec<_> =
            changes.iter().map(|it| (it.path.to_str().unwrap(), it.before.is_some(), it.after.is_some())).collect();
        assert_eq!((seen, more), (vec![("b", true, true), ("c", true, false), ("d", false, true)], 0));
        let many = Manifest::of(&Tree::from_files((0..MOST_NAMED + 7).map(|number| (number.to_string(), ""))));
        let (changes, more) = many.changes(&Manifest::default());
        assert_eq!((changes.len(), more), (MOST_NAMED, 7));
    }
}
