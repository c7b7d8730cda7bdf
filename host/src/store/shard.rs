//! One part of a namespace's data, used under its lock: entries by key, and the keys that expire in order of their end.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::StoreError;
use super::usage::Usage;

/// Estimate of what an entry costs beside its key and value: both index nodes, reference counts, allocator rounding.
pub(super) const ENTRY_OVERHEAD: usize = 128;
const COUNTER_BYTES: usize = size_of::<i64>();

#[derive(Debug, Default)]
pub(super) struct Shard {
    entries: HashMap<Arc<str>, Entry>,
    /// Holds exactly the entries with an end, so reclaiming never walks over live ones.
    ends: BTreeSet<(Instant, Arc<str>)>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    end: Option<Instant>,
}

/// What a key holds. Shared bytes let a reader copy them after the lock is gone.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Bytes(Arc<[u8]>),
    Counter(i64),
}

impl Value {
    /// Counters read as decimal digits.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Counter(number) => number.to_string().into_bytes(),
        }
    }

    fn cost(&self, key: &str) -> usize {
        let value = match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Counter(_) => COUNTER_BYTES,
        };
        ENTRY_OVERHEAD + key.len() + value
    }
}

impl Shard {
    pub(super) fn get(&mut self, usage: &Usage, now: Instant, key: &str) -> Option<Value> {
        self.forget_expired(usage, now, key);
        self.entries.get(key).map(|entry| entry.value.clone())
    }

    pub(super) fn set(
        &mut self,
        usage: &Usage,
        now: Instant,
        key: &str,
        value: &Arc<[u8]>,
        end: Option<Instant>,
    ) -> Result<(), StoreError> {
        self.forget_expired(usage, now, key);
        self.put(usage, key, Value::Bytes(Arc::clone(value)), end)
    }

    pub(super) fn add(
        &mut self,
        usage: &Usage,
        now: Instant,
        key: &str,
        delta: i64,
        end: Option<Instant>,
    ) -> Result<i64, StoreError> {
        self.forget_expired(usage, now, key);
        if let Some(entry) = self.entries.get_mut(key) {
            let Value::Counter(number) = &mut entry.value else {
                return Err(StoreError::NotACounter);
            };
            *number = number.checked_add(delta).ok_or(StoreError::Limit)?;
            return Ok(*number);
        }
        self.put(usage, key, Value::Counter(delta), end)?;
        Ok(delta)
    }

    pub(super) fn delete(&mut self, usage: &Usage, key: &str) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            usage.give_entry(entry.value.cost(&key));
            if let Some(end) = entry.end {
                self.ends.remove(&(end, key));
            }
        }
    }

    /// Drop at most `budget` expired entries; the number dropped.
    pub(super) fn reclaim(&mut self, usage: &Usage, now: Instant, budget: usize) -> usize {
        for dropped in 0..budget {
            let Some((end, key)) = self.ends.first().cloned() else {
                return dropped;
            };
            if end > now {
                return dropped;
            }
            self.delete(usage, &key);
        }
        budget
    }

    fn put(&mut self, usage: &Usage, key: &str, value: Value, end: Option<Instant>) -> Result<(), StoreError> {
        let cost = value.cost(key);
        let key = match self.entries.get_key_value(key) {
            Some((key, old)) => {
                if !usage.resize(old.value.cost(key), cost) {
                    return Err(StoreError::Limit);
                }
                let key = Arc::clone(key);
                if let Some(end) = old.end {
                    self.ends.remove(&(end, Arc::clone(&key)));
                }
                key
            }
            None => {
                if !usage.take_entry(cost) {
                    return Err(StoreError::Limit);
                }
                Arc::from(key)
            }
        };
        if let Some(end) = end {
            self.ends.insert((end, Arc::clone(&key)));
        }
        self.entries.insert(key, Entry { value, end });
        Ok(())
    }

    fn forget_expired(&mut self, usage: &Usage, now: Instant, key: &str) {
        let expired = |entry: &Entry| entry.end.is_some_and(|end| end <= now);
        if self.entries.get(key).is_some_and(expired) {
            self.delete(usage, key);
        }
    }
}
