//! All that a reader knows between two bytes of a body, and how it is carried from one call to the next.

use crate::step::Step;

/// Deepest nesting a position can hold: its levels take 3 bytes each, and a state has at most 4 KiB.
pub(crate) const DEEPEST: u32 = 1024;
/// Most members or items a level can count.
pub(crate) const MOST_CHILDREN: u32 = (1 << 23) - 1;

const OBJECT_BIT: u32 = 1 << 23;
const LEVEL_BYTES: usize = 3;
const FIXED_BYTES: usize = 18;

/// Where a reader stands. Nothing of the text is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// What may come next.
    pub(crate) step: Step,
    /// Whether the string being read is a member name.
    pub(crate) in_key: bool,
    /// Bytes of the string or number being read.
    pub(crate) length: u32,
    /// Member names and values begun.
    pub(crate) tokens: u32,
    /// Bytes read.
    pub(crate) offset: u64,
    /// Open containers, outermost first.
    pub(crate) levels: Vec<Level>,
}

/// An open container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) kind: Kind,
    /// Members or items begun.
    pub(crate) children: u32,
}

/// Which container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    Object,
}

impl Position {
    /// The beginning of a body.
    pub(crate) fn start() -> Self {
        Self { step: Step::Value, in_key: false, length: 0, tokens: 0, offset: 0, levels: Vec::new() }
    }

    /// Read a carried state; an empty one is the beginning. None for bytes that [`encode`](Self::encode) does not
    /// write.
    pub(crate) fn decode(state: &[u8]) -> Option<Self> {
        if state.is_empty() {
            return Some(Self::start());
        }
        let (fixed, levels) = state.split_first_chunk::<FIXED_BYTES>()?;
        let [step, in_key, l0, l1, l2, l3, t0, t1, t2, t3, offset @ ..] = *fixed;
        let levels = levels.chunks(LEVEL_BYTES).map(Level::decode);
        Some(Self {
            step: Step::from_code(step)?,
            in_key: in_key != 0,
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            tokens: u32::from_le_bytes([t0, t1, t2, t3]),
            offset: u64::from_le_bytes(offset),
            levels: levels.collect::<Option<_>>()?,
        })
    }

    /// The state to carry, at most 4 KiB.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut state = Vec::with_capacity(FIXED_BYTES + LEVEL_BYTES * self.levels.len());
        state.extend([self.step.code(), u8::from(self.in_key)]);
        state.extend(self.length.to_le_bytes());
        state.extend(self.tokens.to_le_bytes());
        state.extend(self.offset.to_le_bytes());
        state.extend(self.levels.iter().flat_map(|level| level.encode()));
        state
    }
}

impl Level {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let [low, middle, high] = *bytes else {
            return None;
        };
        let packed = u32::from_le_bytes([low, middle, high, 0]);
        let is_object = packed & OBJECT_BIT != 0;
        Some(Self { kind: if is_object { Kind::Object } else { Kind::Array }, children: packed & MOST_CHILDREN })
    }

    fn encode(self) -> [u8; LEVEL_BYTES] {
        let bit = match self.kind {
            Kind::Object => OBJECT_BIT,
            Kind::Array => 0,
        };
        let [low, middle, high, _] = (self.children | bit).to_le_bytes();
        [low, middle, high]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_position_fits_and_is_read_back() {
        let level = |index: u32| Level {
            kind: if index.is_multiple_of(3) { Kind::Object } else { Kind::Array },
            children: MOST_CHILDREN - index,
        };
        let position = Position {
            step: Step::L,
            in_key: true,
            length: u32::MAX,
            tokens: 7,
            offset: u64::MAX - 1,
            levels: (0..DEEPEST).map(level).collect(),
        };
        let state = position.encode();
        assert!(state.len() <= 4096, "{}", state.len());
        assert_eq!(Position::decode(&state), Some(position));
    }

    #[test]
    fn bytes_that_are_no_state_are_refused() {
        let state = Position::start().encode();
        let mut unknown_step = state.clone();
        unknown_step[0] = u8::MAX;
        let half_a_level = [&state[..], &[1]].concat();
        for bytes in [&state[..5], &unknown_step, &half_a_level] {
            assert_eq!(Position::decode(bytes), None, "{bytes:?}");
        }
    }
}
