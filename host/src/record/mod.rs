//! The record: which change served when and why, as a chain of signed entries that shows whether it was altered, and what the folder held then.

mod announced;
mod chain;
mod contents;
mod entry;
mod head;
mod journal;
mod key;
mod past;
mod segments;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::Value;

use crate::config::Tree;
use crate::state::Lock;
use announced::Announced;
use contents::Contents;
use entry::Sealed;
use journal::{Journal, Serves};

pub(crate) use announced::Announcement;
pub(crate) use chain::{Chain, ChainError};
pub(crate) use contents::Manifest;
pub(crate) use entry::{Change, Entry, Served, Why};
pub(crate) use past::Past;

/// In the state directory.
const FOLDER: &str = "record";
/// Beside it, with the second at which that was done: one that was altered.
const ASIDE: &str = "record.altered-";

/// Says what serves, for the record of one process.
pub(crate) struct Record {
    history: Arc<History>,
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

/// The record of one process: what others may know of it, and may tell it.
pub(crate) struct History {
    /// None where nothing outlasts the process.
    state: Option<PathBuf>,
    /// Says whether that is this process's; none where nobody else may want it.
    place: Option<Lock>,
    /// With the turn it was opened in. None before the first entry, and after one that could not be written.
    journal: Mutex<Option<(u64, Journal)>>,
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
    /// `state` is the state directory, if there is one, and `place` says when it is this process's, if not always.
    pub(crate) fn new(state: Option<PathBuf>, place: Option<Lock>) -> Self {
        let history = Arc::new(History { state, place, journal: Mutex::default(), inner: Mutex::default() });
        Self { history, has_begun: false }
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
        let serves = Serves { generation, routes, files, manifest, whole };
        let on_record = self.history.write(&folder, |journal, at| journal.serves(at, why, serves));
        self.history.with(|inner| match on_record {
            Ok(entry) => {
                tracing::info!(entry, generation, head = inner.newest_hash(), "on record");
                inner.fault = None;
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
}

impl Inner {
    fn newest_hash(&self) -> &str {
        self.newest.as_ref().map_or("", |(_, hash)| hash)
    }
}

impl History {
    /// Contents are about to be put into the folder.
    pub(crate) fn announce(&self, announcement: Announcement) {
        self.with(|inner| inner.announced.put(announcement));
    }

    /// Put an act on record, in a turn that lasts until this is done; returns the number of the entry. What cannot be on
    /// record should not be done.
    pub(crate) fn acted(&self, turn: u64, why: Why) -> anyhow::Result<u64> {
        let folder = self.state.as_deref().map(folder).context("there is no record without a state directory")?;
        self.write_in(turn, &folder, |journal, at| journal.append(at, why, None)).context("it cannot be put on record")
    }

    /// Have an entry written, at a second since 1970.
    fn write(
        &self,
        folder: &Path,
        entry: impl FnOnce(&mut Journal, u64) -> anyhow::Result<Sealed>,
    ) -> anyhow::Result<u64> {
        match &self.place {
            Some(place) => place
                .while_held(|turn| self.write_in(turn, folder, entry))
                .context("the state directory is another process's now")?,
            None => self.write_in(0, folder, entry),
        }
    }

    fn write_in(
        &self,
        turn: u64,
        folder: &Path,
        entry: impl FnOnce(&mut Journal, u64) -> anyhow::Result<Sealed>,
    ) -> anyhow::Result<u64> {
        let mut known = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        // Only what was written to its end, and by nobody else since, is written on.
        let mut journal = match known.take() {
            Some((at, journal)) if at == turn => journal,
            _ => Journal::open(folder)?,
        };
        let sealed = entry(&mut journal, seconds(SystemTime::now()))?;
        *known = Some((turn, journal));
        let number = sealed.entry.entry;
        self.with(|inner| inner.newest = Some((number, sealed.hash)));
        Ok(number)
    }

    /// The newest entry of this process with its hash, and what is wrong with the record.
    pub(crate) fn standing(&self) -> (Option<(u64, String)>, Vec<String>) {
        let (newest, fault) = self.with(|inner| (inner.newest.clone(), inner.fault.clone()));
        let aside = self.state.as_deref().and_then(|state| altered(state).ok()).unwrap_or_default();
        let aside = aside.iter().map(|path| format!("it was altered, and what was altered is in {}", path.display()));
        (newest, fault.into_iter().chain(aside).collect())
    }

    /// The newest entries as JSON, the newest first; whether they are genuine is not looked at. Each of something
    /// that serves says whether its contents are kept.
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
                if let Some(serving) = &sealed.entry.serving {
                    entry["kept"] = contents.has(serving.after).into();
                }
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
