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
    /// Pieces change, ascending and not overlapping. Needs access `edit`.
    Splice(Vec<Splice>),
    /// Others take their place. Needs access `edit`.
    Replace(Vec<u8>),
}

/// Replace `remove` bytes at `offset` by `insert`; offsets count in the bytes given to this call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// First byte replaced.
    pub offset: u32,
    /// Number of bytes dropped.
    pub remove: u32,
    /// Bytes put there.
    pub insert: Vec<u8>,
}

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
}

impl ChunkEdits {
    /// Of the bytes alone.
    pub fn new(bytes: Change) -> Self {
        Self { bytes, state: None }
    }

    /// Bytes handed to the next call on this body, at most 4 KiB, in place of what was carried before.
    pub fn state(mut self, state: impl Into<Vec<u8>>) -> Self {
        self.state = Some(state.into());
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
