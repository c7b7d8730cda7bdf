//! Why a call came to nothing, and whose fault that is.

use std::io;

use rustls::pki_types::InvalidDnsNameError;

use super::Reply;
use crate::config::Refusal;
use crate::exchange::path::PathError;
use crate::telemetry::Blame;
use crate::telemetry::metrics::EgressOutcome;

/// Why a call came to nothing. Nothing in it shows what was asked for, or with what credentials.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EgressError {
    /// Nothing was sent.
    #[error("the call is not within what was granted")]
    Denied(#[from] Denial),
    #[error("the call took too long")]
    Timeout,
    #[error("no connection could be made")]
    Connect(#[from] ConnectError),
    #[error("the answer is longer than it may be")]
    TooLarge,
    #[error("the answer is none")]
    Protocol(#[from] ProtocolError),
    #[error("there are as many calls as there may be")]
    Busy,
}

/// Why nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error("the method is not granted")]
    Method,
    #[error("the path could mean a host")]
    Authority,
    #[error(transparent)]
    Target(#[from] PathError),
    #[error("the path is not granted")]
    Path,
    #[error("a header field is malformed")]
    Field,
    #[error("a header field is not the caller's to say")]
    Owned,
    #[error("there are more header fields than there may be")]
    Fields,
    #[error("the body is longer than it may be")]
    Body,
    /// Of all addresses there are, this is what is wrong with the last.
    #[error("the service has no address that may be connected to: one {0}")]
    Address(Refusal),
    #[error("the service has no address that may be connected to: one is outside `private_ips`, or of no host")]
    Zone,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("nobody answers")]
    Io(#[from] io::Error),
    #[error("it took too long")]
    Timeout,
    #[error("the service cannot be asked for by its name")]
    Name(#[from] InvalidDnsNameError),
    #[error("no TLS with the service")]
    Tls(#[source] io::Error),
    #[error("HTTP could not be begun")]
    Http(#[source] hyper::Error),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtocolError {
    #[error("it is no HTTP, or broke off")]
    Http(#[from] hyper::Error),
    #[error("it could be read in two ways")]
    Framing,
    #[error("it has a status that answers nothing")]
    Status,
    #[error("it is in a coding that was not asked for")]
    Coding,
    #[error("its body is not in the coding it says")]
    Encoded(#[source] io::Error),
}

impl From<hyper::Error> for EgressError {
    fn from(error: hyper::Error) -> Self {
        Self::Protocol(error.into())
    }
}

impl EgressError {
    /// A stable word for logs and metrics.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Denied(_) => "egress_denied",
            Self::Timeout => "egress_timeout",
            Self::Connect(_) => "egress_connect",
            Self::TooLarge => "egress_too_large",
            Self::Protocol(_) => "egress_protocol",
            Self::Busy => "egress_busy",
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            // Where its name leads is not the caller's doing.
            Self::Denied(Denial::Address(_) | Denial::Zone) => Blame::Upstream,
            Self::Denied(_) => Blame::Plugin,
            Self::Timeout | Self::Connect(_) | Self::TooLarge | Self::Protocol(_) => Blame::Upstream,
            Self::Busy => Blame::Gateway,
        }
    }
}

/// What a call is counted as.
pub(super) fn outcome(sent: &Result<Reply, EgressError>) -> EgressOutcome {
    match sent {
        Ok(_) => EgressOutcome::Answered,
        Err(EgressError::Denied(_)) => EgressOutcome::Denied,
        Err(EgressError::Timeout) => EgressOutcome::Timeout,
        Err(EgressError::Connect(_)) => EgressOutcome::Connect,
        Err(EgressError::TooLarge) => EgressOutcome::TooLarge,
        Err(EgressError::Protocol(_)) => EgressOutcome::Protocol,
        Err(EgressError::Busy) => EgressOutcome::Busy,
    }
}
