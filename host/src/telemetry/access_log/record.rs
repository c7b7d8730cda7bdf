//! What is logged about one request, and the types that keep more from being logged.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, StatusCode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::telemetry::counted::Count;
use crate::telemetry::metrics::Label;
use crate::telemetry::rfc3339;
use crate::telemetry::{Outcome, RequestId};

/// One finished request, or what was turned away before it was one. Times are in microseconds, sizes in bytes of
/// content.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// When the head was read.
    pub time: SystemTime,
    pub id: RequestId,
    /// Of the trace it belongs to, if traces are propagated.
    pub trace: Option<u128>,
    /// None on a Unix socket.
    pub client: Option<TruncatedAddr>,
    /// None where no head was read.
    pub method: Option<LoggedMethod>,
    /// None when no route matched.
    pub api: Option<Arc<str>>,
    pub route: Option<Arc<str>>,
    /// The route's pattern as configured, e.g. `/pets/{id}`.
    pub pattern: Option<Arc<str>>,
    pub path: LoggedPath,
    /// None where no head was read: what was said to that, if anything, is not known here.
    pub status: Option<StatusCode>,
    /// The class of the error, or `ok`.
    pub class: &'static str,
    pub blame: Outcome,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub duration_us: u64,
    /// None when no upstream was asked.
    pub upstream_us: Option<u64>,
    pub policy_us: u64,
    /// What else it took until the head of the response was there.
    pub gateway_us: u64,
    /// What policies counted.
    pub counts: Vec<Count>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Record", 19)?;
        line.serialize_field("time", &rfc3339(self.time))?;
        line.serialize_field("id", &format_args!("{}", self.id))?;
        line.serialize_field("trace_id", &self.trace.map(|trace| format!("{trace:032x}")))?;
        line.serialize_field("client", &self.client.map(|client| client.to_string()))?;
        line.serialize_field("method", &self.method.as_ref().map(|method| method.0.as_str()))?;
        line.serialize_field("api", &self.api.as_deref())?;
        line.serialize_field("route", &self.route.as_deref())?;
        line.serialize_field("pattern", &self.pattern.as_deref())?;
        line.serialize_field("path", &Some(&*self.path.0).filter(|path| !path.is_empty()))?;
        line.serialize_field("status", &self.status.map(|status| status.as_u16()))?;
        line.serialize_field("class", self.class)?;
        let blame = (self.blame != Outcome::Ok).then(|| self.blame.name());
        line.serialize_field("blame", &blame)?;
        line.serialize_field("bytes_in", &self.bytes_in)?;
        line.serialize_field("bytes_out", &self.bytes_out)?;
        line.serialize_field("duration_us", &self.duration_us)?;
        line.serialize_field("upstream_us", &self.upstream_us)?;
        line.serialize_field("policy_us", &self.policy_us)?;
        line.serialize_field("gateway_us", &self.gateway_us)?;
        line.serialize_field("counts", &self.counts)?;
        line.end()
    }
}

/// A client's network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TruncatedAddr(IpAddr);

impl From<IpAddr> for TruncatedAddr {
    fn from(address: IpAddr) -> Self {
        // A mapped address must lose the bits of the IPv4 address it holds.
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Ipv4Addr::new(a, b, c, 0).into()
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
            }
        })
    }
}

impl fmt::Display for TruncatedAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { 24 } else { 48 };
        write!(f, "{}/{bits}", self.0)
    }
}

/// A method; one of more than 32 bytes, which nobody uses, is `-`: a full queue of records stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedMethod(Method);

impl LoggedMethod {
    const MAX: usize = 32;

    pub(crate) fn new(method: &Method) -> Self {
        let short = method.as_str().len() <= Self::MAX;
        Self(if short { method.clone() } else { Method::from_bytes(b"-").unwrap_or_default() })
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A path without query or fragment, cut after 1 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LoggedPath(Box<str>);

impl LoggedPath {
    const MAX: usize = 1024;

    /// From a path or a whole request target in origin form.
    pub(crate) fn new(target: &str) -> Self {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        Self(path[..path.floor_char_boundary(Self::MAX)].into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_what_names_a_person() {
        for (address, logged) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(TruncatedAddr::from(address).to_string(), logged);
        }
    }

    #[test]
    fn a_method_that_is_too_long_is_not_kept() {
        assert_eq!(LoggedMethod::new(&Method::PATCH).0, "PATCH");
        let long = Method::from_bytes("A".repeat(LoggedMethod::MAX + 1).as_bytes()).unwrap();
        assert_eq!(LoggedMethod::new(&long).0, "-");
    }

    #[test]
    fn paths_lose_query_and_fragment_and_end_at_a_character() {
        assert_eq!(&*LoggedPath::new("/a/b?token=1#f").0, "/a/b");
        assert_eq!(&*LoggedPath::new("/a#f?x").0, "/a");
        assert_eq!(&*LoggedPath::new("").0, "");
        let long = format!("{}é", "a".repeat(LoggedPath::MAX - 1));
        assert_eq!(&*LoggedPath::new(&long).0, &long[..LoggedPath::MAX - 1]);
    }
}
