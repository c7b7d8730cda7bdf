//! A store in memory whose values expire by the clock double.

use super::clock;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 64 * 1024;

thread_local! {
    static VALUES: RefCell<BTreeMap<(String, String), Entry>> = const { RefCell::new(BTreeMap::new()) };
    static FAILURE: Cell<Option<Error>> = const { Cell::new(None) };
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not granted for this use.
    Denied,
    /// Key or value too long, sum too large, or the namespace full.
    Limit,
    /// The counter's key holds something that is not a counter.
    NotACounter,
    /// The backend did not answer; a `dependency` failure.
    Unavailable,
}

#[derive(Clone)]
struct Entry {
    value: Value,
    ends_ms: Option<u64>,
}

#[derive(Clone)]
enum Value {
    Bytes(Vec<u8>),
    Counter(i64),
}

/// Let every further call fail with this error, or none.
pub fn fail_with(error: Option<Error>) {
    FAILURE.set(error);
}

/// The keys a store holds at present, in order.
pub fn keys(store: &str) -> Vec<String> {
    VALUES.with_borrow(|values| {
        let live = values.iter().filter(|((name, _), entry)| name == store && entry.is_live());
        live.map(|((_, key), _)| key.clone()).collect()
    })
}

pub(crate) fn get(store: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let id = admit(store, key)?;
    Ok(live(&id).map(|entry| match entry.value {
        Value::Bytes(bytes) => bytes,
        Value::Counter(sum) => sum.to_string().into_bytes(),
    }))
}

pub(crate) fn set(store: &str, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Error> {
    let id = admit(store, key)?;
    if value.len() > MAX_VALUE {
        return Err(Error::Limit);
    }
    put(id, Value::Bytes(value.to_vec()), ends_after(ttl_ms));
    Ok(())
}

pub(crate) fn delete(store: &str, key: &str) -> Result<(), Error> {
    let id = admit(store, key)?;
    VALUES.with_borrow_mut(|values| values.remove(&id));
    Ok(())
}

pub(crate) fn add(store: &str, key: &str, delta: i64, ttl_ms: Option<u64>) -> Result<i64, Error> {
    let id = admit(store, key)?;
    let (sum, ends_ms) = match live(&id) {
        None => (0, ends_after(ttl_ms)),
        Some(Entry { value: Value::Counter(sum), ends_ms }) => (sum, ends_ms),
        Some(_) => return Err(Error::NotACounter),
    };
    let sum = sum.checked_add(delta).ok_or(Error::Limit)?;
    put(id, Value::Counter(sum), ends_ms);
    Ok(sum)
}

pub(super) fn reset() {
    VALUES.with_borrow_mut(BTreeMap::clear);
    FAILURE.set(None);
}

impl Entry {
    fn is_live(&self) -> bool {
        self.ends_ms.is_none_or(|end| clock::now() < end)
    }
}

fn admit(store: &str, key: &str) -> Result<(String, String), Error> {
    super::refuse_while_configuring("store");
    match FAILURE.get() {
        Some(error) => Err(error),
        None if key.len() > MAX_KEY => Err(Error::Limit),
        None => Ok((store.to_owned(), key.to_owned())),
    }
}

fn live(id: &(String, String)) -> Option<Entry> {
    VALUES.with_borrow(|values| values.get(id).filter(|entry| entry.is_live()).cloned())
}

fn put(id: (String, String), value: Value, ends_ms: Option<u64>) {
    VALUES.with_borrow_mut(|values| values.insert(id, Entry { value, ends_ms }));
}

fn ends_after(ttl_ms: Option<u64>) -> Option<u64> {
    ttl_ms.map(|ttl| clock::now().saturating_add(ttl.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn a_value_lives_as_long_as_its_ttl() {
        store::set("s", "k", b"v", Some(10)).unwrap();
        clock::advance(9);
        assert_eq!(store::get("s", "k"), Ok(Some(b"v".to_vec())));
        assert_eq!(keys("s"), ["k"]);
        clock::advance(1);
        assert_eq!(store::get("s", "k"), Ok(None));
        assert!(keys("s").is_empty());
    }

    #[test]
    fn a_counter_keeps_its_first_end_and_is_read_as_digits() {
        assert_eq!(store::add("s", "k", 2, Some(10)), Ok(2));
        clock::advance(9);
        assert_eq!(store::add("s", "k", 3, Some(10)), Ok(5));
        assert_eq!(store::get("s", "k"), Ok(Some(b"5".to_vec())));
        clock::advance(1);
        assert_eq!(store::add("s", "k", 1, None), Ok(1));
    }

    #[test]
    fn stores_are_apart_and_deleted_keys_are_gone() {
        store::set("a", "k", b"1", None).unwrap();
        assert_eq!(store::get("b", "k"), Ok(None));
        store::delete("a", "k").unwrap();
        store::delete("a", "k").unwrap();
        assert_eq!(store::get("a", "k"), Ok(None));
    }

    #[test]
    fn misuse_and_outage_are_errors() {
        store::set("s", "k", b"v", None).unwrap();
        assert_eq!(store::add("s", "k", 1, None), Err(Error::NotACounter));
        assert_eq!(store::get("s", &"k".repeat(257)), Err(Error::Limit));
        assert_eq!(store::set("s", "k", &vec![0; MAX_VALUE + 1], None), Err(Error::Limit));
        assert_eq!(store::add("s", "sum", i64::MAX, None), Ok(i64::MAX));
        assert_eq!(store::add("s", "sum", 1, None), Err(Error::Limit));
        assert_eq!(store::add("s", "sum", 0, None), Ok(i64::MAX));
        fail_with(Some(Error::Unavailable));
        assert_eq!(store::get("s", "k"), Err(Error::Unavailable));
    }
}
