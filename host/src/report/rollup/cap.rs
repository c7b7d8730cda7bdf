//! How many names of a kind are told apart in a day; what comes beyond is counted as one.

use std::collections::HashSet;
use std::hash::Hash;

/// The names of one day. Those of another day are others: what an API had years ago takes no place from what it has.
#[derive(Debug)]
pub(crate) struct Cap<K> {
    most: usize,
    day: u64,
    names: HashSet<K>,
}

impl<K: Hash + Eq> Cap<K> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, day: 0, names: HashSet::new() }
    }

    /// It is this day now, whenever what is counted happened: a clock may be set back, and then it is a day again.
    pub(crate) fn on(&mut self, day: u64) {
        if day != self.day {
            self.day = day;
            self.names.clear();
        }
    }

    /// Whether a name is one of those that are told apart.
    pub(crate) fn admits(&mut self, name: &K) -> bool
    where
        K: Clone,
    {
        if self.names.contains(name) {
            return true;
        }
        let fits = self.names.len() < self.most;
        if fits {
            self.names.insert(name.clone());
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_cap_are_told_apart_on_another_day() {
        let mut cap = Cap::new(2);
        cap.on(7);
        let admitted: Vec<_> = ["a", "b", "c", "a"].iter().map(|name| cap.admits(name)).collect();
        assert_eq!(admitted, [true, true, false, true]);
        cap.on(7);
        assert!(!cap.admits(&"c"));
        cap.on(8);
        assert!(cap.admits(&"c") && cap.admits(&"d") && !cap.admits(&"a"));
        // The clock was ahead.
        cap.on(7);
        assert!(cap.admits(&"a") && cap.admits(&"b") && !cap.admits(&"c"));
    }
}
