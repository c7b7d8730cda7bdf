//! The facts of one request, its body, and what can go wrong with it.

pub(crate) mod authority;
mod body;
mod fault;
pub(crate) mod hygiene;
pub(crate) mod path;

use std::net::IpAddr;

use http::Method;

pub(crate) use body::{Body, BodyError};
pub(crate) use fault::{Blame, Chain, Fault};

use authority::Host;
use path::Target;

/// Most attributes one exchange can hold.
const MAX_ATTRIBUTES: usize = 64;

/// What is known about one request from before its first policy to after its last.
pub(crate) struct Exchange {
    pub(crate) id: u64,
    pub(crate) client: IpAddr,
    pub(crate) method: Method,
    pub(crate) host: Host,
    /// What the client asked for, normalised: what was routed.
    pub(crate) routed: Target,
    /// What policies and the upstream see: as routed, unless a policy set another.
    pub(crate) target: Target,
    attributes: Vec<(Box<[u8]>, Box<[u8]>)>,
}

impl Exchange {
    pub(crate) fn new(id: u64, client: IpAddr, method: Method, host: Host, target: Target) -> Self {
        Self { id, client, method, host, routed: target.clone(), target, attributes: Vec::new() }
    }

    /// Write an attribute; the newest value stays. False when there are too many.
    #[must_use]
    pub(crate) fn set_attribute(&mut self, name: &[u8], value: &[u8]) -> bool {
        if let Some((_, old)) = self.attributes.iter_mut().find(|(known, _)| **known == *name) {
            *old = value.into();
            return true;
        }
        if self.attributes.len() >= MAX_ATTRIBUTES {
            return false;
        }
        self.attributes.push((name.into(), value.into()));
        true
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.attributes.iter().map(|(name, value)| (&**name, &**value))
    }
}
