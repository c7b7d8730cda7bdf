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

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::{self, Facts};

    fn status(config: &str, client: Option<&str>) -> u16 {
        let policy: Ip = testing::configure(config).unwrap();
        let facts = client.into_iter().fold(Facts::request(), Facts::client);
        policy.on_request(&facts.build().head()).response().map_or(200, Response::status_code)
    }

    #[test]
    fn who_is_denied_stays_out_and_who_is_allowed_gets_in() {
        let config = r#"{"allow":["10.0.0.0/8","2001:db8::/32","192.0.2.7"],"deny":["10.6.0.0/16","2001:db8:6::/48"]}"#;
        for (client, expected) in [
            ("10.1.2.3", 200),
            ("::ffff:10.1.2.3", 200),
            ("10.6.0.1", 403),
            ("11.0.0.1", 403),
            ("192.0.2.7", 200),
            ("192.0.2.8", 403),
            ("2001:db8:1::1", 200),
            ("2001:db8:6::1", 403),
            ("2001:db9::1", 403),
        ] {
            assert_eq!(status(config, Some(client)), expected, "{client}");
        }
    }

    #[test]
    fn where_nobody_is_allowed_by_name_all_are_but_the_denied() {
        let config = r#"{"deny":["0.0.0.0/0"]}"#;
        assert_eq!(status(config, Some("192.0.2.1")), 403);
        assert_eq!(status(config, Some("2001:db8::1")), 200);
    }

    #[test]
    fn without_an_address_nobody_gets_in_unless_that_is_said() {
        assert_eq!(status(r#"{"deny":["10.0.0.0/8"]}"#, None), 403);
        assert_eq!(status(r#"{"allow":["10.0.0.0/8"],"without_address":"pass"}"#, None), 200);
        assert_eq!(status(r#"{"allow":["0.0.0.0/0"]}"#, Some("unknown")), 403);
    }

    #[test]
    fn what_is_no_network_is_a_fault_that_says_what_may_be_meant() {
        for (config, path, message) in [
            (r#"{"allow":["10.0.0"]}"#, "allow[0]", "must be an address"),
            (r#"{"allow":["10.0.0.0/33"]}"#, "allow[0]", "must be an address"),
            (r#"{"deny":["10.0.0.1/8"]}"#, "deny[0]", "is `10.0.0.0/8` meant?"),
            (r#"{"deny":["::ffff:10.0.0.0/104"]}"#, "deny[0]", "write it as IPv4"),
            (r#"{"deny":["example.com"]}"#, "deny[0]", "must be an address"),
            ("{}", "", "`allow` or `deny`"),
        ] {
            let faults = testing::configure::<Ip>(config).unwrap_err();
            assert_eq!(faults[0].path, path, "{config}");
            assert!(faults[0].message.contains(message), "{faults:?}");
        }
    }
}
