//! Finding again what was found by names, by where these lie in memory: nearly all requests of a while have the same few.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::series::Name;

/// What is known at most; then it is found by names again.
const MOST: usize = 20_000;

/// What was found for names and something else.
#[derive(Debug)]
pub(crate) struct Near<const N: usize, K, V> {
    known: FxHashMap<([usize; N], K), V>,
    /// What is kept in memory meanwhile, so that nothing else comes to lie there.
    held: Vec<[Name; N]>,
}

impl<const N: usize, K: Hash + Eq, V: Copy> Near<N, K, V> {
    pub(crate) fn get(&self, names: [&Name; N], with: K) -> Option<V> {
        self.known.get(&(names.map(place), with)).copied()
    }

    pub(crate) fn put(&mut self, names: [&Name; N], with: K, found: V) {
        if self.known.len() >= MOST {
            self.clear();
        }
        self.known.insert((names.map(place), with), found);
        self.held.push(names.map(Clone::clone));
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.held.clear();
    }
}

impl<const N: usize, K, V> Default for Near<N, K, V> {
    fn default() -> Self {
        Self { known: FxHashMap::default(), held: Vec::new() }
    }
}

fn place(name: &Name) -> usize {
    name.as_ref().map_or(0, |name| Arc::as_ptr(name).addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_found_where_its_names_lie_and_nowhere_else() {
        let mut near = Near::<2, u8, u32>::default();
        let (one, same): (Name, Name) = (Some("shop".into()), Some("shop".into()));
        near.put([&one, &None], 1, 7);
        assert_eq!(near.get([&one.clone(), &None], 1), Some(7));
        assert_eq!([near.get([&same, &None], 1), near.get([&one, &one], 1), near.get([&one, &None], 2)], [None; 3]);
        near.clear();
        assert_eq!(near.get([&one, &None], 1), None);
    }

    #[test]
    fn names_that_are_known_lie_where_they_are_until_they_are_forgotten() {
        let mut near = Near::<1, (), usize>::default();
        for at in 0..MOST + 1 {
            let name: Name = Some(format!("{at}").into());
            near.put([&name], (), at);
            // What lay here lies here: another name cannot have its place.
            assert_eq!(Arc::strong_count(name.as_ref().unwrap()), 2);
        }
        assert_eq!((near.known.len(), near.held.len()), (1, 1));
    }
}
