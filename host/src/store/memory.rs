//! Namespaces in this process's memory, shared by all workers and kept across reloads.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shard::Shard;
use super::usage::Usage;
use super::{Limits, MAX_KEY, MAX_VALUE, StoreError};

const SHARDS: usize = 16;
/// Expired entries dropped at most by one write that met a full namespace.
const RECLAIM: usize = 256;

/// All namespaces of the process. One per process, behind an `Arc`.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    namespaces: Mutex<HashMap<Box<str>, Arc<Data>>>,
}

impl Memory {
    /// The namespace of that name, made under `limits` if new. One that is there keeps its limits until
    /// [`Self::settle`].
    pub(crate) fn namespace(&self, name: &str, limits: Limits) -> Namespace {
        let mut namespaces = lock(&self.namespaces);
        let data = namespaces.entry(name.into()).or_insert_with(|| Arc::new(Data::new(limits)));
        Namespace { data: Arc::clone(data) }
    }

    /// From now on these namespaces are used, under these limits. The others go, with their data, once nobody holds
    /// them.
    pub(crate) fn settle(&self, used: &HashMap<String, Limits>) {
        lock(&self.namespaces).retain(|name, data| match used.get(&**name) {
            Some(limits) => {
                data.usage.set_limits(*limits);
                true
            }
            None => false,
        });
    }
}

/// A handle to one namespace; cheap to clone. One call is atomic, two calls are not.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    data: Arc<Data>,
}

impl Namespace {
    /// The value, or none when the key is absent or has expired. A counter is given as decimal digits.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_at(Instant::now(), key)
    }

    /// Write. Without `ttl` the value lives until it is deleted; a `ttl` of zero is over at once.
    pub(crate) fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.set_at(Instant::now(), key, value, ttl)
    }

    /// Remove; an absent key is no error.
    pub(crate) fn delete(&self, key: &str) -> Result<(), StoreError> {
        let mut shard = self.data.shard(key)?;
        shard.delete(&self.data.usage, key);
        Ok(())
    }

    /// Add to a counter and return the sum. An absent counter starts at 0 and takes `ttl`; an existing one keeps its
    /// end. A sum beyond 64 bits is [`StoreError::Limit`] and leaves the counter as it was.
    pub(crate) fn add(&self, key: &str, delta: i64, ttl: Option<Duration>) -> Result<i64, StoreError> {
        self.add_at(Instant::now(), key, delta, ttl)
    }

    pub(super) fn get_at(&self, now: Instant, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.data.shard(key)?.get(&self.data.usage, now, key);
        Ok(value.map(|value| value.to_vec()))
    }

    pub(super) fn set_at(
        &self,
        now: Instant,
        key: &str,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<(), StoreError> {
        if value.len() > MAX_VALUE {
            return Err(StoreError::Limit);
        }
        let value = Arc::from(value);
        let end = end(now, ttl);
        self.data.write(now, key, |shard, usage| shard.set(usage, now, key, &value, end))
    }

    pub(super) fn add_at(&self, now: Instant, key: &str, delta: i64, ttl: Option<Duration>) -> Result<i64, StoreError> {
        let end = end(now, ttl);
        self.data.write(now, key, |shard, usage| shard.add(usage, now, key, delta, end))
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> (usize, usize) {
        self.data.usage.used()
    }
}

#[derive(Debug)]
struct Data {
    /// Keyed at random: keys often come from clients, who must not be able to aim at one shard.
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    usage: Usage,
}

impl Data {
    fn new(limits: Limits) -> Self {
        Self { hasher: RandomState::new(), shards: Default::default(), usage: Usage::new(limits) }
    }

    fn shard(&self, key: &str) -> Result<MutexGuard<'_, Shard>, StoreError> {
        if key.len() > MAX_KEY {
            return Err(StoreError::Limit);
        }
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        Ok(lock(&self.shards[index]))
    }

    /// Try a write; when it meets a limit, make room from what has expired and try once more. The shard is unlocked in
    /// between, since room is looked for in all of them.
    fn write<T>(
        &self,
        now: Instant,
        key: &str,
        operation: impl Fn(&mut Shard, &Usage) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let first = operation(&mut *self.shard(key)?, &self.usage);
        if !matches!(first, Err(StoreError::Limit)) || self.reclaim(now) == 0 {
            return first;
        }
        operation(&mut *self.shard(key)?, &self.usage)
    }

    fn reclaim(&self, now: Instant) -> usize {
        self.shards.iter().fold(0, |dropped, shard| dropped + lock(shard).reclaim(&self.usage, now, RECLAIM - dropped))
    }
}

/// An end too far away to be represented is no end.
fn end(now: Instant, ttl: Option<Duration>) -> Option<Instant> {
    ttl.and_then(|ttl| now.checked_add(ttl))
}

