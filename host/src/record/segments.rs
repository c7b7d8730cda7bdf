//! The files the entries are in: each begins where the one before ended, and the oldest go.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file ends with so many entries, or when it is so long. Each entry is waited for until it is on the disk, which
/// makes tests of many slow.
pub(super) const MOST_ENTRIES: usize = if cfg!(test) { 8 } else { 512 };
pub(super) const MOST_BYTES: u64 = 1 << 20;
/// Files that are kept.
pub(super) const MOST_FILES: usize = if cfg!(test) { 8 } else { 64 };
/// A file with one more entry, the longest, is never longer.
const LONGEST: u64 = 4 << 20;

/// By the number of their first entry, the files of a folder from one on; what lies before is about to be deleted.
pub(super) fn list(folder: &Path, first: u64) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("entries-")?.strip_suffix(".jsonl")?.parse().ok());
        files.extend(number.filter(|number| *number >= first).map(|number| (number, entry.path())));
    }
    Ok(files)
}

/// All of a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= LONGEST {
        true => Ok(bytes),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than any that was written")),
    }
}

/// The file that begins with an entry, to append to.
pub(super) fn open(folder: &Path, first: u64) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path(folder, first))
}

pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("entries-{first:010}.jsonl"))
}
