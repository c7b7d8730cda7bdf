//! Reading the record as a chain: finds what was edited, removed, put in another order or cut off, and says which entry it is.

use std::io;
use std::path::Path;

use super::entry::{Broken, Sealed};
use super::head::{FILE, Head};
use super::key::Key;
use super::segments;
use crate::keys::KeyError;

/// How often a head is read again that was written meanwhile.
const MOST_TRIES: usize = 20;

/// A record that is whole, in order and signed.
pub(crate) struct Chain {
    pub(super) head: Head,
    pub(super) sealed: Vec<Sealed>,
    /// By their first entry, the files and how many bytes of each are entries.
    pub(super) files: Vec<(u64, u64)>,
    /// Whether more stands in the last one, which was not written to its end.
    pub(crate) is_torn: bool,
    pub(crate) key: String,
}

/// Why there is no such record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChainError {
    #[error("there is no record")]
    None,
    #[error(transparent)]
    Flaw(#[from] Flaw),
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// What is wrong with a record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("{FILE} is gone, or was changed, or is signed with another key than that of the record")]
    Head,
    #[error("the key is gone or damaged: {0}")]
    Key(String),
    #[error("entry {0} was changed: it cannot be read as it was written")]
    Unreadable(u64),
    #[error("entry {0} was changed: its hash is not that of what it says")]
    Hash(u64),
    #[error("entry {0} was changed: its signature does not fit")]
    Signature(u64),
    #[error(
        "entry {entry} is signed with the key {named}, and the key of the record is {is}: one of the two was replaced"
    )]
    OtherKey { entry: u64, named: String, is: String },
    #[error("where entry {expected} should stand, entry {found} does: entries were removed or put in another order")]
    Order { expected: u64, found: u64 },
    #[error("entry {0} does not follow the one before it: it names another hash")]
    Link(u64),
    #[error("entry {0} and all after it up to {1} are gone: the end was cut off")]
    Cut(u64, u64),
    #[error("entry {0} is not the one that {FILE} names")]
    OtherHead(u64),
    #[error("entry {0} is more than {FILE} knows of: an older head was put there")]
    OldHead(u64),
}

impl Chain {
    /// The record in a folder. It may be written meanwhile.
    pub(crate) fn read(folder: &Path) -> Result<Self, ChainError> {
        if !folder.try_exists()? {
            return Err(ChainError::None);
        }
        let key = Key::load(folder).map_err(|error| match error {
            KeyError::File(error) if error.kind() != io::ErrorKind::NotFound => ChainError::Io(error),
            error => Flaw::Key(error.to_string()).into(),
        })?;
        let mut tried = 0;
        let mut head = read_head(folder, &key)?;
        loop {
            let read = Self::up_to(folder, &key, head.clone());
            tried += 1;
            match read_head(folder, &key)? {
                // What was read is not of one moment.
                newer if newer != head && tried < MOST_TRIES => head = newer,
                _ => return read,
            }
        }
    }

    fn up_to(folder: &Path, key: &Key, head: Head) -> Result<Self, ChainError> {
        let mut chain = Self { sealed: Vec::new(), files: Vec::new(), is_torn: false, key: key.id().to_owned(), head };
        for (first, path) in segments::list(folder, chain.head.first)? {
            let expected = chain.next();
            if first != expected {
                return Err(Flaw::Order { expected, found: first }.into());
            }
            // Nothing is begun after what was not written to its end.
            if chain.is_torn {
                return Err(Flaw::Unreadable(expected).into());
            }
            let bytes = segments::read(&path)?;
            let mut read = 0;
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let Some(line) = line.strip_suffix(b"\n") else {
                    chain.is_torn = true;
                    break;
                };
                chain.add(line, key)?;
                read += line.len() as u64 + 1;
            }
            chain.files.push((first, read));
        }
        let (newest, confirmed) = (chain.next() - 1, chain.head.entry);
        match newest {
            newest if newest < confirmed => Err(Flaw::Cut(newest + 1, confirmed).into()),
            // Of one entry the head may not tell yet: it is written after it.
            newest if newest > confirmed + 1 => Err(Flaw::OldHead(confirmed + 2).into()),
            _ => Ok(chain),
        }
    }

    fn add(&mut self, line: &[u8], key: &Key) -> Result<(), Flaw> {
        let expected = self.next();
        let line = std::str::from_utf8(line).map_err(|_| Flaw::Unreadable(expected))?;
        let sealed = Sealed::open(line, key).map_err(|broken| match broken {
            Broken::Unreadable => Flaw::Unreadable(expected),
            Broken::Hash => Flaw::Hash(expected),
            Broken::Key(named) => Flaw::OtherKey { entry: expected, named, is: key.id().to_owned() },
            Broken::Signature => Flaw::Signature(expected),
        })?;
        if sealed.entry.entry != expected {
            return Err(Flaw::Order { expected, found: sealed.entry.entry });
        }
        if sealed.entry.previous != self.newest_hash() {
            return Err(Flaw::Link(expected));
        }
        if expected == self.head.entry && sealed.hash != self.head.hash {
            return Err(Flaw::OtherHead(expected));
        }
        self.sealed.push(sealed);
        Ok(())
    }

    /// The entries that are kept, the oldest first.
    pub(crate) fn entries(&self) -> &[Sealed] {
        &self.sealed
    }

    /// The entry a hash stands for, of which the beginning is enough.
    pub(crate) fn find(&self, hash: &str) -> Option<u64> {
        self.sealed.iter().find(|sealed| sealed.hash.starts_with(hash)).map(|sealed| sealed.entry.entry)
    }

    /// Stands for everything before an entry.
    pub(super) fn hash_before(&self, entry: u64) -> &str {
        let before = self.sealed.iter().take_while(|sealed| sealed.entry.entry < entry).last();
        before.map_or(&self.head.since, |sealed| &sealed.hash)
    }

    /// Stands for everything up to the newest entry.
    pub(crate) fn newest_hash(&self) -> &str {
        self.sealed.last().map_or(&self.head.since, |sealed| &sealed.hash)
    }

    /// The number of the next entry.
    pub(super) fn next(&self) -> u64 {
        self.sealed.last().map_or(self.head.first, |sealed| sealed.entry.entry + 1)
    }
}

fn read_head(folder: &Path, key: &Key) -> Result<Head, ChainError> {
    match Head::read(folder, key) {
        Ok(head) => Ok(head.ok_or(Flaw::Head)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Flaw::Head.into()),
        Err(error) => Err(error.into()),
    }
}
