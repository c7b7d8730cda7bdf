//! Addresses of IPv4 and IPv6: the network that they are in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many bits are left of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    v4: u8,
    v6: u8,
}

impl Prefixes {
    /// Some bits of each, but not all.
    pub fn new(v4: u8, v6: u8) -> Option<Self> {
        ((1..32).contains(&v4) && (1..128).contains(&v6)).then_some(Self { v4, v6 })
    }
}

/// A network of 256 hosts; what a provider gives to one customer.
impl Default for Prefixes {
    fn default() -> Self {
        Self { v4: 24, v6: 48 }
    }
}

/// The first address of its network, as RFC 5952 writes it. One of IPv4 that is written as one of IPv6 counts for what it
/// is.
pub(super) fn truncate(text: &str, prefixes: Prefixes) -> Option<String> {
    let address: IpAddr = text.parse().ok()?;
    let network = match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !(u32::MAX >> prefixes.v4))),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> prefixes.v6))),
    };
    Some(network.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Prefixes, truncate};

    #[test]
    fn addresses_become_their_networks() {
        for (text, v4, v6, network) in [
            ("192.0.2.17", 24, 48, "192.0.2.0"),
            ("192.0.2.17", 28, 48, "192.0.2.16"),
            ("192.0.2.17", 1, 48, "128.0.0.0"),
            ("2001:DB8:1:2:3::4", 24, 48, "2001:db8:1::"),
            ("2001:db8:0:0:1:0:0:1", 24, 127, "2001:db8:0:0:1::"),
            ("::ffff:192.0.2.17", 24, 48, "192.0.2.0"),
            ("2001:db8:1ff::", 24, 40, "2001:db8:100::"),
        ] {
            let prefixes = Prefixes::new(v4, v6).unwrap();
            assert_eq!(truncate(text, prefixes).as_deref(), Some(network), "{text}/{v4}/{v6}");
        }
    }

    #[test]
    fn networks_of_one_address_and_other_texts_are_refused() {
        assert!([(0, 48), (32, 48), (24, 0), (24, 128)].iter().all(|(v4, v6)| Prefixes::new(*v4, *v6).is_none()));
        for text in
            ["", "192.0.2", "192.0.2.17/32", "192.0.2.17:80", "fe80::1%eth0", "192.0.02.17", " 192.0.2.17", "[::1]"]
        {
            assert_eq!(truncate(text, Prefixes::default()), None, "{text}");
        }
    }
}
