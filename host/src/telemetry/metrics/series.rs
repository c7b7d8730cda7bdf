//! The live label sets of one kind, each with its cells: taken once by who counts, walked by who reads, dropped when no longer live.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Cells by key. The lock is taken when a handle is made and when all are read, never when something is counted.
#[derive(Debug)]
pub(super) struct Series<K, V> {
    cells: Mutex<BTreeMap<K, Arc<V>>>,
}

impl<K, V> Default for Series<K, V> {
    fn default() -> Self {
        Self { cells: Mutex::default() }
    }
}

impl<K: Ord + Clone, V: Default> Series<K, V> {
    pub(super) fn cell(&self, key: K) -> Arc<V> {
        Arc::clone(self.lock().entry(key).or_default())
    }

    pub(super) fn retain(&self, live: impl Fn(&K) -> bool) {
        self.lock().retain(|key, _| live(key));
    }

    /// All cells in order of their keys, so that rendering holds no lock.
    pub(super) fn all(&self) -> Vec<(K, Arc<V>)> {
        let cells = self.lock();
        cells.iter().map(|(key, cell)| (key.clone(), Arc::clone(cell))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Arc<V>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
