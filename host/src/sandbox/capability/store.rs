//! `store`: key-value namespaces the operator granted.

use std::time::Duration;

use super::{HostState, wit};
use crate::store::{Namespace, StoreError};

use wit::store::Error;

impl wit::store::Host for HostState {
    fn get(&mut self, store: String, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        Ok(self.readable(&store)?.and_then(|space| space.get(&key).map_err(Into::into)))
    }

    fn set(
        &mut self,
        store: String,
        key: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let ttl = ttl_ms.map(life);
        Ok(self.writable(&store)?.and_then(|space| space.set(&key, &value, ttl).map_err(Into::into)))
    }

    fn delete(&mut self, store: String, key: String) -> wasmtime::Result<Result<(), Error>> {
        Ok(self.writable(&store)?.and_then(|space| space.delete(&key).map_err(Into::into)))
    }

    fn add(
        &mut self,
        store: String,
        key: String,
        delta: i64,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<i64, Error>> {
        let ttl = ttl_ms.map(life);
        Ok(self.writable(&store)?.and_then(|space| space.add(&key, delta, ttl).map_err(Into::into)))
    }
}

impl HostState {
    fn readable(&mut self, store: &str) -> wasmtime::Result<Result<&Namespace, Error>> {
        self.serving()?;
        Ok(self.powers.stores.get(store).map(|(space, _)| space).ok_or(Error::Denied))
    }

    fn writable(&mut self, store: &str) -> wasmtime::Result<Result<&Namespace, Error>> {
        self.serving()?;
        Ok(self.powers.stores.get(store).filter(|(_, write)| *write).map(|(space, _)| space).ok_or(Error::Denied))
    }
}

fn life(ttl_ms: u64) -> Duration {
    Duration::from_millis(ttl_ms.max(1))
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Limit => Self::Limit,
            StoreError::NotACounter => Self::NotACounter,
        }
    }
}
