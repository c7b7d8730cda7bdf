//! What a namespace holds at present and may hold at most, counted without a lock.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::Limits;

/// Entries and bytes in use, with their limits. Relaxed order suffices: the shard locks order the data, these are only
/// numbers.
#[derive(Debug)]
pub(super) struct Usage {
    entries: Budget,
    bytes: Budget,
}

impl Usage {
    pub(super) fn new(limits: Limits) -> Self {
        Self { entries: Budget::new(limits.max_entries), bytes: Budget::new(limits.max_bytes) }
    }

    /// Limits below the present use remove nothing; they only stop growth.
    pub(super) fn set_limits(&self, limits: Limits) {
        self.entries.max.store(limits.max_entries, Relaxed);
        self.bytes.max.store(limits.max_bytes, Relaxed);
    }

    /// Take room for an entry that is not there yet. False: no room, nothing taken.
    pub(super) fn take_entry(&self, bytes: usize) -> bool {
        if !self.entries.take(1) {
            return false;
        }
        if !self.bytes.take(bytes) {
            self.entries.give(1);
            return false;
        }
        true
    }

    /// Change the size of an entry that is there. Shrinking always succeeds, also above the limit.
    pub(super) fn resize(&self, from: usize, to: usize) -> bool {
        if to <= from {
            self.bytes.give(from - to);
            return true;
        }
        self.bytes.take(to - from)
    }

    pub(super) fn give_entry(&self, bytes: usize) {
        self.entries.give(1);
        self.bytes.give(bytes);
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> (usize, usize) {
        (self.entries.used.load(Relaxed), self.bytes.used.load(Relaxed))
    }
}

#[derive(Debug)]
struct Budget {
    used: AtomicUsize,
    max: AtomicUsize,
}

impl Budget {
    fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max: AtomicUsize::new(max) }
    }

    fn take(&self, amount: usize) -> bool {
        let max = self.max.load(Relaxed);
        self.used.fetch_update(Relaxed, Relaxed, |used| used.checked_add(amount).filter(|sum| *sum <= max)).is_ok()
    }

    fn give(&self, amount: usize) {
        self.used.fetch_sub(amount, Relaxed);
    }
}
