//! Finding again what was found by names, by where these lie in memory: nearly all requests of a while have the same few.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashMap;

/// What is known at most; then it is found by names again.
const MOST: usize = 20_000;

/// What was found for names, whose [addresses](address) are in the key.
#[derive(Debug)]
pub(crate) struct Near<K, H, V> {
    known: FxHashMap<K, V>,
    /// What is kept in memory meanwhile, so that nothing else comes to lie there.
    held: Vec<H>,
}

impl<K: Hash + Eq, H, V: Copy> Near<K, H, V> {
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.known.get(key).copied()
    }

    /// `held` is all that the key has an address of.
    pub(crate) fn put(&mut self, key: K, held: H, found: V) {
        if self.known.len() >= MOST {
            self.clear();
        }
        self.known.insert(key, found);
        self.held.push(held);
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.held.clear();
    }
}

impl<K, H, V> Default for Near<K, H, V> {
    fn default() -> Self {
        Self { known: FxHashMap::default(), held: Vec::new() }
    }
}

/// Where it lies; 0 where there is none.
pub(crate) fn address<T: ?Sized>(it: Option<&Arc<T>>) -> usize {
    it.map_or(0, |it| Arc::as_ptr(it).addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Name = Option<Arc<str>>;

    fn key(one: &Name, other: &Name, with: u8) -> ([usize; 2], u8) {
        ([one, other].map(|name| address(name.as_ref())), with)
    }

    #[test]
    fn what_was_found_is_found_where_its_names_lie_and_nowhere_else() {
        let mut near = Near::default();
        let (one, same): (Name, Name) = (Some("shop".into()), Some("shop".into()));
        near.put(key(&one, &None, 1), one.clone(), 7);
        assert_eq!(near.get(&key(&one.clone(), &None, 1)), Some(7));
        let others = [key(&same, &None, 1), key(&one, &one, 1), key(&one, &None, 2)];
        assert_eq!(others.map(|key| near.get(&key)), [None; 3]);
        near.clear();
        assert_eq!(near.get(&key(&one, &None, 1)), None);
    }

    #[test]
    fn names_that_are_known_lie_where_they_are_until_they_are_forgotten() {
        let mut near = Near::default();
        for at in 0..MOST + 1 {
            let name: Name = Some(format!("{at}").into());
            near.put(address(name.as_ref()), name.clone(), at);
            // What lay here lies here: another name cannot have its place.
            assert_eq!(Arc::strong_count(name.as_ref().unwrap()), 2);
        }
        assert_eq!((near.known.len(), near.held.len()), (1, 1));
    }
}
