//! What is known of one request, its body, and what can go wrong with it.

mod arrival;
pub(crate) mod authority;
mod body;
pub(crate) mod coding;
mod decoded;
mod fault;
pub(crate) mod forwarded;
pub(crate) mod hygiene;
pub(crate) mod path;
mod sole;
pub(crate) mod trace;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;

pub(crate) use arrival::{Arrival, Patience};
pub(crate) use body::{Body, BodyError, poll_cleaned};
pub(crate) use decoded::Decoded;
pub(crate) use fault::{Chain, Fault};
pub(crate) use sole::sole;

use crate::telemetry::RequestId;
use crate::telemetry::account::Account;
use crate::telemetry::counted::Counted;
use crate::telemetry::trail::Trail;
use crate::tls::ClientCertificate;
use authority::Host;
use path::Target;

/// Most attributes one exchange can hold.
const MAX_ATTRIBUTES: usize = 64;

/// Who asks, as far as the connection tells, and proxies whose word is taken.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// None on a Unix socket.
    pub(crate) client: Option<IpAddr>,
    /// Whether the client's connection is encrypted.
    pub(crate) https: bool,
    pub(crate) certificate: Option<Rc<ClientCertificate>>,
}

impl Peer {
    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

/// What is known about one request from before its first policy to after its last.
pub(crate) struct Exchange {
    pub(crate) id: RequestId,
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    pub(crate) host: Host,
    /// What the client asked for, normalised: what was routed.
    pub(crate) routed: Target,
    /// What policies and the upstream see: as routed, unless a policy set another.
    pub(crate) target: Target,
    /// Whether the client takes fields after a body.
    pub(crate) wants_trailers: bool,
    /// Whether the client hears of faults in the way of gRPC.
    pub(crate) grpc: bool,
    /// The protocol that is to follow, in small letters.
    pub(crate) upgrade: Option<Box<str>>,
    /// There where somebody wants to know what happens to it.
    pub(crate) account: Option<Rc<Account>>,
    /// There where it is kept what policies said.
    pub(crate) trail: Option<Rc<Trail>>,
    /// Where what policies count is written down, if it is.
    pub(crate) counted: Option<Arc<Counted>>,
    /// How often an upstream was asked.
    pub(crate) tries: Cell<u8>,
    attributes: Vec<(Box<[u8]>, Box<[u8]>)>,
}

impl Exchange {
    pub(crate) fn new(id: RequestId, peer: Peer, method: Method, host: Host, target: Target) -> Self {
        let routed = target.clone();
        let (wants_trailers, grpc, upgrade, account, trail, counted) = (false, false, None, None, None, None);
        let (tries, attributes) = (Cell::new(0), Vec::new());
        Self {
            id,
            peer,
            method,
            host,
            routed,
            target,
            wants_trailers,
            grpc,
            upgrade,
            account,
            trail,
            counted,
            tries,
            attributes,
        }
    }

    /// Write attributes; the newest value stays. All of them, or none and false where they would be too many.
    #[must_use]
    pub(crate) fn set_attributes<'a>(&mut self, new: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> bool {
        let names = new.clone().map(|(name, _)| name);
        let unknown = names.filter(|name| self.attributes.iter().all(|(known, _)| **known != **name));
        let room = MAX_ATTRIBUTES.saturating_sub(self.attributes.len());
        // A name that is new twice takes one place; that is looked at only where it matters.
        if unknown.clone().count() > room && unknown.collect::<BTreeSet<_>>().len() > room {
            return false;
        }
        for (name, value) in new {
            match self.attributes.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, old)) => *old = value.into(),
                None => self.attributes.push((name.into(), value.into())),
            }
        }
        true
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.attributes.iter().map(|(name, value)| (&**name, &**value))
    }
}
