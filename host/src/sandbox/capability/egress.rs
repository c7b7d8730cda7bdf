//! `egress`: requests to services the operator granted.

use super::super::fields;
use super::{HostState, wit};
use crate::egress::{Call, EgressError};

use wit::egress as api;

impl api::Host for HostState {
    async fn send(&mut self, egress: String, call: api::Call) -> wasmtime::Result<Result<api::Reply, api::Error>> {
        self.serving()?;
        let Some(service) = self.powers.egress.get(&egress).cloned() else { return Ok(Err(api::Error::Denied)) };
        let mut named = Vec::new();
        for entry in fields::entries(&call.fields) {
            let (name, value) = entry.map_err(wasmtime::Error::new)?;
            // What is no text is no name of a field.
            let Ok(name) = std::str::from_utf8(name) else { return Ok(Err(api::Error::Denied)) };
            named.push((name.to_owned(), value.to_vec().into()));
        }
        let call = Call { method: call.method, target: call.target, fields: named, body: call.body.into() };
        Ok(service.send(call).await.map_err(api::Error::from).map(|reply| {
            let mut packed = Vec::new();
            for (name, value) in &reply.fields {
                fields::push(&mut packed, name.as_str().as_bytes(), value.as_bytes());
            }
            api::Reply { status: reply.status.as_u16(), fields: packed, body: reply.body.into() }
        }))
    }
}

impl From<EgressError> for api::Error {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Denied(_) => Self::Denied,
            EgressError::Timeout => Self::Timeout,
            EgressError::Connect(_) => Self::Connect,
            EgressError::TooLarge => Self::TooLarge,
            EgressError::Protocol(_) => Self::Protocol,
            EgressError::Busy => Self::Busy,
        }
    }
}
