//! What the folder held at an entry, for who wants to see it or have it again.

use std::io;
use std::path::Path;

use anyhow::{Context, anyhow, bail};

use super::chain::Chain;
use super::contents::Contents;
use super::entry::{Entry, Served};
use super::{folder, verify};
use crate::config::Tree;

/// The record of a state directory, which is whole, in order and signed.
pub(crate) struct Past {
    chain: Chain,
    contents: Contents,
}

impl Past {
    pub(crate) fn open(state: &Path) -> anyhow::Result<Self> {
        let chain = verify(state).context("the record cannot be relied on")?;
        Ok(Self { chain, contents: Contents::of(&folder(state)) })
    }

    /// The entry of this number.
    pub(crate) fn entry(&self, number: u64) -> anyhow::Result<&Entry> {
        self.newest_first().find(|entry| entry.entry == number).with_context(|| {
            let ends = (self.chain.entries().first(), self.chain.entries().last());
            let (Some(first), Some(last)) = ends else { return "there is no entry on record".to_owned() };
            format!("there is no entry {number} on record, which has {} to {}", first.entry.entry, last.entry.entry)
        })
    }

    /// The newest that says another thing served than serves now.
    pub(crate) fn other(&self) -> anyhow::Result<&Entry> {
        let mut serving = self.serving();
        let (_, now) = serving.next().context("there is no entry on record")?;
        let other = serving.find(|(_, served)| served.after != now.after && served.whole);
        Ok(other.context("nothing else is on record than what serves")?.0)
    }

    /// The one of what served before; none where that is not on record.
    pub(crate) fn before(&self, entry: &Entry) -> Option<&Entry> {
        let before = self.serving().find(|(other, _)| other.entry < entry.entry);
        before.map(|(other, _)| other)
    }

    /// What a folder has to hold for the same to serve as at this entry.
    pub(crate) fn files(&self, entry: &Entry) -> anyhow::Result<Tree> {
        let number = entry.entry;
        let served = entry.serving.as_ref();
        let served =
            served.with_context(|| format!("entry {number} is of an act that changed nothing of the folder"))?;
        if !served.whole {
            // A folder of these files was never good, and might lack what guarded an API that was held.
            bail!(
                "at entry {number} some parts were as they were before, so no folder says what served then; choose another entry"
            );
        }
        match self.contents.tree(served.after) {
            Ok(tree) => Ok(tree),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(anyhow!("what the folder held at entry {number} is not kept any more"))
            }
            Err(error) => Err(error).with_context(|| format!("what the folder held at entry {number}")),
        }
    }

    fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.chain.entries().iter().rev().map(|sealed| &sealed.entry)
    }

    fn serving(&self) -> impl Iterator<Item = (&Entry, &Served)> {
        self.newest_first().filter_map(|entry| Some((entry, entry.serving.as_ref()?)))
    }
}
