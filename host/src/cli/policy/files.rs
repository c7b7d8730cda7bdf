//! Reading and writing the files verbs are given: bounded, and whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Longest file of text: a key, a signature, a configuration.
const LONGEST_TEXT: u64 = 1 << 20;

/// Read a file of at most `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("{} cannot be read", path.display());
    if fs::metadata(path).with_context(cannot)?.is_dir() {
        bail!("{} is a folder, not a file", path.display());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).with_context(cannot)?;
    if bytes.len() as u64 > most {
        bail!("{} is longer than {} MiB", path.display(), most >> 20);
    }
    Ok(bytes)
}

pub(super) fn read_text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read(path, LONGEST_TEXT)?).ok().with_context(|| format!("{} is no text", path.display()))
}

/// Put a file in the place of what is there, if anything: a gateway that looks at the same moment sees the old one or
/// the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    // The gateway does not read files with such an end.
    let partial = with_suffix(path, &format!(".{}.tmp", std::process::id()));
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // What matters is why it could not be written.
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// Write a file that is not there yet, with these permissions.
pub(super) fn create(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// `team` and `.pub` make `team.pub`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path as somebody would type it here.
pub(super) fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(fs::canonicalize);
    here.ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).to_owned()
}
