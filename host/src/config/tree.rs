//! Owns reading the policies folder into memory, once and bounded, so that everything later sees the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::fault::{ConfigFault, Faults};
use super::units::show_size;
use crate::content::Content;

const MOST_ENTRIES: usize = 4096;
const DEEPEST: usize = 8;
/// Largest file of the policies folder, components among them.
pub(crate) const LARGEST_FILE: u64 = 64 << 20;
const LARGEST_TOML: u64 = 1 << 20;
const LARGEST_TREE: u64 = 512 << 20;
/// Who writes all the time is not waited for: what is read then is looked at again with the next change.
const MOST_READINGS: usize = 8;

/// The policies folder at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tree {
    files: BTreeMap<PathBuf, Content>,
    /// What is wrong with entries that are left out.
    faults: Faults,
}

/// One file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeFile {
    /// Relative to the policies folder.
    pub path: PathBuf,
    pub content: Content,
}

impl Tree {
    /// Read a folder as it was at one moment: until it reads the same twice, for what changed in between may be half of
    /// one state and half of another. Hidden entries and leftovers of editors are ignored; symbolic links are followed
    /// as long as they stay inside.
    pub(crate) fn read(dir: &Path) -> Result<Self, Vec<ConfigFault>> {
        let mut read = Self::read_once(dir);
        for _ in 1..MOST_READINGS {
            let again = Self::read_once(dir);
            if again == read {
                break;
            }
            read = again;
        }
        read
    }

    fn read_once(dir: &Path) -> Result<Self, Vec<ConfigFault>> {
        let top = Entry::find(dir).map_err(|error| vec![unreadable(dir, &error)])?;
        let (root, above) = (top.real.clone(), vec![top.real.clone()]);
        let mut walk = Walk { root, above, tree: Self::default(), entries: 0, bytes: 0, faults: Faults::new() };
        if let Err(Overflow(reason)) = walk.folder(Path::new(""), &top) {
            walk.fault(Path::new("."), reason, "move away what the gateway does not need");
            walk.faults.sort();
            return Err(walk.faults);
        }
        walk.faults.sort();
        Ok(Self { faults: walk.faults, ..walk.tree })
    }

    /// A tree of files that are known already.
    pub(crate) fn of(files: BTreeMap<PathBuf, Content>) -> Self {
        Self { files, faults: Faults::new() }
    }

    /// Some of its files.
    pub(crate) fn only<P: AsRef<Path>>(&self, paths: impl IntoIterator<Item = P>) -> Self {
        let found = paths.into_iter().filter_map(|path| self.files.get_key_value(path.as_ref()));
        Self::of(found.map(|(path, content)| (path.clone(), content.clone())).collect())
    }

    /// The same, sharing the memory of files that hold what they hold in another.
    pub(crate) fn sharing(mut self, other: &Self) -> Self {
        for (path, content) in &mut self.files {
            if let Some(same) = other.files.get(path).filter(|same| *same == content) {
                *content = same.clone();
            }
        }
        self
    }

    /// Whether a file of another tree is not in this one.
    pub(crate) fn lacks_of(&self, other: &Self) -> bool {
        other.files.keys().any(|path| !self.files.contains_key(path))
    }

    /// What is wrong with entries of the folder that are left out.
    pub(crate) fn faults(&self) -> &[ConfigFault] {
        &self.faults
    }

    /// A tree that is not on disk.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn from_files<P: Into<PathBuf>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self::of(files.into_iter().map(|(path, bytes)| (path.into(), Content::from(bytes.into()))).collect())
    }

    /// What a file holds, by its path relative to the policies folder.
    pub(crate) fn get(&self, path: &Path) -> Option<&Content> {
        self.files.get(path)
    }

    /// All files in the order of their paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_path(), content))
    }

    /// Whether a folder holds TOML, however deep.
    pub(super) fn holds_toml(&self, folder: &Path) -> bool {
        let mut below = self.files.keys().filter(|path| path.starts_with(folder));
        below.any(|path| path.extension().is_some_and(|extension| extension == "toml"))
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
        let content = self.files.get(&path)?.clone();
        Some(TreeFile { path, content })
    }

    /// The folders directly below the root.
    pub(super) fn folders(&self) -> BTreeSet<&Path> {
        let tops = self.files.keys().filter(|path| path.components().count() > 1);
        tops.filter_map(|path| path.iter().next()).map(Path::new).collect()
    }
}

