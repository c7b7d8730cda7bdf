//! Appending to the record: takes up where the last process ended, and never continues what was altered.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::chain::{Chain, ChainError};
use super::contents::{Contents, Manifest};
use super::entry::{Change, Entry, Sealed, Served, Why};
use super::head::Head;
use super::key::Key;
use super::segments;
use crate::config::Tree;
use crate::content::Digest;
use crate::state;

/// The record of one state directory, to be written by this process alone.
pub(super) struct Journal {
    folder: PathBuf,
    key: Key,
    head: Head,
    contents: Contents,
    files: VecDeque<Segment>,
    /// The digests of what entries say serves, the newest first.
    served: VecDeque<Digest>,
    /// What the newest of these stands for, as far as it can be read.
    before: Option<Manifest>,
}

/// One file of entries.
struct Segment {
    first: u64,
    /// The hash of the entry before.
    since: String,
    entries: usize,
    bytes: u64,
}

/// What is to be on record of what serves.
pub(super) struct Serves<'a> {
    pub(super) generation: u64,
    pub(super) routes: usize,
    pub(super) files: &'a Tree,
    pub(super) manifest: Manifest,
    pub(super) whole: bool,
}

impl Journal {
    /// Begin a record, or go on with the one that is there.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        if !folder.try_exists()? {
            begin(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let chain = match Chain::read(folder) {
            Err(ChainError::Flaw(flaw)) => {
                set_aside(folder, &flaw.to_string())?;
                return Self::open(folder);
            }
            read => read.with_context(|| folder.display().to_string())?,
        };
        let (key, contents) = (Key::load(folder)?, Contents::of(folder));
        if let Some((first, bytes)) = chain.files.last().filter(|_| chain.is_torn) {
            segments::open(folder, *first)?.set_len(*bytes)?;
            tracing::warn!(
                entry = chain.next(),
                "the record ends with an entry that was not written to its end: it is taken away, and the record goes on from the one before"
            );
        }
        let served = chain.sealed.iter().rev().filter_map(|sealed| Some(sealed.entry.serving.as_ref()?.after));
        let served: VecDeque<_> = served.collect();
        let before = match served.front() {
            Some(digest) => contents.manifest(*digest).ok(),
            // It may be that acts pushed out what served.
            None => chain.sealed.is_empty().then(Manifest::default),
        };
        // Those a process was ended over that was about to delete them.
        let all = segments::list(folder, 0)?;
        all.range(..chain.head.first).try_for_each(|(_, path)| fs::remove_file(path))?;
        let files = files(&chain);
        let head = Head { entry: chain.next() - 1, hash: chain.newest_hash().to_owned(), ..chain.head };
        let journal = Self { folder: folder.to_owned(), key, head, contents, files, served, before };
        journal.head.write(folder, &journal.key)?;
        Ok(journal)
    }

    /// Append that something serves since a second. After an error this is of no use any more: it is not known what is
    /// on disk.
    pub(super) fn serves(&mut self, at: u64, why: Why, serves: Serves<'_>) -> anyhow::Result<Sealed> {
        let after = self.contents.keep(serves.files, &serves.manifest).context("the contents cannot be kept")?;
        let changes = self.before.as_ref().map(|before| serves.manifest.changes(before));
        let (files, more): (Option<Vec<Change>>, usize) =
            changes.map_or((None, 0), |(files, more)| (Some(files), more));
        let Serves { generation, routes, whole, manifest, .. } = serves;
        let before = self.served.front().copied();
        let sealed = self.append(at, why, Some(Served { generation, routes, before, after, whole, files, more }))?;
        self.before = Some(manifest);
        self.served.push_front(after);
        self.served.truncate(segments::MOST_FILES * segments::MOST_ENTRIES);
        // What is kept too long does no harm.
        if let Err(error) = self.contents.prune(self.served.iter().copied()) {
            tracing::warn!(%error, "contents of older entries cannot be deleted");
        }
        Ok(sealed)
    }

    /// Append an entry. After an error this is of no use any more likewise.
    pub(super) fn append(&mut self, at: u64, why: Why, serving: Option<Served>) -> anyhow::Result<Sealed> {
        let (entry, previous, key) = (self.head.entry + 1, self.head.hash.clone(), self.key.id().to_owned());
        let (sealed, line) = Sealed::seal(Entry { entry, at, why, serving, previous, key }, &self.key)?;
        self.write(&sealed, &line)?;
        Ok(sealed)
    }

    fn write(&mut self, sealed: &Sealed, line: &str) -> anyhow::Result<()> {
        let number = sealed.entry.entry;
        let is_full = |file: &Segment| file.entries >= segments::MOST_ENTRIES || file.bytes >= segments::MOST_BYTES;
        if self.files.back().is_none_or(is_full) {
            let since = self.head.hash.clone();
            self.files.push_back(Segment { first: number, since, entries: 0, bytes: 0 });
        }
        let Some(last) = self.files.back_mut() else { return Ok(()) };
        let mut file = segments::open(&self.folder, last.first)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()?;
        // The name of a new file is on disk only once the folder is.
        File::open(&self.folder)?.sync_all()?;
        last.entries += 1;
        last.bytes += line.len() as u64 + 1;
        let mut dropped = Vec::new();
        while self.files.len() > segments::MOST_FILES {
            dropped.extend(self.files.pop_front());
        }
        if let Some(oldest) = self.files.front() {
            (self.head.first, self.head.since) = (oldest.first, oldest.since.clone());
        }
        (self.head.entry, self.head.hash) = (number, sealed.hash.clone());
        self.head.write(&self.folder, &self.key)?;
        // Only now: until then the head before named them.
        dropped.iter().try_for_each(|file| fs::remove_file(segments::path(&self.folder, file.first)))?;
        Ok(())
    }
}

/// Make a record without an entry. It is there as a whole or not at all: one that lacks something was altered.
fn begin(folder: &Path) -> anyhow::Result<()> {
    let partial = folder.with_extension("partial");
    if partial.try_exists()? {
        fs::remove_dir_all(&partial)?;
    }
    state::make_folder(&partial)?;
    Head::new().write(&partial, &Key::load_or_generate(&partial)?)?;
    fs::rename(&partial, folder)?;
    // The name is on disk only once the folder it is in is.
    Ok(folder.parent().map_or(Ok(()), |state| File::open(state)?.sync_all())?)
}

/// The files of a chain.
fn files(chain: &Chain) -> VecDeque<Segment> {
    let ends = chain.files.iter().skip(1).map(|(first, _)| *first).chain([chain.next()]);
    let file = |((first, bytes), end): (&(u64, u64), u64)| Segment {
        first: *first,
        since: chain.hash_before(*first).to_owned(),
        entries: usize::try_from(end - first).unwrap_or(usize::MAX),
        bytes: *bytes,
    };
    chain.files.iter().zip(ends).map(file).collect()
}

/// A record that was altered is kept as it is, for whoever looks into it, and another one begun.
fn set_aside(folder: &Path, flaw: &str) -> anyhow::Result<()> {
    let aside = super::aside(folder);
    fs::rename(folder, &aside)?;
    tracing::error!(reason = flaw, aside = %aside.display(), "the record was altered: it is set aside, and another one begun");
    Ok(())
}
