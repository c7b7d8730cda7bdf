//! Bytes that look random and are the same in every run.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Start another sequence.
pub fn seed(seed: u64) {
    STATE.set(seed);
}

pub(crate) fn bytes(count: u32) -> Vec<u8> {
    super::refuse_while_configuring("random");
    assert!(count <= 4096, "random: at most 4096 bytes at a time; more is a plugin fault");
    (0..count).map(|_| next()).collect()
}

pub(super) fn reset() {
    STATE.set(0);
}

/// SplitMix64, of which one byte is used.
fn next() -> u8 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 56) as u8
}

#[cfg(test)]
mod tests {
    use crate::{random, testing};

    #[test]
    fn a_seed_decides_the_sequence() {
        testing::random::seed(7);
        let first = random::bytes(16);
        assert_ne!(random::bytes(16), first);
        testing::random::seed(7);
        assert_eq!(random::bytes(16), first);
    }
}
