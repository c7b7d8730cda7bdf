//! What a worker says of a finished exchange: of one size, whatever the exchange was, so that saying it takes no memory.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU128};
use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};

use super::names::{NameId, OperationId};
use crate::telemetry::Outcome;
use crate::telemetry::trail::Calls;

/// What there is to say of every exchange that has finished, no longer than two lines of a cache: what is written and read
/// across cores costs by the line. Times are in microseconds, sizes in bytes of content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// When it was over. What time that was is asked of the clock when many are read.
    pub(crate) ended: Instant,
    /// What the gateway calls it; 0 where the client gave it a name, which is in the rest.
    pub(crate) number: u64,
    /// None where no route matched.
    pub(crate) operation: Option<OperationId>,
    pub(crate) consumer: Option<NameId>,
    pub(crate) application: Option<NameId>,
    pub(crate) generation: u32,
    pub(crate) method: Verb,
    /// None where no head was sent.
    pub(crate) status: Option<StatusCode>,
    pub(crate) class: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) total_us: u32,
    /// None where no upstream was asked; at least one.
    pub(crate) upstream_us: Option<NonZeroU32>,
    pub(crate) policy_us: u32,
    pub(crate) gateway_us: u32,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u8,
    /// As it asked; what is kept of it, policies say.
    pub(crate) client: Option<IpAddr>,
    /// Whether there is more to say. A teller sets it.
    pub(crate) has_rest: bool,
}

/// What there is to say of some besides.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// What the client called it.
    pub(crate) name: Option<Arc<str>>,
    /// No trace has the id 0.
    pub(crate) trace: Option<NonZeroU128>,
    /// What policies said.
    pub(crate) calls: Calls,
}

/// A method: those of the registry that are in use, the rest as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verb(u8);

impl Verb {
    const NAMES: [&'static str; 10] =
        ["-", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

    pub(crate) fn as_str(self) -> &'static str {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or("-")
    }
}

impl From<&Method> for Verb {
    fn from(method: &Method) -> Self {
        Self(match *method {
            Method::GET => 1,
            Method::HEAD => 2,
            Method::POST => 3,
            Method::PUT => 4,
            Method::PATCH => 5,
            Method::DELETE => 6,
            Method::OPTIONS => 7,
            Method::CONNECT => 8,
            Method::TRACE => 9,
            _ => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_no_longer_than_two_lines_of_a_cache() {
        assert!(size_of::<Entry>() <= 2 * 64 - 8, "{} bytes", size_of::<Entry>());
    }

    #[test]
    fn methods_nobody_registered_are_one() {
        for name in &Verb::NAMES[1..] {
            assert_eq!(Verb::from(&Method::from_bytes(name.as_bytes()).unwrap()).as_str(), *name);
        }
        assert_eq!(Verb::from(&Method::from_bytes(b"BREW").unwrap()).as_str(), "-");
    }
}