/// No operation leaves data half changed at a point that can panic, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::shard::ENTRY_OVERHEAD;
    use super::*;

    const ROOMY: Limits = Limits { max_entries: 1_000, max_bytes: 1 << 20 };
    const SECOND: Duration = Duration::from_secs(1);

    fn namespace(limits: Limits) -> Namespace {
        Memory::default().namespace("n", limits)
    }

    #[test]
    fn a_value_is_gone_at_its_end_and_not_before() {
        let space = namespace(ROOMY);
        let now = Instant::now();
        space.set_at(now, "k", b"v", Some(SECOND)).unwrap();
        let just_before = now + SECOND - Duration::from_nanos(1);
        assert_eq!(space.get_at(just_before, "k"), Ok(Some(b"v".to_vec())));
        assert_eq!(space.get_at(now + SECOND, "k"), Ok(None));
        assert_eq!(space.used(), (0, 0));
    }

    #[test]
    fn a_life_without_end_is_what_an_unrepresentable_one_becomes() {
        let space = namespace(ROOMY);
        space.set("k", b"v", Some(Duration::MAX)).unwrap();
        assert_eq!(space.get("k"), Ok(Some(b"v".to_vec())));
    }

    #[test]
    fn keys_and_values_up_to_their_limits_are_taken_and_longer_ones_are_not() {
        let space = namespace(ROOMY);
        let (key, long) = ("k".repeat(MAX_KEY), "k".repeat(MAX_KEY + 1));
        let value = vec![0; MAX_VALUE + 1];
        assert_eq!(space.set(&key, &value[1..], None), Ok(()));
        assert_eq!(space.set(&key, &value, None), Err(StoreError::Limit));
        assert_eq!(space.get(&key), Ok(Some(value[1..].to_vec())));
        assert_eq!(space.set(&long, b"", None), Err(StoreError::Limit));
        assert_eq!(space.get(&long), Err(StoreError::Limit));
        assert_eq!(space.delete(&long), Err(StoreError::Limit));
        assert_eq!(space.add(&long, 1, None), Err(StoreError::Limit));
    }

    #[test]
    fn a_counter_keeps_the_end_it_was_born_with_and_reads_as_decimal() {
        let space = namespace(ROOMY);
        let now = Instant::now();
        assert_eq!(space.add_at(now, "c", -5, Some(SECOND)), Ok(-5));
        assert_eq!(space.add_at(now, "c", 47, Some(SECOND * 9)), Ok(42));
        assert_eq!(space.get_at(now, "c"), Ok(Some(b"42".to_vec())));
        assert_eq!(space.add_at(now + SECOND, "c", 1, None), Ok(1));
    }

    #[test]
    fn a_counter_that_would_overflow_stays_as_it_is() {
        let space = namespace(ROOMY);
        space.add("c", i64::MAX, None).unwrap();
        assert_eq!(space.add("c", 1, None), Err(StoreError::Limit));
        assert_eq!(space.add("c", 0, None), Ok(i64::MAX));
    }

    #[test]
    fn a_value_is_not_a_counter_even_when_it_looks_like_one() {
        let space = namespace(ROOMY);
        space.set("k", b"7", None).unwrap();
        assert_eq!(space.add("k", 1, None), Err(StoreError::NotACounter));
        assert_eq!(space.get("k"), Ok(Some(b"7".to_vec())));
    }

    #[test]
    fn a_full_namespace_refuses_growth_and_nothing_else() {
        let per_entry = ENTRY_OVERHEAD + 1 + 1;
        let full = |max_entries, max_bytes| {
            let space = namespace(Limits { max_entries, max_bytes });
            space.set("a", b"1", None).unwrap();
            space.set("b", b"1", None).unwrap();
            space
        };
        for space in [full(2, 1 << 20), full(9, 2 * per_entry)] {
            assert_eq!(space.set("c", b"1", None), Err(StoreError::Limit));
            assert_eq!(space.set("a", b"2", None), Ok(()));
            assert_eq!(space.delete("b"), Ok(()));
            assert_eq!(space.set("c", b"1", None), Ok(()));
            assert_eq!(space.used(), (2, 2 * per_entry));
        }
        let tight = full(9, 2 * per_entry);
        assert_eq!(tight.set("a", b"12", None), Err(StoreError::Limit));
        assert_eq!(tight.get("a"), Ok(Some(b"1".to_vec())));
    }

    #[test]
    fn a_full_namespace_takes_the_room_of_what_has_expired() {
        let space = namespace(Limits { max_entries: 100, ..ROOMY });
        let now = Instant::now();
        for n in 0..100 {
            space.set_at(now, &n.to_string(), b"", Some(SECOND)).unwrap();
        }
        assert_eq!(space.set_at(now, "new", b"", None), Err(StoreError::Limit));
        assert_eq!(space.set_at(now + SECOND, "new", b"", None), Ok(()));
        assert_eq!(space.used().0, 1);
    }

    #[test]
    fn one_write_reclaims_a_bounded_number_of_entries() {
        let max_entries = RECLAIM * 2;
        let space = namespace(Limits { max_entries, ..ROOMY });
        let now = Instant::now();
        for n in 0..max_entries {
            space.set_at(now, &n.to_string(), b"", Some(SECOND)).unwrap();
        }
        space.set_at(now + SECOND, "new", b"", None).unwrap();
        assert_eq!(space.used().0, max_entries - RECLAIM + 1);
    }

    #[test]
    fn limits_change_and_data_goes_only_when_that_is_settled() {
        let memory = Memory::default();
        let old = memory.namespace("a", ROOMY);
        old.set("k", b"v", None).unwrap();
        let tight = Limits { max_entries: 1, ..ROOMY };
        let new = memory.namespace("a", tight);
        assert_eq!(new.get("k"), Ok(Some(b"v".to_vec())));
        assert_eq!(old.set("l", b"v", None), Ok(()));
        old.delete("l").unwrap();
        memory.settle(&HashMap::from([("a".to_owned(), tight)]));
        assert_eq!(old.set("l", b"v", None), Err(StoreError::Limit));
        assert_eq!(memory.namespace("b", ROOMY).get("k"), Ok(None));
        memory.settle(&HashMap::new());
        assert_eq!(memory.namespace("a", ROOMY).get("k"), Ok(None));
    }

    #[test]
    fn no_addition_is_lost_between_threads() {
        let space = namespace(ROOMY);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| assert!(space.add("c", 1, None).is_ok())));
            }
        });
        assert_eq!(space.add("c", 0, None), Ok(4_000));
    }
}
