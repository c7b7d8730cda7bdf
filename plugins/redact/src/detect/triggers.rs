//! Which bytes a text has that a detector could begin with. Most texts have none, and cost this one look.

/// A set of such bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Triggers(u8);

impl Triggers {
    pub(super) const DIGIT: Self = Self(1);
    pub(super) const AT: Self = Self(1 << 1);
    pub(super) const COLON: Self = Self(1 << 2);
    pub(super) const DASH: Self = Self(1 << 3);
    pub(super) const UNDERSCORE: Self = Self(1 << 4);
    /// `I`, of `AKIA` and `AIza`.
    pub(super) const CAPITAL_I: Self = Self(1 << 5);
    /// `J`, of `eyJ`: what `{"` is in base64.
    pub(super) const CAPITAL_J: Self = Self(1 << 6);

    /// Those in a text.
    #[inline]
    pub(super) fn of(text: &[u8]) -> Self {
        let mut lanes = [0; LANES];
        for block in text.as_chunks::<LANES>().0 {
            for (lane, byte) in lanes.iter_mut().zip(block) {
                *lane |= class(*byte);
            }
        }
        // The end is read once more as the end of a whole block; a short text, as two halves that overlap.
        let end = text.last_chunk::<LANES>().copied().or_else(|| {
            let halves = [*text.first_chunk::<{ LANES / 2 }>()?, *text.last_chunk()?];
            halves.as_flattened().try_into().ok()
        });
        match end {
            Some(block) => lanes.iter_mut().zip(block).for_each(|(lane, byte)| *lane |= class(byte)),
            None => text.iter().for_each(|byte| lanes[0] |= CLASSES[usize::from(*byte)]),
        }
        let all = u128::from_ne_bytes(lanes);
        let all = all | all >> 64;
        let all = all | all >> 32;
        let all = all | all >> 16;
        Self((all | all >> 8) as u8)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of the others is among these.
    #[inline]
    pub(super) fn any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// As many bytes as are looked at together; the compiler makes vector instructions of it, for wasm too.
const LANES: usize = 16;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
};

/// Comparisons only, so that it can be done for many bytes at once.
const fn class(byte: u8) -> u8 {
    let digit = byte.wrapping_sub(b'0') < 10;
    (digit as u8)
        | ((byte == b'@') as u8) << 1
        | ((byte == b':') as u8) << 2
        | ((byte == b'-') as u8) << 3
        | ((byte == b'_') as u8) << 4
        | ((byte == b'I') as u8) << 5
        | ((byte == b'J') as u8) << 6
}

#[cfg(test)]
mod tests {
    use super::Triggers;

    #[test]
    fn every_trigger_is_seen_wherever_it_stands() {
        let triggers = [
            (b'0', Triggers::DIGIT),
            (b'9', Triggers::DIGIT),
            (b'@', Triggers::AT),
            (b':', Triggers::COLON),
            (b'-', Triggers::DASH),
            (b'_', Triggers::UNDERSCORE),
            (b'I', Triggers::CAPITAL_I),
            (b'J', Triggers::CAPITAL_J),
        ];
        for length in 1..70 {
            for at in 0..length {
                for (byte, trigger) in triggers {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    assert_eq!(Triggers::of(&text), trigger, "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn plain_words_have_none() {
        assert_eq!(Triggers::of("Grüße, says the quick brown fox; / . , ! ( ) + % A".as_bytes()), Triggers::default());
    }
}
