//! One finished request, as the room is told of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
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
    /// None where no route matched.
    pub(crate) operation: Option<Arc<Operation>>,
    pub(crate) consumer: Option<Arc<str>>,
    pub(crate) application: Option<Arc<str>>,
    pub(crate) method: &'static str,
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

/// What an operation is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) api: Arc<str>,
    pub(crate) version: Arc<str>,
    /// Of its route.
    pub(crate) name: Arc<str>,
    /// Of the route, never the path of a request.
    pub(crate) pattern: Arc<str>,
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
    /// What is called so; what is an address, however it is written, or a network that is not as wide, is that of the network.
    pub(crate) fn named(name: Arc<str>) -> Self {
        let address = address(&name).filter(|_| !is_wide(&name));
        Self(address.map_or_else(|| Shown::Name(name), |address| Shown::Network(address.into())))
    }
}

/// The address in a text, with or without a port, brackets, a zone or bits of a network.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.split(['/', '%']).next().unwrap_or_default().trim_matches(['[', ']']);
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

/// Whether it is a network of no more bits than are kept.
fn is_wide(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    match (address.parse(), bits.parse::<u32>()) {
        (Ok(IpAddr::V4(four)), Ok(bits @ 0..=24)) => four.to_bits() << bits == 0,
        (Ok(IpAddr::V6(six)), Ok(bits @ 0..=48)) => six.to_bits() << bits == 0,
        _ => false,
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
    pub(crate) fn api(&self) -> Option<&Arc<str>> {
        self.operation.as_ref().map(|operation| &operation.api)
    }

    pub(crate) fn version(&self) -> Option<&Arc<str>> {
        self.operation.as_ref().map(|operation| &operation.version)
    }

    /// The name of its route.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.operation.as_ref().map(|operation| &operation.name)
    }

    /// The pattern of its route.
    pub(crate) fn pattern(&self) -> Option<&Arc<str>> {
        self.operation.as_ref().map(|operation| &operation.pattern)
    }

    pub(crate) fn is_error(&self) -> bool {
        is_error(self.status, self.outcome == Outcome::Ok)
    }
}

/// An error is what ended badly, had no answer, or an answer of 400 and above: whoever is to blame.
pub(super) fn is_error(status: Option<u16>, is_ok: bool) -> bool {
    !is_ok || status.is_none_or(|status| status >= 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_none_however_it_is_written() {
        for (said, kept) in [
            ("192.0.2.7", "192.0.2.0/24"),
            (" 192.0.2.7 ", "192.0.2.0/24"),
            ("192.0.2.7:443", "192.0.2.0/24"),
            ("192.0.2.7/32", "192.0.2.0/24"),
            ("192.0.2.7/16", "192.0.2.0/24"),
            ("2001:db8:7::1", "2001:db8:7::/48"),
            ("[2001:db8:7::1]", "2001:db8:7::/48"),
            ("[2001:db8:7::1]:443", "2001:db8:7::/48"),
            ("2001:db8:7::1%eth0", "2001:db8:7::/48"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("192.0.0.0/16", "192.0.0.0/16"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("49ab24aa00112233", "49ab24aa00112233"),
        ] {
            assert_eq!(Client::named(said.into()).to_string(), kept, "{said}");
        }
    }
}
