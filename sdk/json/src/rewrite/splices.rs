//! Changes to the bytes of a piece, in the flat form in which they leave a sandbox.

/// Replace `remove` bytes at `offset` by the next `insert` bytes of those inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splice {
    /// First byte replaced.
    pub offset: u32,
    /// Number of bytes dropped.
    pub remove: u32,
    /// Number of bytes put there.
    pub insert: u32,
}

/// What changes in a piece: ascending, neither overlapping nor touching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices {
    /// The changes.
    pub pieces: Vec<Splice>,
    /// What they insert, one after the other.
    pub inserted: Vec<u8>,
}

impl Splices {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What becomes of the bytes they were made for.
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + self.inserted.len());
        let mut at = 0;
        let mut inserted = self.inserted.as_slice();
        for splice in &self.pieces {
            let offset = splice.offset as usize;
            out.extend_from_slice(bytes.get(at..offset).unwrap_or_default());
            let (now, later) = inserted.split_at_checked(splice.insert as usize).unwrap_or_default();
            out.extend_from_slice(now);
            inserted = later;
            at = offset + splice.remove as usize;
        }
        out.extend_from_slice(bytes.get(at..).unwrap_or_default());
        out
    }

    /// Drop what is `from` one offset `to` another, which is not before any that was changed.
    pub(crate) fn remove(&mut self, from: usize, to: usize) {
        self.replace(from, to, |_| {});
    }

    /// Put in its place what is written.
    pub(crate) fn replace(&mut self, from: usize, to: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.inserted.len();
        write(&mut self.inserted);
        let next =
            Splice { offset: count(from), remove: count(to - from), insert: count(self.inserted.len() - before) };
        match self.pieces.last_mut() {
            Some(last) if last.offset + last.remove == next.offset => {
                last.remove += next.remove;
                last.insert += next.insert;
            }
            _ if next.remove == 0 && next.insert == 0 => {}
            _ => self.pieces.push(next),
        }
    }
}

/// A piece is never as long as this saturates at.
fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_and_nothing_is_none() {
        let mut splices = Splices::default();
        splices.remove(0, 0);
        assert!(splices.is_empty());
        splices.replace(1, 2, |out| out.extend(b"xy"));
        splices.remove(2, 4);
        splices.replace(4, 4, |out| out.push(b'z'));
        splices.replace(6, 7, |out| out.push(b'!'));
        let pieces = [Splice { offset: 1, remove: 3, insert: 3 }, Splice { offset: 6, remove: 1, insert: 1 }];
        assert_eq!(splices.pieces, pieces);
        assert_eq!(splices.apply(b"0123456789"), b"0xyz45!789");
    }
}
