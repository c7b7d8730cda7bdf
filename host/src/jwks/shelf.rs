//! Sets as they were fetched last, in the state directory: a gateway that starts while a provider is down begins with them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::content::Digest;
use crate::state::{make_folder, put};

/// The place of one set. When it was fetched is when the file was changed.
#[derive(Debug)]
pub(super) struct Shelf {
    file: PathBuf,
    /// Whether what was put there last lies there: what lies there otherwise may have been withdrawn.
    is_current: AtomicBool,
}

/// What lies there.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Where it is from: that of another issuer is none of this.
    from: String,
    set: String,
}

impl Shelf {
    /// Of the set of this name, which can be any text.
    pub(super) fn at(state: &Path, name: &str) -> Self {
        let file = state.join("key-sets").join(format!("{}.json", Digest::of(name.as_bytes()).hex()));
        Self { file, is_current: AtomicBool::new(false) }
    }

    /// The text of a set from there, and how long ago it was fetched; none where that is not known.
    pub(super) fn get(&self, from: &str) -> Option<(String, Duration)> {
        let age = SystemTime::now().duration_since(fs::metadata(&self.file).ok()?.modified().ok()?).ok()?;
        let kept: Kept = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        (kept.from == from).then_some((kept.set, age))
    }

    /// Keep a set that was fetched just now, which is another one than before or is not.
    pub(super) fn keep(&self, from: &str, set: &str, is_new: bool) -> io::Result<()> {
        let is_there = self.is_current.load(Relaxed) && !is_new;
        let renewed = if is_there { self.renew() } else { Err(io::ErrorKind::NotFound.into()) };
        let kept = renewed.or_else(|_| self.put(from, set));
        self.is_current.store(kept.is_ok(), Relaxed);
        kept
    }

    fn put(&self, from: &str, set: &str) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            make_folder(folder)?;
        }
        let kept = Kept { from: from.to_owned(), set: set.to_owned() };
        put(&self.file, &serde_json::to_vec(&kept)?)
    }

    /// What lies there was fetched again.
    fn renew(&self) -> io::Result<()> {
        File::options().write(true).open(&self.file)?.set_modified(SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_replaced_is_not_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(folder.path(), "idp");
        shelf.keep("https://a", "old", true).unwrap();
        let place = folder.path().join("key-sets");
        let aside = folder.path().join("aside");
        fs::rename(&place, &aside).unwrap();
        fs::write(&place, "no folder").unwrap();
        shelf.keep("https://a", "new", true).unwrap_err();
        fs::remove_file(&place).unwrap();
        fs::rename(&aside, &place).unwrap();
        shelf.keep("https://a", "new", false).unwrap();
        assert_eq!(shelf.get("https://a").unwrap().0, "new");
    }

    #[test]
    fn what_is_put_there_comes_back_to_who_wants_that_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(folder.path(), "idp");
        let (issuer, other) = ("https://a", "https://b");
        assert!(shelf.get(issuer).is_none() && shelf.renew().is_err());
        shelf.put(issuer, "a set").unwrap();
        let hour = Duration::from_secs(3600);
        let file = File::options().write(true).open(&shelf.file).unwrap();
        file.set_modified(SystemTime::now() - hour).unwrap();
        let (set, age) = shelf.get(issuer).unwrap();
        assert!(set == "a set" && age >= hour);
        shelf.renew().unwrap();
        assert!(shelf.get(issuer).unwrap().1 < hour);
        assert!(shelf.get(other).is_none());
        file.set_modified(SystemTime::now() + hour).unwrap();
        assert!(shelf.get(issuer).is_none(), "the clock was wrong once, or is");
        fs::write(&shelf.file, "{").unwrap();
        assert!(shelf.get(issuer).is_none());
    }
}
