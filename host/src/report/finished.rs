//! One finished request, as the room is told of it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::telemetry::access_log::TruncatedAddr;
use crate::telemetry::metrics::{CallOutcome, Hook};
use crate::telemetry::{Outcome, RequestId};

/// What is not known, or was never reached, is none. Nothing in it says more of a person than may be kept.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    /// When it was over.
    pub(crate) time: SystemTime,
    pub(crate) request: RequestId,
    pub(crate) trace: Option<u128>,
    pub(crate) api: Option<Arc<str>>,
    pub(crate) version: Option<Arc<str>>,
    /// The name of its route.
    pub(crate) operation: Option<Arc<str>>,
    pub(crate) consumer: Option<Arc<str>>,
    pub(crate) application: Option<Arc<str>>,
    pub(crate) method: &'static str,
    /// The pattern of the route, never the path itself.
    pub(crate) path: Option<Arc<str>>,
    /// None where no head was read or sent.
    pub(crate) status: Option<u16>,
    /// Of the error, or `ok`.
    pub(crate) class: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) total_us: u64,
    /// None where no upstream was asked.
    pub(crate) upstream_us: Option<u64>,
    pub(crate) policy_us: u64,
    pub(crate) gateway_us: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u32,
    pub(crate) generation: u64,
    /// Who asked, as far as that may be kept.
    pub(crate) client: Option<Client>,
    /// What policies said, in order.
    pub(crate) calls: Vec<Called>,
    /// How many calls there were besides.
    pub(crate) calls_left_out: usize,
}

/// Calls of a hook in one request: one, or those for all pieces of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) policy: Arc<str>,
    pub(crate) hook: Hook,
    pub(crate) outcome: CallOutcome,
    pub(crate) took_us: u64,
}

/// The network a request came from, or what an observer calls its client; never a whole address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client(Shown);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Network(TruncatedAddr),
    Name(Arc<str>),
}

impl Client {
    /// What is called so; what is an address, or a network, is that of the network.
    pub(crate) fn named(name: Arc<str>) -> Self {
        let address = name.split('/').next().unwrap_or_default().parse::<IpAddr>();
        Self(address.map_or_else(|_| Shown::Name(name), |address| Shown::Network(address.into())))
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(Shown::Network(address.into()))
    }
}

impl fmt::Display for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shown::Network(network) => network.fmt(out),
            Shown::Name(name) => out.write_str(name),
        }
    }
}

impl Finished {
    pub(crate) fn is_error(&self) -> bool {
        is_error(self.status, self.outcome == Outcome::Ok)
    }
}

/// An error is what ended badly, had no answer, or an answer of 400 and above: whoever is to blame.
pub(super) fn is_error(status: Option<u16>, is_ok: bool) -> bool {
    !is_ok || status.is_none_or(|status| status >= 400)
}
