//! What a policy wants changed with a body or a piece of one.

use crate::{Edits, Verdict};

/// Which way a body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

/// What becomes of the bytes given to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// They stay; nothing is copied back.
    Keep,
    /// Pieces change. Needs access `edit`.
    Splice(Splices),
    /// Others take their place. Needs access `edit`.
    Replace(Vec<u8>),
}

/// Changes of pieces of the bytes given to a call; offsets count in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices {
    pub(crate) pieces: Vec<Splice>,
    pub(crate) inserted: Vec<u8>,
}

/// One of them: `remove` bytes at `offset` give way to the next `insert` bytes of those put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    pub(crate) offset: u32,
    pub(crate) remove: u32,
    pub(crate) insert: u32,
}

impl Splices {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Put `insert` in the place of the `remove` bytes at `offset`, which must not be before the end of the last piece;
    /// right there, it becomes one with it.
    pub fn put(&mut self, offset: u32, remove: u32, insert: &[u8]) {
        self.put_with(offset, remove, |inserted| inserted.extend_from_slice(insert));
    }

    /// The same with bytes that are written where they are kept.
    pub fn put_with(&mut self, offset: u32, remove: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.inserted.len();
        write(&mut self.inserted);
        let insert = (self.inserted.len() - before) as u32;
        match self.pieces.last_mut() {
            Some(last) if last.offset.checked_add(last.remove) == Some(offset) => {
                last.remove = last.remove.saturating_add(remove);
                last.insert = last.insert.saturating_add(insert);
            }
            _ if remove == 0 && insert == 0 => {}
            _ => self.pieces.push(Splice { offset, remove, insert }),
        }
    }

    /// What becomes of the bytes they are about, as far as they are right.
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + self.inserted.len());
        let (mut kept, mut inserted) = (0, &self.inserted[..]);
        for splice in &self.pieces {
            let start = splice.offset as usize;
            out.extend_from_slice(bytes.get(kept..start).unwrap_or_default());
            let (insert, rest) = inserted.split_at_checked(splice.insert as usize).unwrap_or_default();
            out.extend_from_slice(insert);
            inserted = rest;
            kept = start.saturating_add(splice.remove as usize);
        }
        out.extend_from_slice(bytes.get(kept..).unwrap_or_default());
        out
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many pieces change.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Where each piece begins, how many bytes of it go and how many take their place, in this order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.pieces.iter().map(|splice| (splice.offset, splice.remove, splice.insert))
    }
}

/// Most bytes of a piece that can be held back.
pub const MOST_HELD: usize = 32 * 1024;

/// What is to change with a whole body: a [`Change`] of its bytes, and perhaps of its head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct BodyEdits {
    pub(crate) bytes: Change,
    pub(crate) head: Option<Edits>,
}

impl BodyEdits {
    /// Of the bytes alone.
    pub fn new(bytes: Change) -> Self {
        Self { bytes, head: None }
    }

    /// And of the head they belong to, which has not been sent on yet.
    pub fn head(mut self, edits: Edits) -> Self {
        self.head = Some(edits);
        self
    }
}

/// What is to change with a piece of a body: a [`Change`] of its bytes, and perhaps what is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChunkEdits {
    pub(crate) bytes: Change,
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) hold: u32,
}

impl ChunkEdits {
    /// Of the bytes alone.
    pub fn new(bytes: Change) -> Self {
        Self { bytes, state: None, hold: 0 }
    }

    /// Bytes handed to the next call on this body, at most 4 KiB, in place of what was carried before.
    pub fn state(mut self, state: impl Into<Vec<u8>>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Keep back the last `bytes` of this piece, at most [`MOST_HELD`] and none of the last one: they are given again
    /// before those that come next. The change of bytes is about those before them.
    pub fn hold(mut self, bytes: usize) -> Self {
        self.hold = bytes as u32;
        self
    }
}

impl From<BodyEdits> for Verdict<BodyEdits> {
    fn from(edits: BodyEdits) -> Self {
        Self::Edit(edits)
    }
}

impl From<ChunkEdits> for Verdict<ChunkEdits> {
    fn from(edits: ChunkEdits) -> Self {
        Self::Edit(edits)
    }
}

impl From<Change> for Verdict<BodyEdits> {
    fn from(bytes: Change) -> Self {
        Self::Edit(BodyEdits::new(bytes))
    }
}

impl From<Change> for Verdict<ChunkEdits> {
    fn from(bytes: Change) -> Self {
        Self::Edit(ChunkEdits::new(bytes))
    }
}