/// A walk under way.
struct Walk {
    root: PathBuf,
    /// Resolved folders from the root to the present one: a link to one of them would never end.
    above: Vec<PathBuf>,
    tree: Tree,
    /// Names met so far, those of folders, links and ignored entries too: each is work.
    entries: usize,
    bytes: u64,
    faults: Faults,
}

/// A bound of the whole tree is reached, and the walk over.
struct Overflow(String);

impl Walk {
    fn folder(&mut self, relative: &Path, entry: &Entry) -> Result<(), Overflow> {
        let names = match fs::read_dir(entry.again()) {
            Ok(names) => self.sorted(names)?,
            Err(error) => Err(error),
        };
        let names = match names {
            Ok(names) => names,
            Err(error) => {
                self.faults.push(unreadable(relative, &error));
                return Ok(());
            }
        };
        for name in names {
            let path = relative.join(&name);
            match name.to_str() {
                Some(name) if is_ignored(name) => {}
                Some(_) => self.entry(&path)?,
                None => self.fault(&path, "has a name that is not UTF-8", "rename it"),
            }
        }
        Ok(())
    }

    fn sorted(&mut self, names: fs::ReadDir) -> Result<io::Result<BTreeSet<OsString>>, Overflow> {
        let mut sorted = BTreeSet::new();
        for name in names {
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(Overflow(format!("holds more than {MOST_ENTRIES} files, folders and links")));
            }
            match name {
                Ok(name) => sorted.insert(name.file_name()),
                Err(error) => return Ok(Err(error)),
            };
        }
        Ok(Ok(sorted))
    }

    fn entry(&mut self, path: &Path) -> Result<(), Overflow> {
        let entry = match Entry::find(&self.root.join(path)) {
            Ok(entry) => entry,
            Err(error) => {
                self.faults.push(unreadable(path, &error));
                return Ok(());
            }
        };
        if !entry.real.starts_with(&self.root) {
            self.fault(path, "leads out of the policies folder", "copy the file into the folder");
        } else if entry.about.is_file() {
            self.file(path, &entry)?;
        } else if !entry.about.is_dir() {
            self.fault(path, "is neither a file nor a folder", "remove it");
        } else if self.above.contains(&entry.real) {
            self.fault(path, "leads back to a folder it lies in", "remove the link");
        } else if path.components().count() >= DEEPEST {
            self.fault(path, format!("lies deeper than {DEEPEST} folders"), "move it up");
        } else {
            self.above.push(entry.real.clone());
            self.folder(path, &entry)?;
            self.above.pop();
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, entry: &Entry) -> Result<(), Overflow> {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let most = if is_toml { LARGEST_TOML } else { LARGEST_FILE };
        if self.bytes.saturating_add(entry.about.len().min(most)) > LARGEST_TREE {
            return Err(Overflow(format!("holds more than {}", show_size(LARGEST_TREE))));
        }
        match read_at_most(&entry.again(), most) {
            Ok(Some(bytes)) => {
                self.bytes += bytes.len() as u64;
                self.tree.files.insert(path.to_owned(), bytes.into());
            }
            Ok(None) => {
                self.fault(path, format!("is larger than {}", show_size(most)), "make it smaller or move it away")
            }
            Err(error) => self.faults.push(unreadable(path, &error)),
        }
        Ok(())
    }

    fn fault(&mut self, path: &Path, reason: impl Into<String>, advice: &str) {
        self.faults.push(ConfigFault::of_file(path, reason, advice));
    }
}

/// What a path led to at one moment. It is held and not looked up again, so that where it lies, what it is and what is
/// read from it are of one thing, whatever becomes of the path meanwhile.
struct Entry {
    held: File,
    real: PathBuf,
    about: fs::Metadata,
}

impl Entry {
    /// Links are followed. `O_PATH` opens nothing, so no device or pipe notices or keeps us waiting.
    fn find(path: &Path) -> io::Result<Self> {
        let held = File::from(rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?);
        let (real, about) = (fs::read_link(descriptor(&held))?, held.metadata()?);
        Ok(Self { held, real, about })
    }

    /// A path that leads to what is held and to nothing else.
    fn again(&self) -> PathBuf {
        descriptor(&self.held)
    }
}

fn descriptor(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
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
mod tests;
