//! Owns where upstreams may lie: what the operator allows, and what no configuration can allow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::address::SocketPath;
use super::kinds::{List, Spelled, Spelling};
use super::network::Network;
use super::section::section;
use super::target::{Host, Origin, Target, split_port};
use super::zone::Zone;

/// Where a cloud tells machines their secrets, by name.
const METADATA_NAME: &str = "metadata.google.internal";

section! {
    /// Where APIs may send requests. Refused whatever is allowed, also when a name resolves to it: link-local
    /// addresses, the metadata services of clouds, and the addresses `[listen]` and `[admin]` say. Of a listener on all
    /// addresses (`0.0.0.0`, `[::]`) those are the loopback and unspecified ones with its port; other addresses of the
    /// machine are not known to be its own.
    pub(super) struct RawUpstreams = "[upstreams]" {
        /// Hosts targets may have: names, names with a port, `*.suffix`, addresses and networks. Names are allowed as
        /// they are written, whatever address they resolve to. When absent: all.
        optional allow: List<Spelling<AllowRule>>,
        /// Unix sockets targets may be, `unix:/run/app.sock`, each by its path: whoever can connect to a file of this
        /// machine is trusted with more than who can reach a server. When absent: none.
        repeated sockets: List<Spelling<SocketPath>>,
    }
}

/// Decides which targets are permitted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct UpstreamBounds {
    allow: Option<Vec<AllowRule>>,
    own: Vec<SocketAddr>,
    sockets: Vec<SocketPath>,
    own_sockets: Vec<SocketPath>,
}

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("is a link-local or metadata address, which is always refused")]
    Metadata,
    #[error("is this gateway itself")]
    Own,
    #[error("is outside [upstreams] allow")]
    NotAllowed,
    #[error("is not among [upstreams] sockets")]
    SocketNotAllowed,
}

impl UpstreamBounds {
    /// `own` are the addresses this gateway listens on; none for `allow` means every host.
    pub(crate) fn new(allow: Option<Vec<AllowRule>>, own: Vec<SocketAddr>) -> Self {
        Self { allow, own, ..Self::default() }
    }

    /// Permit these Unix sockets; `own` are those this gateway listens on.
    pub(super) fn with_sockets(self, sockets: Vec<SocketPath>, own_sockets: Vec<SocketPath>) -> Self {
        Self { sockets, own_sockets, ..self }
    }

    /// Whether a configured target is permitted.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Refusal> {
        let target = match target {
            Target::Origin(origin) => origin,
            Target::Unix(path) if self.own_sockets.contains(path) => return Err(Refusal::Own),
            Target::Unix(path) if self.sockets.contains(path) => return Ok(()),
            Target::Unix(_) => return Err(Refusal::SocketNotAllowed),
        };
        self.check_origin(target)?;
        match &self.allow {
            Some(rules) if !rules.iter().any(|rule| rule.allows(target)) => Err(Refusal::NotAllowed),
            _ => Ok(()),
        }
    }

    /// Whether a server is none of those that are refused whatever is allowed.
    pub(super) fn check_origin(&self, origin: &Origin) -> Result<(), Refusal> {
        match &origin.host {
            Host::Ip(ip) => self.check_address(SocketAddr::new(*ip, origin.port)),
            Host::Name(name) if name == METADATA_NAME => Err(Refusal::Metadata),
            host if host.is_localhost() => {
                self.check_address(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), origin.port))?;
                self.check_address(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), origin.port))
            }
            Host::Name(_) => Ok(()),
        }
    }

    /// Whether an address may be connected to; for addresses that names resolved to.
    pub(crate) fn check_address(&self, address: SocketAddr) -> Result<(), Refusal> {
        let ip = address.ip().to_canonical();
        if Zone::of(ip) == Zone::Metadata {
            return Err(Refusal::Metadata);
        }
        let is_own = self.own.iter().any(|own| own.port() == address.port() && reaches(ip, own.ip().to_canonical()));
        if is_own { Err(Refusal::Own) } else { Ok(()) }
    }
}

/// One entry of `[upstreams] allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowRule {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    One(Host),
    /// With the leading dot.
    Suffix(String),
    Network(Network),
}

impl AllowRule {
    fn allows(&self, target: &Origin) -> bool {
        let host = match (&self.hosts, &target.host) {
            (Hosts::One(host), other) => host == other,
            (Hosts::Suffix(suffix), Host::Name(name)) => name.ends_with(suffix.as_str()),
            (Hosts::Network(network), Host::Ip(ip)) => network.contains(*ip),
            _ => false,
        };
        host && self.port.is_none_or(|port| port == target.port)
    }
}

impl FromStr for AllowRule {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        if text.contains('/') {
            return Ok(Self { hosts: Hosts::Network(text.parse().map_err(|_| AllowError)?), port: None });
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { hosts: Hosts::One(Host::Ip(ip.to_canonical())), port: None });
        }
        let (host, port) = split_port(text).ok_or(AllowError)?;
        let hosts = match host.strip_prefix("*.") {
            Some(suffix) => match suffix.parse() {
                Ok(Host::Name(name)) => Hosts::Suffix(format!(".{name}")),
                _ => return Err(AllowError),
            },
            None => Hosts::One(host.parse().map_err(|_| AllowError)?),
        };
        Ok(Self { hosts, port })
    }
}

impl Spelled for AllowRule {
    const SPELLING: &'static str = "`host`, `host:port`, `*.suffix`, an IP address or a network like `10.0.0.0/8`";
}

