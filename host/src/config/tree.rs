//! Owns reading the policies folder into memory, once and bounded, so that everything later sees the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::fault::{ConfigFault, Faults};
use super::units::show_size;

const MOST_FILES: usize = 4096;
const DEEPEST: usize = 8;
const LARGEST_FILE: u64 = 64 << 20;
const LARGEST_TOML: u64 = 1 << 20;
const LARGEST_TREE: u64 = 512 << 20;

/// The policies folder at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tree {
    files: BTreeMap<PathBuf, Arc<[u8]>>,
}

/// One file of the folder.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TreeFile {
    /// Relative to the policies folder.
    pub path: PathBuf,
    pub bytes: Arc<[u8]>,
}

impl Tree {
    /// Read a folder. Hidden entries and leftovers of editors are ignored; symbolic links are followed as long as they stay inside.
    pub(crate) fn read(dir: &Path) -> Result<Self, Vec<ConfigFault>> {
        let root = fs::canonicalize(dir).map_err(|error| vec![unreadable(Path::new("."), &error)])?;
        let mut walk =
            Walk { root: root.clone(), above: vec![root], tree: Self::default(), bytes: 0, faults: Faults::new() };
        walk.folder(Path::new(""));
        walk.faults.sort();
        if walk.faults.is_empty() { Ok(walk.tree) } else { Err(walk.faults) }
    }

    /// A tree that is not on disk.
    #[cfg(test)]
    pub(crate) fn from_files<P: Into<PathBuf>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self { files: files.into_iter().map(|(path, bytes)| (path.into(), bytes.into().into())).collect() }
    }

    /// The bytes of a file, by its path relative to the policies folder.
    pub(crate) fn get(&self, path: &Path) -> Option<&Arc<[u8]>> {
        self.files.get(path)
    }

    /// All files in the order of their paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_ref()))
    }

    /// The file that a text in a file of `folder` means; none when there is none or the text leads out of the tree.
    pub(super) fn file(&self, folder: &Path, text: &str) -> Option<TreeFile> {
        let mut path = PathBuf::new();
        for part in folder.join(text).components() {
            match part {
                Component::Normal(name) => path.push(name),
                Component::CurDir => {}
                Component::ParentDir if path.pop() => {}
                _ => return None,
            }
        }
        let bytes = Arc::clone(self.files.get(&path)?);
        Some(TreeFile { path, bytes })
    }

    /// The folders directly below the root.
    pub(super) fn folders(&self) -> BTreeSet<&Path> {
        let tops = self.files.keys().filter(|path| path.components().count() > 1);
        tops.filter_map(|path| path.iter().next()).map(Path::new).collect()
    }
}

impl fmt::Debug for TreeFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TreeFile({}, {} bytes)", self.path.display(), self.bytes.len())
    }
}

/// A walk under way.
struct Walk {
    root: PathBuf,
    /// Resolved folders from the root to the present one: a link to one of them would never end.
    above: Vec<PathBuf>,
    tree: Tree,
    bytes: u64,
    faults: Faults,
}

impl Walk {
    fn folder(&mut self, relative: &Path) {
        let names = match entry_names(&self.root.join(relative)) {
            Ok(names) => names,
            Err(error) => return self.faults.push(unreadable(relative, &error)),
        };
        for name in names {
            let path = relative.join(&name);
            match name.to_str() {
                Some(name) if is_ignored(name) => {}
                Some(_) => self.entry(&path),
                None => self.fault(&path, "has a name that is not UTF-8", "rename it"),
            }
        }
    }

    fn entry(&mut self, path: &Path) {
        let real = match fs::canonicalize(self.root.join(path)) {
            Ok(real) => real,
            Err(error) => return self.faults.push(unreadable(path, &error)),
        };
        if !real.starts_with(&self.root) {
            return self.fault(path, "leads out of the policies folder", "copy the file into the folder");
        }
        let meta = match fs::metadata(&real) {
            Ok(meta) => meta,
            Err(error) => return self.faults.push(unreadable(path, &error)),
        };
        if meta.is_file() {
            self.file(path, &real, meta.len());
        } else if !meta.is_dir() {
            self.fault(path, "is neither a file nor a folder", "remove it");
        } else if self.above.contains(&real) {
            self.fault(path, "leads back to a folder it lies in", "remove the link");
        } else if path.components().count() >= DEEPEST {
            self.fault(path, format!("lies deeper than {DEEPEST} folders"), "move it up");
        } else {
            self.above.push(real);
            self.folder(path);
            self.above.pop();
        }
    }

    fn file(&mut self, path: &Path, real: &Path, size: u64) {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let most = if is_toml { LARGEST_TOML } else { LARGEST_FILE };
        if self.tree.files.len() >= MOST_FILES {
            return self.overflow(format!("holds more than {MOST_FILES} files"));
        }
        if self.bytes.saturating_add(size.min(most)) > LARGEST_TREE {
            return self.overflow(format!("holds more than {}", show_size(LARGEST_TREE)));
        }
        match read_at_most(real, most) {
            Ok(Some(bytes)) => {
                self.bytes += bytes.len() as u64;
                self.tree.files.insert(path.to_owned(), bytes.into());
            }
            Ok(None) => {
                self.fault(path, format!("is larger than {}", show_size(most)), "make it smaller or move it away")
            }
            Err(error) => self.faults.push(unreadable(path, &error)),
        }
    }

