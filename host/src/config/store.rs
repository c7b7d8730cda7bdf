//! Owns key-value stores as the operator declares them.

use std::collections::BTreeMap;

use super::fault::{Faults, Place, quoted};
use super::kinds::{Integer, Size, Text};
use super::reader::Table;
use super::section::section;

/// A store policies may be granted by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Store {
    /// Shared under this name; without one, each API and policy has its own.
    pub namespace: Option<String>,
    pub max_entries: u32,
    /// Bytes of all keys and values, and of what an entry costs besides.
    pub max_bytes: u64,
    pub place: Place,
}

section! {
    /// A key-value store that policies may be granted with `store:NAME:read` or `store:NAME:write`. A granted store
    /// that is not declared has the defaults.
    pub(super) struct RawStore = "[store.NAME]" {
        /// Share the store between all policies that use this namespace; when absent, each API and policy has its own.
        optional namespace: Text,
        /// Most entries.
        default max_entries: Integer<1, 10_000_000> = 10_000,
        /// Most bytes: keys, values, and 128 B for each entry.
        default max_bytes: Size<1_024, 4_294_967_296> = 16 << 20,
    }
}

impl RawStore {
    pub(super) fn resolve(self) -> Store {
        Store { namespace: self.namespace, max_entries: self.max_entries, max_bytes: self.max_bytes, place: self.place }
    }
}

impl Store {
    /// The store that a grant at `place` means when nobody declared it.
    pub(super) fn with_defaults(place: Place) -> Self {
        RawStore::from_table(Table::absent(place), &mut Faults::new()).resolve()
    }
}

/// Stores of one namespace are the same data, and that has one limit: complain about those that say another than the
/// first.
pub(super) fn check_shared(stores: &BTreeMap<String, Store>, faults: &mut Faults) {
    for store in stores.values() {
        let Some(namespace) = &store.namespace else { continue };
        let limits = |store: &Store| (store.max_entries, store.max_bytes);
        let mut same = stores.iter().filter(|(_, other)| other.namespace.as_ref() == Some(namespace));
        if let Some((first, other)) = same.next()
            && limits(other) != limits(store)
        {
            faults.push(store.place.fault(
                format!("has other limits than `{first}`, with which it shares the namespace {}", quoted(namespace)),
                "give both the same `max_entries` and `max_bytes`, or one of them another namespace",
            ));
        }
    }
}
