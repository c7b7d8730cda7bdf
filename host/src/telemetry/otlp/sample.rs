//! Which traces that begin here are recorded.

/// A share of all, decided by the id of the trace, so that whoever decides by the same rule decides the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// What the last 56 bits of an id have to reach (W3C Trace Context level 2 wants those random).
    threshold: u64,
}

const RANDOM_BITS: u32 = 56;

impl Sample {
    pub(crate) const ALL: Self = Self { threshold: 0 };
    pub(crate) const NONE: Self = Self { threshold: 1 << RANDOM_BITS };

    /// From 0 for none to 1 for all.
    pub(crate) fn of(share: f64) -> Self {
        let whole = (1_u64 << RANDOM_BITS) as f64;
        Self { threshold: ((1.0 - share.clamp(0.0, 1.0)) * whole) as u64 }
    }

    pub(crate) fn takes(self, trace: u128) -> bool {
        trace as u64 & ((1 << RANDOM_BITS) - 1) >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_ids_is_taken() {
        assert_eq!((Sample::of(1.0), Sample::of(0.0)), (Sample::ALL, Sample::NONE));
        let ids = || (0..1000_u128).map(|n| n * ((1 << RANDOM_BITS) / 1000) + (n << 64));
        for (share, taken) in [(1.0, 1000), (0.5, 500), (0.01, 10), (0.0, 0)] {
            let sample = Sample::of(share);
            let count = ids().filter(|id| sample.takes(*id)).count();
            assert!(count.abs_diff(taken) <= 1, "{share}: {count}");
        }
        assert!(Sample::ALL.takes(0) && !Sample::NONE.takes(u128::MAX));
    }
}