    /// A bound of the whole tree, reported once.
    fn overflow(&mut self, reason: String) {
        let fault = ConfigFault::of_file(Path::new("."), reason, "move away what the gateway does not need");
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn fault(&mut self, path: &Path, reason: impl Into<String>, advice: &str) {
        self.faults.push(ConfigFault::of_file(path, reason, advice));
    }
}

/// Sorted, and no more than could ever be used.
fn entry_names(dir: &Path) -> io::Result<BTreeSet<std::ffi::OsString>> {
    fs::read_dir(dir)?.take(2 * MOST_FILES).map(|entry| entry.map(|entry| entry.file_name())).collect()
}

/// None when there are more than `most` bytes, also when the file has grown since it was measured.
fn read_at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

fn is_ignored(name: &str) -> bool {
    name.starts_with('.')
        || name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name.ends_with(".swp")
        || name.ends_with(".tmp")
        || name == "4913"
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigFault {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    ConfigFault::of_file(
        path,
        format!("cannot be read: {error}"),
        "check that it exists and that the gateway may read it",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn paths(dir: &TempDir) -> Vec<String> {
        let tree = Tree::read(dir.path()).unwrap();
        tree.files().map(|(path, _)| path.display().to_string()).collect()
    }

    fn reason(dir: &TempDir) -> String {
        let faults = Tree::read(dir.path()).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults[0].to_string()
    }

    #[test]
    fn hidden_entries_and_editor_leftovers_are_ignored() {
        let dir = folder(&[
            ("gateway.toml", "a"),
            ("pets/api.toml", "b"),
            (".git/config", ""),
            (".hidden", ""),
            ("gateway.toml~", ""),
            ("#gateway.toml#", ""),
            ("gateway.toml.swp", ""),
            ("x.tmp", ""),
            ("4913", ""),
            ("pets/.api.toml.swx", ""),
        ]);
        assert_eq!(paths(&dir), ["gateway.toml", "pets/api.toml"]);
    }

    #[test]
    fn links_of_a_mounted_config_map_are_followed() {
        let dir = folder(&[("..2024_01/gateway.toml", "a"), ("..2024_01/pets/api.toml", "b")]);
        symlink("..2024_01", dir.path().join("..data")).unwrap();
        symlink("..data/gateway.toml", dir.path().join("gateway.toml")).unwrap();
        symlink("..data/pets", dir.path().join("pets")).unwrap();
        assert_eq!(paths(&dir), ["gateway.toml", "pets/api.toml"]);
    }

    #[test]
    fn a_link_out_of_the_folder_is_a_fault() {
        let outside = folder(&[("secret.toml", "x")]);
        for target in [outside.path().join("secret.toml"), outside.path().to_owned()] {
            let dir = folder(&[("gateway.toml", "a")]);
            symlink(target, dir.path().join("link")).unwrap();
            assert!(reason(&dir).contains("leads out"));
        }
    }

    #[test]
    fn a_link_to_a_folder_with_a_longer_but_like_name_leads_out() {
        let outer = folder(&[("policies/gateway.toml", "a"), ("policies-old/x", "b")]);
        symlink("../policies-old/x", outer.path().join("policies/x")).unwrap();
        let faults = Tree::read(&outer.path().join("policies")).unwrap_err();
        assert!(faults[0].reason.contains("leads out"));
    }

    #[test]
    fn a_link_in_a_circle_is_a_fault() {
        let dir = folder(&[("pets/api.toml", "a")]);
        symlink("..", dir.path().join("pets/up")).unwrap();
        assert!(reason(&dir).contains("leads back"));
    }

    #[test]
    fn a_dangling_link_and_a_missing_folder_are_faults() {
        let dir = folder(&[("gateway.toml", "a")]);
        symlink("nowhere", dir.path().join("link")).unwrap();
        assert!(reason(&dir).starts_with("link: cannot be read"));
        assert!(Tree::read(&dir.path().join("absent")).unwrap_err()[0].reason.contains("cannot be read"));
    }

    #[test]
    fn what_is_too_large_too_deep_or_no_file_is_a_fault() {
        let large = folder(&[("gateway.toml", &"#".repeat((1 << 20) + 1))]);
        assert!(reason(&large).contains("larger than 1MiB"));
        let deep = folder(&[("1/2/3/4/5/6/7/8/x", "")]);
        assert!(reason(&deep).contains("deeper than 8"));
        let odd = folder(&[]);
        let _socket = std::os::unix::net::UnixListener::bind(odd.path().join("socket")).unwrap();
        assert!(reason(&odd).contains("neither a file nor a folder"));
    }

    #[test]
    fn too_many_files_are_one_fault() {
        let dir = folder(&[]);
        for number in 0..=MOST_FILES + 3 {
            fs::write(dir.path().join(number.to_string()), "").unwrap();
        }
        assert!(reason(&dir).contains("more than 4096 files"));
    }

    #[test]
    fn names_of_files_stay_in_the_tree() {
        let tree = Tree::from_files([("idp.json", "{}"), ("pets/key.pem", "x")]);
        let found =
            |folder: &str, text: &str| tree.file(Path::new(folder), text).map(|file| file.path.display().to_string());
        assert_eq!(found("", "./idp.json").as_deref(), Some("idp.json"));
        assert_eq!(found("pets", "../idp.json").as_deref(), Some("idp.json"));
        assert_eq!(found("pets", "key.pem").as_deref(), Some("pets/key.pem"));
        for text in ["../idp.json", "/idp.json", "/etc/passwd", "", "pets", "pets/../../idp.json"] {
            assert_eq!(found("", text), None, "{text}");
        }
    }
}
