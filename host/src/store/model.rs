//! A property test: any sequence of operations gives what a plain map with one rule per operation gives.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::memory::Memory;
use super::shard::ENTRY_OVERHEAD;
use super::{Limits, StoreError};

const LIMITS: Limits = Limits { max_entries: 5, max_bytes: 5 * ENTRY_OVERHEAD + 24 };

#[derive(Debug, Clone)]
enum Step {
    Get(u8),
    Set(u8, Vec<u8>, Option<u64>),
    Add(u8, i64, Option<u64>),
    Delete(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..8u8;
    let ttl = prop::option::of(0..5u64);
    let delta = prop_oneof![-3..3i64, Just(i64::MAX), Just(i64::MIN)];
    let value = prop::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        key.clone().prop_map(Step::Get),
        (key.clone(), value, ttl.clone()).prop_map(|(k, v, t)| Step::Set(k, v, t)),
        (key.clone(), delta, ttl).prop_map(|(k, d, t)| Step::Add(k, d, t)),
        key.prop_map(Step::Delete),
        (0..4u64).prop_map(Step::Wait),
    ]
}

/// The naive store: everything expired is dropped before every step, limits are summed up anew.
#[derive(Default)]
struct Model {
    entries: BTreeMap<String, (Held, Option<u64>)>,
}

#[derive(Clone)]
enum Held {
    Bytes(Vec<u8>),
    Counter(i64),
}

impl Model {
    fn expire(&mut self, now: u64) {
        self.entries.retain(|_, (_, end)| end.is_none_or(|end| end > now));
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.entries.get(key).map(|(held, _)| match held {
            Held::Bytes(bytes) => bytes.clone(),
            Held::Counter(number) => number.to_string().into_bytes(),
        })
    }

    fn put(&mut self, key: &str, held: Held, end: Option<u64>) -> Result<(), StoreError> {
        let mut next = self.entries.clone();
        next.insert(key.to_owned(), (held, end));
        let sizes = next.iter().map(|(key, (held, _))| {
            let value = match held {
                Held::Bytes(bytes) => bytes.len(),
                Held::Counter(_) => 8,
            };
            ENTRY_OVERHEAD + key.len() + value
        });
        if next.len() > LIMITS.max_entries || sizes.sum::<usize>() > LIMITS.max_bytes {
            return Err(StoreError::Limit);
        }
        self.entries = next;
        Ok(())
    }

    fn add(&mut self, key: &str, delta: i64, end: Option<u64>) -> Result<i64, StoreError> {
        match self.entries.get_mut(key) {
            None => self.put(key, Held::Counter(delta), end).map(|()| delta),
            Some((Held::Bytes(_), _)) => Err(StoreError::NotACounter),
            Some((Held::Counter(number), _)) => {
                *number = number.checked_add(delta).ok_or(StoreError::Limit)?;
                Ok(*number)
            }
        }
    }
}

proptest! {
    #[test]
    fn the_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let start = Instant::now();
        let space = Memory::default().namespace("n", LIMITS);
        let mut model = Model::default();
        let mut seconds = 0;
        for step in steps {
            let now = start + Duration::from_secs(seconds);
            let key = |k: u8| format!("key{k}");
            let ttl = |t: Option<u64>| t.map(Duration::from_secs);
            let end = |t: Option<u64>| t.map(|t| seconds + t);
            model.expire(seconds);
            match step {
                Step::Get(k) => prop_assert_eq!(space.get_at(now, &key(k)), Ok(model.get(&key(k)))),
                Step::Set(k, v, t) => prop_assert_eq!(
                    space.set_at(now, &key(k), &v, ttl(t)),
                    model.put(&key(k), Held::Bytes(v), end(t))
                ),
                Step::Add(k, d, t) => prop_assert_eq!(
                    space.add_at(now, &key(k), d, ttl(t)),
                    model.add(&key(k), d, end(t))
                ),
                Step::Delete(k) => {
                    prop_assert_eq!(space.delete(&key(k)), Ok(()));
                    model.entries.remove(&key(k));
                }
                Step::Wait(s) => seconds += s,
            }
        }
    }
}
