//! Owns the choice of HTTP towards an upstream.

use std::str::FromStr;

use super::kinds::Spelled;

/// Which HTTP is spoken to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// What is agreed on during the handshake (RFC 7301); HTTP/2 where the server can.
    Auto,
    Http1,
    /// Over TLS by agreement, else with prior knowledge (RFC 9113 section 3.3).
    Http2,
}

impl Protocol {
    pub(crate) fn has_http1(self) -> bool {
        self != Self::Http2
    }

    pub(crate) fn has_http2(self) -> bool {
        self != Self::Http1
    }
}

/// No protocol there is.
#[derive(Debug, thiserror::Error)]
#[error("it is no HTTP that is spoken here")]
pub(crate) struct BadProtocol;

impl FromStr for Protocol {
    type Err = BadProtocol;

    fn from_str(text: &str) -> Result<Self, BadProtocol> {
        match text {
            "auto" => Ok(Self::Auto),
            "http/1.1" => Ok(Self::Http1),
            "h2" => Ok(Self::Http2),
            _ => Err(BadProtocol),
        }
    }
}

impl Spelled for Protocol {
    const SPELLING: &'static str = "\"auto\", \"http/1.1\" or \"h2\"";
}
