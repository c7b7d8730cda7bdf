//! A folder of the state directory that keeps contents, each in a file named by its digest.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{fs, io};

use super::{Content, Digest};
use crate::state;

/// The folder, which need not be there yet.
pub(crate) struct ContentFolder(PathBuf);

impl ContentFolder {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Keep it, unless it is kept.
    pub(crate) fn put(&self, content: &Content) -> io::Result<Digest> {
        let digest = content.digest();
        let path = self.file(digest);
        if !path.try_exists()? {
            state::make_folder(&self.0)?;
            state::put(&path, content)?;
        }
        Ok(digest)
    }

    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.file(digest).exists()
    }

    /// What is kept; an error where that is not what was put there.
    pub(crate) fn get(&self, digest: Digest) -> io::Result<Content> {
        let content = Content::from(fs::read(self.file(digest))?);
        match content.digest() == digest {
            true => Ok(content),
            false => Err(io::Error::other(format!("{digest} is damaged"))),
        }
    }

    /// In bytes; nothing where it is not kept.
    pub(crate) fn size(&self, digest: Digest) -> u64 {
        fs::metadata(self.file(digest)).map_or(0, |about| about.len())
    }

    /// Delete all files but these, and but one of another `name`.
    pub(crate) fn keep_only(&self, wanted: &BTreeSet<Digest>, name: Option<&str>) -> io::Result<()> {
        let wanted: BTreeSet<String> = wanted.iter().map(Digest::hex).collect();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let is_wanted = |file: &str| wanted.contains(file) || Some(file) == name;
            if !entry.file_name().to_str().is_some_and(is_wanted) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn file(&self, digest: Digest) -> PathBuf {
        self.0.join(digest.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let at = tempfile::tempdir().unwrap();
        let folder = ContentFolder::at(at.path().join("contents"));
        let digest = folder.put(&Content::from("one")).unwrap();
        assert_eq!(&*folder.get(digest).unwrap(), b"one");
        assert_eq!((folder.has(digest), folder.size(digest)), (true, 3));
        fs::write(at.path().join("contents").join(digest.hex()), "other").unwrap();
        assert!(folder.get(digest).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn only_what_is_wanted_stays() {
        let at = tempfile::tempdir().unwrap();
        let folder = ContentFolder::at(at.path().to_owned());
        let [one, other] = ["one", "other"].map(|text| folder.put(&Content::from(text)).unwrap());
        fs::write(at.path().join("list"), "").unwrap();
        fs::write(at.path().join("leftover"), "").unwrap();
        folder.keep_only(&BTreeSet::from([one]), Some("list")).unwrap();
        assert_eq!((folder.has(one), folder.has(other)), (true, false));
        assert_eq!(fs::read_dir(at.path()).unwrap().count(), 2);
    }
}
