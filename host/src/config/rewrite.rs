//! Owns `rewrite` of a route: what the upstream is asked for in place of what the client asked for.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

use super::fault::{Faults, complained_below};
use super::kinds::{Placed, Spelled, Spelling};
use super::section::section;
use super::template::{QueryUse, check_params};
use crate::exchange::authority::HostPort;
use crate::route::{PathPattern, Template};

/// What an upstream is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rewrite {
    /// None for the path as it is.
    pub path: Option<Template>,
    pub host: HostUse,
    pub query: QueryUse,
}

/// Which host an upstream is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostUse {
    /// The client's.
    Keep,
    /// That of the target.
    Target,
    Named(HeaderValue),
}

section! {
    /// What the upstream is asked for in place of what the client asked for. It happens after the request hooks; the
    /// fields that tell the upstream about the client (`X-Forwarded-Host`) keep the host the client asked for.
    pub(super) struct RawRewrite = "rewrite" {
        /// The path, and maybe a query. Parameters of `match.path` may stand in both, written as they are there. They
        /// are those of the path as policies left it; where that does not fit `match.path` any more, a policy has
        /// chosen another, and it stays.
        optional path: Placed<Spelling<Template>>,
        /// Which host it is told: `keep` is the client's, `target` that of the target, with its port unless that is the
        /// usual one, and
        /// `localhost` for a Unix socket.
        default host: Spelling<HostUse> = HostUse::Keep,
        /// What becomes of the query of the request: `keep` puts it behind that of `path`.
        default query: Spelling<QueryUse> = QueryUse::Keep,
    }
}

impl RawRewrite {
    /// `pattern` is what the route matches, if that is known.
    pub(super) fn resolve(self, pattern: Option<&PathPattern>, faults: &mut Faults) -> Rewrite {
        if let (Some(path), Some(pattern)) = (&self.path, pattern) {
            check_params(path.value.foreign(pattern), pattern, &path.place, faults);
        }
        let is_idle = self.path.is_none() && self.host == HostUse::Keep && self.query == QueryUse::Keep;
        if is_idle && !complained_below(faults, &self.place) {
            let advice = "name a `path`, another `host` or `query = \"drop\"`, or remove it";
            faults.push(self.place.fault("changes nothing", advice));
        }
        Rewrite { path: self.path.map(|path| path.value), host: self.host, query: self.query }
    }
}

/// Neither a choice nor a host.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum BadHost {
    #[error("it is no host")]
    Unknown,
    #[error(
        "it is neither `keep` nor `target`, and for a host it has one label only; write a host like that with its port"
    )]
    OneLabel,
}

impl FromStr for HostUse {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        match text {
            "keep" => Ok(Self::Keep),
            "target" => Ok(Self::Target),
            host => {
                let HostPort { host: name, port } = HostPort::read(host).map_err(|_| BadHost::Unknown)?;
                // More likely a choice that is misspelt.
                if port.is_none() && !name.contains(['.', ':']) {
                    return Err(BadHost::OneLabel);
                }
                host.parse().map(Self::Named).map_err(|_| BadHost::Unknown)
            }
        }
    }
}

impl fmt::Display for HostUse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => out.write_str("keep"),
            Self::Target => out.write_str("target"),
            Self::Named(host) => out.write_str(host.to_str().unwrap_or_default()),
        }
    }
}

impl Spelled for HostUse {
    const SPELLING: &'static str = "\"keep\", \"target\" or a host name like \"name.example\"";
}
