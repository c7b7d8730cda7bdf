//! Owns who is believed about clients, and what upstreams are told about them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderValue, Version};

use super::kinds::{List, Spelled, Spelling};
use super::network::Network;
use super::section::section;

/// What proxies in front are believed, and what upstreams are told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forwarding {
    trusted: Vec<Trusted>,
    pub read: ForwardingField,
    send: Vec<Said>,
    /// What the gateway calls itself in `Forwarded`.
    pub by: Option<String>,
    via: Via,
}

/// Where proxies say which way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardingField {
    /// X-Forwarded-For and X-Forwarded-Proto.
    XForwarded,
    /// Forwarded (RFC 7239).
    Forwarded,
}

/// What a message can say about its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host.
    XForwarded,
    /// Forwarded (RFC 7239).
    Forwarded,
    /// Via (RFC 9110 section 7.6.3), in both directions.
    Via,
}

impl Forwarding {
    /// Whether anybody's word is taken at all.
    pub(crate) fn trusts_anyone(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// Whether the word of a peer is taken; one without an address is on a Unix socket.
    pub(crate) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        self.trusted.iter().any(|trusted| match (trusted, peer) {
            (Trusted::Network(network), Some(ip)) => network.contains(ip),
            (Trusted::Unix, None) => true,
            _ => false,
        })
    }

    pub(crate) fn says(&self, said: Said) -> bool {
        self.send.contains(&said)
    }

    /// The value of Via for a message that came in this version of HTTP; none where none is sent.
    pub(crate) fn via(&self, version: Version) -> Option<&HeaderValue> {
        self.says(Said::Via).then_some(match version {
            Version::HTTP_2 => &self.via.http2,
            Version::HTTP_10 => &self.via.http10,
            _ => &self.via.http11,
        })
    }
}

section! {
    /// Proxies in front of the gateway, and what upstreams are told about the way a request came.
    pub(super) struct RawForwarding = "[forwarding]" {
        /// Peers whose word about clients is taken: addresses, networks, and `unix` for those on Unix sockets. The
        /// client is then the address furthest from the gateway that one of them vouches for.
        repeated trusted: List<Spelling<Trusted>>,
        /// Where they say it: `x-forwarded` (X-Forwarded-For, X-Forwarded-Proto) or `forwarded` (RFC 7239). The other
        /// is never read.
        default read: Spelling<ForwardingField> = ForwardingField::XForwarded,
        /// What upstreams are told: `x-forwarded` (X-Forwarded-For, -Proto, -Host), `forwarded` (RFC 7239), `via` (RFC
        /// 9110, in responses too).
        default send: List<Spelling<Said>> = vec![Said::XForwarded],
        /// What the gateway calls itself in Via.
        default name: Spelling<Pseudonym> = Pseudonym("lockgate".to_owned()),
        /// What it calls itself in Forwarded; when absent, nothing.
        optional by: Spelling<Node>,
    }
}

impl RawForwarding {
    pub(super) fn resolve(self) -> Forwarding {
        Forwarding {
            trusted: self.trusted,
            read: self.read,
            send: self.send,
            by: self.by.map(|node| node.0),
            via: Via::new(&self.name.0),
        }
    }
}

/// A peer whose word is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trusted {
    Network(Network),
    /// All on Unix sockets.
    Unix,
}

/// What is said in Via, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
struct Via {
    http10: HeaderValue,
    http11: HeaderValue,
    http2: HeaderValue,
}

impl Via {
    fn new(name: &str) -> Self {
        // A name is a token, which always is a field value.
        let value = |version| {
            HeaderValue::try_from(format!("{version} {name}")).unwrap_or(HeaderValue::from_static("1.1 lockgate"))
        };
        Self { http10: value("1.0"), http11: value("1.1"), http2: value("2") }
    }
}

/// A token (RFC 9110 section 5.6.2).
#[derive(Debug)]
pub(super) struct Pseudonym(String);

/// A name that is no address: `_` and letters, digits, `.`, `_` or `-` (RFC 7239 section 6.3).
#[derive(Debug)]
pub(super) struct Node(String);

/// A text that is none of the words there are.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadWord(&'static str);

impl FromStr for Trusted {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        match text {
            "unix" => Ok(Self::Unix),
            _ => text.parse().map(Self::Network).map_err(|_| BadWord("it is no address and no network")),
        }
    }
}

impl Spelled for Trusted {
    const SPELLING: &'static str = "an IP address, a network like `10.0.0.0/8`, or `unix`";
}

impl FromStr for ForwardingField {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        match text {
            "x-forwarded" => Ok(Self::XForwarded),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(BadWord("it names no field that is read")),
        }
    }
}

impl Spelled for ForwardingField {
    const SPELLING: &'static str = "\"x-forwarded\" or \"forwarded\"";
}

impl fmt::Display for ForwardingField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::XForwarded => "x-forwarded",
            Self::Forwarded => "forwarded",
        })
    }
}

impl FromStr for Said {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        match text {
            "x-forwarded" => Ok(Self::XForwarded),
            "forwarded" => Ok(Self::Forwarded),
            "via" => Ok(Self::Via),
            _ => Err(BadWord("it names nothing that is sent")),
        }
    }
}

impl Spelled for Said {
    const SPELLING: &'static str = "\"x-forwarded\", \"forwarded\" or \"via\"";
}

impl fmt::Display for Said {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::XForwarded => "x-forwarded",
            Self::Forwarded => "forwarded",
            Self::Via => "via",
        })
    }
}

impl FromStr for Pseudonym {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match (1..=64).contains(&text.len()) && text.bytes().all(is_token) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadWord("it is no token of at most 64 characters")),
        }
    }
}

impl Spelled for Pseudonym {
    const SPELLING: &'static str = "a name of letters, digits, `-`, `.` and `_`";
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for Node {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match text.strip_prefix('_') {
            Some(name) if (1..=64).contains(&name.len()) && name.bytes().all(fits) => Ok(Self(text.to_owned())),
            _ => Err(BadWord("it does not begin with `_`, or has other characters than a name may have")),
        }
    }
}

impl Spelled for Node {
    const SPELLING: &'static str = "`_` and letters, digits, `.`, `_` or `-`";
}