/// A text that names no hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it names no host, address or network")]
pub(crate) struct AllowError;

/// Whether connecting to `ip` ends at a socket bound to `own`; the unspecified address connects to the machine itself.
fn reaches(ip: IpAddr, own: IpAddr) -> bool {
    let is_here = ip.is_loopback() || ip.is_unspecified();
    ip == own || (own.is_unspecified() && is_here) || (own.is_loopback() && is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: Option<&[&str]>, own: &[&str], target: &str) -> Result<(), Refusal> {
        let allow = allow.map(|rules| rules.iter().map(|rule| rule.parse().unwrap()).collect());
        let own = own.iter().map(|address| address.parse().unwrap()).collect();
        UpstreamBounds::new(allow, own).check(&target.parse().unwrap())
    }

    #[test]
    fn metadata_addresses_are_refused_even_when_allowed() {
        for target in [
            "http://169.254.169.254",
            "http://169.254.0.1:8080",
            "http://[::ffff:169.254.169.254]",
            "http://[64:ff9b::169.254.169.254]",
            "http://[2002:a9fe:a9fe::1]",
            "http://[fe80::1]",
            "http://[fd00:ec2::254]",
            "http://[fd20:ce::254]",
            "http://100.100.100.200",
            "http://[::ffff:100.100.100.200]",
            "http://metadata.google.internal",
            "http://Metadata.Google.Internal.",
        ] {
            assert_eq!(check(None, &[], target), Err(Refusal::Metadata), "{target}");
            assert_eq!(
                check(Some(&["0.0.0.0/0", "::/0", "*.internal"]), &[], target),
                Err(Refusal::Metadata),
                "{target}"
            );
        }
    }

    #[test]
    fn the_gateway_does_not_proxy_to_itself() {
        let cases = [
            ("127.0.0.1:8080", "http://127.0.0.1:8080", true),
            ("127.0.0.1:8080", "http://localhost:8080", true),
            ("127.0.0.1:8080", "http://api.localhost:8080", true),
            ("127.0.0.1:8080", "http://0.0.0.0:8080", true),
            ("127.0.0.1:8080", "http://[::1]:8080", true),
            ("0.0.0.0:8080", "http://127.0.0.2:8080", true),
            ("[::]:8080", "http://127.0.0.1:8080", true),
            ("10.0.0.5:8080", "http://10.0.0.5:8080", true),
            ("10.0.0.5:8080", "http://127.0.0.1:8080", false),
            ("127.0.0.1:8080", "http://127.0.0.1:8081", false),
            ("0.0.0.0:8080", "http://10.0.0.9:8080", false),
        ];
        for (own, target, refused) in cases {
            assert_eq!(check(None, &[own], target), if refused { Err(Refusal::Own) } else { Ok(()) }, "{own} {target}");
        }
    }

    #[test]
    fn only_sockets_that_are_named_are_permitted() {
        let sockets = |list: &[&str]| list.iter().map(|path| path.parse().unwrap()).collect();
        let bounds = UpstreamBounds::new(None, Vec::new())
            .with_sockets(sockets(&["unix:/run/app.sock", "unix:/run/own.sock"]), sockets(&["unix:/run/own.sock"]));
        let check = |target: &str| bounds.check(&target.parse().unwrap());
        assert_eq!(check("unix:/run/app.sock"), Ok(()));
        assert_eq!(check("unix:/run/app.sock2"), Err(Refusal::SocketNotAllowed));
        assert_eq!(check("unix:/run/own.sock"), Err(Refusal::Own));
        assert_eq!(check("http://pets"), Ok(()));
        assert_eq!(UpstreamBounds::default().check(&"unix:/a".parse().unwrap()), Err(Refusal::SocketNotAllowed));
    }

    #[test]
    fn only_allowed_hosts_are_permitted() {
        let cases = [
            ("pets", "http://pets:1", true),
            ("pets", "http://pets.evil:1", false),
            ("pets:9001", "http://pets:9001", true),
            ("pets:9001", "http://pets:9002", false),
            ("*.svc.local", "http://a.b.svc.local", true),
            ("*.svc.local", "http://svc.local", false),
            ("*.svc.local", "http://evilsvc.local", false),
            ("10.0.0.0/8", "http://10.200.0.1", true),
            ("10.0.0.0/8", "http://11.0.0.1", false),
            ("10.0.0.0/8", "http://pets", false),
            ("10.0.0.1", "http://10.0.0.1", true),
            ("10.0.0.1:80", "http://10.0.0.1", true),
            ("::1", "http://[::1]:7", true),
            ("[::1]:7", "http://[::1]:7", true),
            ("[::1]:7", "http://[::1]:8", false),
            ("2001:db8::/32", "http://[2001:db8:1::1]", true),
            ("2001:db8::/32", "http://[2001:db9::1]", false),
            ("0.0.0.0/0", "http://1.2.3.4", true),
            ("::/0", "http://[2001::1]", true),
            ("::/0", "http://1.2.3.4", false),
        ];
        for (rule, target, permitted) in cases {
            assert_eq!(check(Some(&[rule]), &[], target).is_ok(), permitted, "{rule} {target}");
        }
        assert_eq!(check(Some(&[]), &[], "http://pets"), Err(Refusal::NotAllowed));
    }

    #[test]
    fn what_names_no_hosts_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "a b",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "pets/8",
            "::1/129",
            "pets:0",
            "*.10.0.0.1",
            "http://pets",
        ] {
            assert_eq!(text.parse::<AllowRule>(), Err(AllowError), "{text}");
        }
    }
}
