//! The objects and arrays that are open.

use crate::select::State;

/// Which container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    Object,
}

/// An open container in which the guide is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) kind: Kind,
    pub(crate) state: State,
    /// Whether a member or item has been kept, so that a comma stands before the next.
    pub(crate) is_begun: bool,
    /// Of the item read last; 0 in an object.
    pub(crate) index: u32,
}

impl Level {
    pub(crate) const MOST_BYTES: usize = 7;

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.push(u8::from(self.kind == Kind::Object) | u8::from(self.is_begun) << 1);
        out.extend(self.state.to_bits().to_le_bytes());
        if self.kind == Kind::Array {
            out.extend(self.index.to_le_bytes());
        }
    }

    /// The level at the beginning of `bytes`, which are then those behind it.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let ([flags, low, high], rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        let kind = if flags & 1 != 0 { Kind::Object } else { Kind::Array };
        let mut index = 0;
        if kind == Kind::Array {
            let (four, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            index = u32::from_le_bytes(*four);
        }
        let state = State::from_bits(u16::from_le_bytes([*low, *high]));
        (*flags < 4).then_some(Self { kind, state, is_begun: flags & 2 != 0, index })
    }
}

/// Open containers in which nobody is asked: one bit each, set for an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nest {
    bits: [u64; Self::WORDS],
    depth: u16,
}

impl Nest {
    const WORDS: usize = super::DEEPEST.div_ceil(64) as usize;
    pub(crate) const MOST_BYTES: usize = 2 + 8 * Self::WORDS;

    pub(crate) fn depth(&self) -> u16 {
        self.depth
    }

    #[inline]
    pub(crate) fn push(&mut self, kind: Kind) {
        if let Some(word) = self.bits.get_mut(usize::from(self.depth / 64)) {
            *word |= u64::from(kind == Kind::Object) << (self.depth % 64);
            self.depth += 1;
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if let Some(word) = self.bits.get_mut(usize::from(self.depth / 64)) {
            *word &= !(1 << (self.depth % 64));
        }
    }

    /// The innermost.
    #[inline]
    pub(crate) fn top(&self) -> Option<Kind> {
        let last = self.depth.checked_sub(1)?;
        let word = self.bits.get(usize::from(last / 64))?;
        Some(if word >> (last % 64) & 1 != 0 { Kind::Object } else { Kind::Array })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let bytes = usize::from(self.depth.div_ceil(8));
        out.extend(self.depth.to_le_bytes());
        out.extend(self.bits.iter().flat_map(|word| word.to_le_bytes()).take(bytes));
    }

    /// The nest that all of `bytes` are.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (depth, packed) = bytes.split_first_chunk()?;
        let depth = u16::from_le_bytes(*depth);
        if depth > super::DEEPEST || packed.len() != usize::from(depth.div_ceil(8)) {
            return None;
        }
        let mut nest = Self::default();
        for index in 0..depth {
            let byte = packed.get(usize::from(index / 8))?;
            nest.push(if byte >> (index % 8) & 1 != 0 { Kind::Object } else { Kind::Array });
        }
        Some(nest)
    }
}
