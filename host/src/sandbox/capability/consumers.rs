//! `consumers`: whose key something is, from the directory the gateway keeps.

use super::super::fields;
use super::{HostState, wit};
use crate::consumers::{Asked, Beyond, Unidentified};

use wit::consumers as api;

/// Bytes of what is usually said of somebody.
const USUAL: usize = 256;

impl api::Host for HostState {
    fn identify(&mut self, key: Vec<u8>, asked: api::Asked) -> wasmtime::Result<Result<Vec<u8>, api::Error>> {
        self.serving()?;
        let Some(directory) = &self.powers.consumers else { return Ok(Err(api::Error::Denied)) };
        let api::Asked { api, operation, method, client } = &asked;
        let asked = Asked { api, operation, method, client };
        let identity = directory.identify(&key, asked, self.powers.world.unix_ms(), |identity| {
            let mut said = Vec::with_capacity(USUAL);
            for (name, value) in identity {
                fields::push(&mut said, name.as_bytes(), value.as_bytes());
            }
            said
        });
        Ok(identity.map_err(api::Error::from))
    }
}

impl From<Unidentified> for api::Error {
    fn from(why: Unidentified) -> Self {
        match why {
            Unidentified::Unavailable => Self::Unavailable,
            Unidentified::Malformed => Self::Malformed,
            Unidentified::Unknown => Self::Unknown,
            Unidentified::Revoked => Self::Revoked,
            Unidentified::Expired => Self::Expired,
            Unidentified::Disabled => Self::Disabled,
            Unidentified::Beyond(Beyond::Place) => Self::NotForOperation,
            Unidentified::Beyond(Beyond::Method) => Self::NotForMethod,
            Unidentified::Beyond(Beyond::Network) => Self::NotFromAddress,
        }
    }
}
