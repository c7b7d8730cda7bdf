//! A clock that stands still until it is moved.

use std::cell::Cell;

/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

thread_local! {
    static NOW_MS: Cell<u64> = const { Cell::new(START_MS) };
}

/// Set the time, in milliseconds since 1970.
pub fn set(unix_ms: u64) {
    NOW_MS.set(unix_ms);
}

/// Move the time forward.
pub fn advance(ms: u64) {
    NOW_MS.set(now().saturating_add(ms));
}

pub(crate) fn unix_ms() -> u64 {
    super::refuse_while_configuring("clock");
    now()
}

pub(super) fn now() -> u64 {
    NOW_MS.get()
}

pub(super) fn reset() {
    NOW_MS.set(START_MS);
}

#[cfg(test)]
mod tests {
    use crate::{clock, testing};

    #[test]
    fn time_passes_only_when_told_to() {
        testing::clock::set(1_000);
        assert_eq!(clock::unix_ms(), 1_000);
        testing::clock::advance(5);
        assert_eq!(clock::unix_ms(), 1_005);
    }
}
