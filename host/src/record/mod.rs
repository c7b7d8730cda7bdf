//! The record: which change served when and why, as a chain of signed entries that shows whether it was altered, and what the folder held then.

mod announced;
mod chain;
mod contents;
mod entry;
mod head;
mod journal;
mod key;
mod segments;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::config::Tree;
use announced::Announced;
use contents::Contents;
use entry::Sealed;
use journal::{Journal, Served};

pub(crate) use announced::Announcement;
pub(crate) use chain::{Chain, ChainError};
pub(crate) use contents::Manifest;
pub(crate) use entry::{Change, Entry, Why};

/// In the state directory.
const FOLDER: &str = "record";
/// Beside it, with the second at which that was done: one that was altered.
const ASIDE: &str = "record.altered-";

/// Writes the record of one process.
pub(crate) struct Record {
    history: Arc<History>,
    journal: Option<Journal>,
    /// Whether this process has said that it serves.
    has_begun: bool,
}

/// What serves.
pub(crate) struct Serving<'a> {
    pub(crate) generation: u64,
    pub(crate) routes: usize,
    pub(crate) files: &'a Tree,
    /// What the folder has in place of these.
    pub(crate) written: &'a Tree,
    /// Whether a folder of these files is what serves.
    pub(crate) whole: bool,
    /// Without one it is what was announced, or the folder was changed.
    pub(crate) why: Option<Why>,
}

/// What others may know of the record, and may tell it.
pub(crate) struct History {
    /// None where nothing outlasts the process.
    state: Option<PathBuf>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    announced: Announced,
    newest: Option<(u64, String)>,
    /// Why what serves is not on record.
    fault: Option<String>,
}

impl Record {
    /// `state` is the state directory, if there is one.
    pub(crate) fn new(state: Option<PathBuf>) -> Self {
        let history = Arc::new(History { state, inner: Mutex::default() });
        Self { history, journal: None, has_begun: false }
    }

    pub(crate) fn history(&self) -> Arc<History> {
        self.history.clone()
    }

    /// Have it on record that a generation serves. Where that cannot be written it serves all the same.
    pub(crate) fn serves(&mut self, Serving { generation, routes, files, written, whole, why }: Serving<'_>) {
        let Some(folder) = self.history.state.as_deref().map(folder) else { return };
        let manifest = Manifest::of(files);
        // What was announced is what is written.
        let contents = if whole { manifest.digest() } else { Manifest::of(written).digest() };
        let announced = self.history.with(|inner| inner.announced.take(contents));
        let why = if self.has_begun { why.or(announced).unwrap_or(Why::Folder) } else { Why::Start };
        self.has_begun = true;
        let at = seconds(SystemTime::now());
        let written = self.write(&folder, Served { at, why, generation, routes, files, manifest, whole });
        self.history.with(|inner| match written {
            Ok(sealed) => {
                let (entry, head) = (sealed.entry.entry, sealed.hash);
                tracing::info!(entry, generation, head, "on record");
                (inner.newest, inner.fault) = (Some((entry, head)), None);
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    generation,
                    "what serves is not on record, and serves all the same"
                );
                inner.fault = Some(format!("generation {generation} is not on record: {error:#}"));
            }
        });
    }

    fn write(&mut self, folder: &Path, served: Served<'_>) -> anyhow::Result<Sealed> {
        // Only what was written to its end is written on.
        let mut journal = match self.journal.take() {
            Some(journal) => journal,
            None => Journal::open(folder)?,
        };
        let sealed = journal.append(served)?;
        self.journal = Some(journal);
        Ok(sealed)
    }
}

impl History {
    /// Contents are about to be put into the folder.
    pub(crate) fn announce(&self, announcement: Announcement) {
        self.with(|inner| inner.announced.put(announcement));
    }

    /// The newest entry of this process with its hash, and what is wrong with the record.
    pub(crate) fn standing(&self) -> (Option<(u64, String)>, Vec<String>) {
        let (newest, fault) = self.with(|inner| (inner.newest.clone(), inner.fault.clone()));
        let aside = self.state.as_deref().and_then(|state| altered(state).ok()).unwrap_or_default();
        let aside = aside.iter().map(|path| format!("it was altered, and what was altered is in {}", path.display()));
        (newest, fault.into_iter().chain(aside).collect())
    }

    /// The newest entries as JSON, the newest first; whether they are genuine is not looked at. Each says whether its
    /// contents are kept.
    pub(crate) fn newest(&self, most: usize) -> io::Result<Vec<Value>> {
        let Some(folder) = self.state.as_deref().map(folder).filter(|folder| folder.exists()) else {
            return Ok(Vec::new());
        };
        let (contents, mut entries) = (Contents::of(&folder), Vec::new());
        for path in segments::list(&folder, 0)?.values().rev() {
            let bytes = segments::read(path)?;
            let text = String::from_utf8_lossy(&bytes);
            for sealed in text.lines().rev().filter_map(Sealed::read) {
                if entries.len() == most {
                    return Ok(entries);
                }
                let mut entry = serde_json::to_value(&sealed.entry)?;
                entry["hash"] = sealed.hash.into();
                entry["kept"] = contents.has(sealed.entry.after).into();
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The record of a state directory, if it is whole, in order and signed.
pub(crate) fn verify(state: &Path) -> Result<Chain, ChainError> {
    Chain::read(&folder(state))
}

/// Records of a state directory that were altered and set aside.
pub(crate) fn altered(state: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(state)?.collect::<io::Result<Vec<_>>>()?;
    let is_aside = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with(ASIDE));
    Ok(entries.into_iter().filter(is_aside).map(|entry| entry.path()).collect())
}

/// The files of an entry: of `wanted`, or of the newest that says another thing served than serves now.
pub(crate) fn contents(state: &Path, wanted: Option<u64>) -> anyhow::Result<(Entry, Tree)> {
    let chain = verify(state).context("the record cannot be relied on")?;
    let entries = || chain.entries().iter().rev().map(|sealed| &sealed.entry);
    let entry = match (wanted, entries().next()) {
        (Some(wanted), _) => entries().find(|entry| entry.entry == wanted).with_context(|| {
            let ends = (chain.entries().first(), chain.entries().last());
            let (Some(first), Some(last)) = ends else { return "there is no entry on record".to_owned() };
            format!("there is no entry {wanted} on record, which has {} to {}", first.entry.entry, last.entry.entry)
        }),
        (None, Some(now)) => {
            let other = |entry: &&Entry| entry.after != now.after && entry.whole;
            entries().find(other).context("nothing else is on record than what serves")
        }
        (None, None) => Err(anyhow!("there is no entry on record")),
    }?;
    if !entry.whole {
        // A folder of these files was never good, and might lack what guarded an API that was held.
        bail!(
            "at entry {} some parts were as they were before, so no folder says what served then; choose another entry",
            entry.entry
        );
    }
    match Contents::of(&folder(state)).tree(entry.after) {
        Ok(tree) => Ok((entry.clone(), tree)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(anyhow!("what the folder held at entry {} is not kept any more", entry.entry))
        }
        Err(error) => Err(error).with_context(|| format!("what the folder held at entry {}", entry.entry)),
    }
}

fn folder(state: &Path) -> PathBuf {
    state.join(FOLDER)
}

/// Where a record that was altered goes.
fn aside(record: &Path) -> PathBuf {
    record.with_file_name(format!("{ASIDE}{}", seconds(SystemTime::now())))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
