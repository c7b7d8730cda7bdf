//! The `ip` policy: requests pass where the address of their client is in a network that is allowed, and in none that is denied.

use ipnet::IpNet;
use lockgate_sdk::Problem;
use lockgate_sdk::prelude::*;
use std::net::IpAddr;

/// Most networks of each list: all of them may be gone through for a request.
const MAX_NETWORKS: usize = 1024;
const NOT_ALLOWED: &str = "urn:problem-type:lockgate:address_not_allowed";

/// The policy; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ip {
    #[serde(default)]
    allow: Vec<Network>,
    #[serde(default)]
    deny: Vec<Network>,
    #[serde(default)]
    without_address: WithoutAddress,
}

/// What becomes of requests over a Unix socket, where nobody has an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WithoutAddress {
    #[default]
    Refuse,
    Pass,
}

/// A network, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Network(IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || "must be an address, `192.0.2.1`, or a network, `10.0.0.0/8`".to_owned();
        if !text.contains('/') {
            return text.parse().map(|address: IpAddr| Self(address.to_canonical().into())).map_err(|_| wrong());
        }
        let network: IpNet = text.parse().map_err(|_| wrong())?;
        if network.addr() != network.network() {
            return Err(format!("has bits beyond its length; is `{}` meant?", network.trunc()));
        }
        match network {
            IpNet::V6(six) if six.addr().to_ipv4_mapped().is_some() => {
                Err("is a network of IPv4 written as IPv6; write it as IPv4".to_owned())
            }
            network => Ok(Self(network)),
        }
    }
}

impl Policy for Ip {
    fn interest(&self) -> Interest {
        Interest::new().request_read(":client").may_respond()
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = Vec::new();
        for (path, networks) in [("allow", &self.allow), ("deny", &self.deny)] {
            if networks.len() > MAX_NETWORKS {
                faults.push(ConfigError::new(path, format!("must hold at most {MAX_NETWORKS} networks")));
            }
        }
        if self.allow.is_empty() && self.deny.is_empty() {
            faults.push(ConfigError::new("", "must say in `allow` or `deny` whom it is about"));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Ip {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let admits = match head.client().map(str::parse::<IpAddr>) {
            Some(Ok(address)) => self.admits(address.to_canonical()),
            Some(Err(_)) => false,
            None => self.without_address == WithoutAddress::Pass,
        };
        if admits {
            return Verdict::Pass;
        }
        let problem = Problem::new(403, "Forbidden").kind(NOT_ALLOWED).detail("not from this address");
        Response::from(problem).into()
    }
}

impl Ip {
    fn admits(&self, address: IpAddr) -> bool {
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.0.contains(&address));
        !is_in(&self.deny) && (self.allow.is_empty() || is_in(&self.allow))
    }
}

lockgate_sdk::export!(Ip: RequestPhase);
