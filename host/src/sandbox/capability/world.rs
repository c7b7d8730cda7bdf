//! What policies learn of the world outside: time and chance, or what is told in their place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where time and random bytes come from.
#[derive(Clone, Default)]
pub(crate) enum World {
    #[default]
    Real,
    Told(Arc<Told>),
}

/// A world in which time stands still, and chance is the same each time: for exchanges that are played again.
#[derive(Debug, Default)]
pub(crate) struct Told {
    unix_ms: AtomicU64,
    drawn: AtomicU64,
}

impl Told {
    /// It is this time now, and no random bytes were asked for yet.
    pub(crate) fn begin(&self, unix_ms: u64) {
        self.unix_ms.store(unix_ms, Relaxed);
        self.drawn.store(0, Relaxed);
    }

    /// The next eight bytes: SplitMix64, which has every value once.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.drawn.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl World {
    pub(super) fn unix_ms(&self) -> u64 {
        match self {
            Self::Real => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            Self::Told(told) => told.unix_ms.load(Relaxed),
        }
    }

    pub(super) fn ms_since(&self, began: Instant) -> u64 {
        match self {
            Self::Real => u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            Self::Told(_) => 0,
        }
    }

    pub(super) fn fill(&self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        match self {
            Self::Real => getrandom::fill(bytes).map_err(|_| wasmtime::Error::msg("no random bytes")),
            Self::Told(told) => {
                for piece in bytes.chunks_mut(8) {
                    piece.copy_from_slice(&told.draw().to_le_bytes()[..piece.len()]);
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_told_world_begins_again_as_it_was() {
        let told = Arc::new(Told::default());
        let world = World::Told(told.clone());
        let drawn = |length| {
            told.begin(7);
            let mut bytes = vec![0; length];
            world.fill(&mut bytes).unwrap();
            (world.unix_ms(), bytes)
        };
        assert_eq!(drawn(20), drawn(20));
        assert_eq!(drawn(20).1[..13], drawn(13).1);
        assert!(drawn(8).1 != [0; 8]);
    }
}
