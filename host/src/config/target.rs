//! Owns upstream targets: `http://host:port`, `https://host:port` or `unix:/path`, and nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::address::{PathError, SocketPath};
use super::kinds::Spelled;

/// Where requests are sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Origin(Origin),
    /// Without TLS.
    Unix(SocketPath),
}

/// A server on the network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Whether it is reached by TLS.
    pub tls: bool,
    pub host: Host,
    pub port: u16,
}

impl Target {
    /// Whether it is reached by TLS.
    pub(crate) fn has_tls(&self) -> bool {
        matches!(self, Self::Origin(origin) if origin.tls)
    }

    /// Host and port as a Host field has them, the usual port left out. A Unix socket has none; `localhost` is what
    /// servers expect there.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Origin(origin) => origin.authority(),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl Origin {
    /// Host and port, the usual port left out.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self { tls: false, host, port: 80 } | Self { tls: true, host, port: 443 } => host.to_string(),
            Self { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

/// A host as written; names are not resolved here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Host {
    /// Lower case, without a final dot.
    Name(String),
    Ip(IpAddr),
}

impl Host {
    /// Whether it is this machine by its name or number.
    pub(crate) fn is_localhost(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Ip(ip) => ip.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(out, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(out, "[{ip}]"),
        }
    }
}

/// The URL, `http://host:port` or `https://host:port`, or `unix:` and the path.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(Origin { tls, host, port }) => {
                write!(out, "{}://{host}:{port}", if *tls { "https" } else { "http" })
            }
            Self::Unix(path) => write!(out, "{path}"),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.starts_with(SocketPath::SCHEME) {
            return Ok(Self::Unix(text.parse()?));
        }
        let (scheme, rest) = text.split_once("://").ok_or(TargetError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(TargetError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(TargetError::MoreThanOrigin);
        }
        let (host, port) = split_port(authority).ok_or(TargetError::Port)?;
        Ok(Self::Origin(Origin { tls, host: host.parse()?, port: port.unwrap_or(if tls { 443 } else { 80 }) }))
    }
}

impl FromStr for Host {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some(literal) = text.strip_prefix('[') {
            let literal = literal.strip_suffix(']').ok_or(TargetError::Host)?;
            let ip: Ipv6Addr = literal.parse().map_err(|_| TargetError::Host)?;
            return Ok(Self::Ip(ip.to_canonical()));
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels_fit = name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        // Resolvers take `2130706433` and `0x7f.1` for addresses, which would pass by every rule about addresses.
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_numeric = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
        if name.len() > 253 || !labels_fit || is_numeric { Err(TargetError::Host) } else { Ok(Self::Name(name)) }
    }
}

impl Spelled for Target {
    const SPELLING: &'static str = "\"http://host:port\", \"https://host:port\" or \"unix:/path\"";
}

impl Spelled for Host {
    const SPELLING: &'static str = "a host name or an IP address";
}

/// Why a text is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("it has another scheme or none")]
    Scheme,
    #[error(transparent)]
    Unix(#[from] PathError),
    #[error("there is more than host and port")]
    MoreThanOrigin,
    #[error("that is no host name and no IP address")]
    Host,
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

/// Split `host:port`, where the host may be a bracketed address; none for a bad port.
pub(super) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let after_literal = text.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = text.get(after_literal..)?.find(':') else {
        return Some((text, None));
    };
    let (host, port) = text.split_at(after_literal + colon);
    let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let port = digits.parse().ok().filter(|port| *port != 0)?;
    Some((host, Some(port)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port() {
        let cases = [
            ("http://pets:9001", "http://pets:9001"),
            ("http://Pets.Example.", "http://pets.example:80"),
            ("HTTP://10.0.0.1/", "http://10.0.0.1:80"),
            ("http://[::1]:9001", "http://[::1]:9001"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]:80"),
            ("http://[::ffff:169.254.169.254]:80", "http://169.254.169.254:80"),
            ("http://my_service:1", "http://my_service:1"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("https://pets", "https://pets:443"),
            ("HTTPS://pets:8443/", "https://pets:8443"),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<Target>().map(|target| target.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_usual_port_is_not_part_of_what_a_target_calls_itself() {
        let cases = [
            ("http://pets", "pets"),
            ("http://pets:443", "pets:443"),
            ("https://pets:443", "pets"),
            ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
            ("unix:/run/app.sock", "localhost"),
        ];
        for (text, authority) in cases {
            assert_eq!(text.parse::<Target>().unwrap().authority(), authority, "{text}");
        }
    }

    #[test]
    fn anything_more_or_less_is_refused() {
        let cases = [
            ("pets:9001", TargetError::Scheme),
            ("ftp://pets", TargetError::Scheme),
            ("unix://run/app.sock", TargetError::Unix(PathError::Form)),
            ("unix:app.sock", TargetError::Unix(PathError::Relative)),
            ("http://pets/v1", TargetError::MoreThanOrigin),
            ("http://pets?x", TargetError::MoreThanOrigin),
            ("http://pets#x", TargetError::MoreThanOrigin),
            ("http://user:pw@pets", TargetError::MoreThanOrigin),
            ("http://", TargetError::Host),
            ("http://a b", TargetError::Host),
            ("http://[::1", TargetError::Port),
            ("http://[fe80::1%25eth0]", TargetError::Host),
            ("http://2130706433", TargetError::Host),
            ("http://0x7f.1", TargetError::Host),
            ("http://127.1", TargetError::Host),
            ("http://127.0.0.0x1", TargetError::Host),
            ("http://a..b", TargetError::Host),
            ("http://pets:", TargetError::Port),
            ("http://pets:0", TargetError::Port),
            ("http://pets:70000", TargetError::Port),
            ("http://pets:+80", TargetError::Port),
            ("http://::1:80", TargetError::Port),
            ("http://pets:80:80", TargetError::Port),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_target_reads_back_as_it_is_shown(text in "(http://|unix:/)[a-z0-9.:\\[\\]/]{0,20}") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
            }
        }
    }
}
