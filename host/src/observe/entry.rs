//! What a worker says of a finished exchange: of one size, whatever the exchange was, so that saying it takes no memory.

use std::net::IpAddr;
use std::num::NonZeroU128;
use std::time::Instant;

use http::{Method, StatusCode};

use super::names::{NameId, OperationId};
use crate::telemetry::trail::Calls;
use crate::telemetry::{Outcome, RequestId};

/// One finished exchange. Times are in microseconds, sizes in bytes of content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// When it was over. What time that was is asked of the clock when many are read.
    pub(crate) ended: Instant,
    pub(crate) id: Id,
    /// No trace has the id 0.
    pub(crate) trace: Option<NonZeroU128>,
    /// None where no route matched.
    pub(crate) operation: Option<OperationId>,
    pub(crate) consumer: Option<NameId>,
    pub(crate) application: Option<NameId>,
    pub(crate) generation: u64,
    pub(crate) method: Verb,
    /// None where no head was sent.
    pub(crate) status: Option<StatusCode>,
    pub(crate) class: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) total_us: u32,
    /// None where no upstream was asked.
    pub(crate) upstream_us: Option<u32>,
    pub(crate) policy_us: u32,
    pub(crate) gateway_us: u32,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u8,
    /// As it asked; what is kept of it, policies say.
    pub(crate) client: Option<IpAddr>,
    /// What policies said.
    pub(crate) calls: Calls,
}

/// The id of an exchange. What clients call theirs may be longer than what fits; of that the beginning is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    Number(u64),
    Given { length: u8, text: [u8; Id::MOST] },
}

impl Id {
    /// The length of a UUID.
    const MOST: usize = 36;
}

impl From<&RequestId> for Id {
    fn from(id: &RequestId) -> Self {
        match id {
            RequestId::Number(number) => Self::Number(*number),
            RequestId::Given(given) => {
                let mut text = [0; Self::MOST];
                // Ids have letters of one byte only.
                let length = text.iter_mut().zip(given.bytes()).map(|(to, from)| *to = from).count();
                Self::Given { length: length as u8, text }
            }
        }
    }
}

impl From<Id> for RequestId {
    fn from(id: Id) -> Self {
        match id {
            Id::Number(number) => Self::Number(number),
            Id::Given { length, text } => {
                let text = text.get(..usize::from(length)).unwrap_or_default();
                Self::Given(str::from_utf8(text).unwrap_or_default().into())
            }
        }
    }
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
    fn an_entry_is_small_enough_to_be_copied() {
        assert!(size_of::<Entry>() <= 320, "{} bytes", size_of::<Entry>());
    }

    #[test]
    fn an_id_comes_back_as_the_exchange_calls_itself() {
        for id in [RequestId::Number(0xa1), RequestId::Given("f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into())] {
            assert_eq!(RequestId::from(Id::from(&id)), id);
        }
        let long = RequestId::Given("a".repeat(64).into());
        assert_eq!(RequestId::from(Id::from(&long)).to_string(), "a".repeat(Id::MOST));
    }

    #[test]
    fn methods_nobody_registered_are_one() {
        for name in &Verb::NAMES[1..] {
            assert_eq!(Verb::from(&Method::from_bytes(name.as_bytes()).unwrap()).as_str(), *name);
        }
        assert_eq!(Verb::from(&Method::from_bytes(b"BREW").unwrap()).as_str(), "-");
    }
}
