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

    /// Whether a name is one of those that are told apart. A day does not begin again once a later one has begun.
    pub(crate) fn admits(&mut self, day: u64, name: &K) -> bool
    where
        K: Clone,
    {
        if day > self.day {
            self.day = day;
            self.names.clear();
        }
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
        let admitted: Vec<_> = ["a", "b", "c", "a"].iter().map(|name| cap.admits(7, name)).collect();
        assert_eq!(admitted, [true, true, false, true]);
        assert!(cap.admits(8, &"c") && cap.admits(7, &"c"), "a late one finds the names of today");
        assert!(cap.admits(8, &"d") && !cap.admits(8, &"a"));
    }
}
