//! Owns where an IP address leads: to the internet, into networks of one's own, to this machine, or where no request may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds tell machines their secrets, besides the link-local addresses most use.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

/// Where an address leads. An IPv6 address that stands for one of IPv4 leads where that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Public,
    /// Networks of one's own (RFC 1918, RFC 4193), and those of a provider towards its customers (RFC 6598).
    Private,
    Loopback,
    /// Link-local addresses, and the metadata services of clouds.
    Metadata,
    /// To no one host: unspecified, multicast, broadcast, for documentation and benchmarks, reserved.
    Nowhere,
}

impl Zone {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    /// The IANA registry of special-purpose IPv4 addresses (RFC 6890).
    fn of_v4(ip: Ipv4Addr) -> Self {
        match ip.octets() {
            _ if METADATA_V4.contains(&ip) => Self::Metadata,
            [169, 254, ..] => Self::Metadata,
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [0, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [198, 51, 100, _] => Self::Nowhere,
            [203, 0, 113, _] | [224..=255, ..] => Self::Nowhere,
            _ => Self::Public,
        }
    }

    /// Of IPv6 only 2000::/3 is in use (RFC 4291 section 2.4), and not all of that.
    fn of_v6(ip: Ipv6Addr) -> Self {
        let v4 = |high: u16, low: u16| Self::of_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
        match ip.segments() {
            _ if METADATA_V6.contains(&ip) => Self::Metadata,
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Nowhere,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // Mapped, and compatible.
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => v4(high, low),
            // Translated (RFC 2765), by NAT64 (RFC 6052) and 6to4 (RFC 3056).
            [0, 0, 0, 0, 0xffff, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
            [0x2002, high, low, ..] => v4(high, low),
            // Teredo hides the address of the client by turning its bits (RFC 4380 section 4).
            [0x2001, 0, _, _, _, _, high, low] => v4(!high, !low),
            // A NAT64 of one's own (RFC 8215) leads wherever its operator lets it, which should not be there.
            [0x64, 0xff9b, 1, _, _, _, high, low] => match v4(high, low) {
                zone @ (Self::Metadata | Self::Loopback) => zone,
                _ => Self::Nowhere,
            },
            // One cloud has several in this network: one tells secrets of the machine, another those of what runs on
            // it.
            [0xfd00, 0xec2, ..] => Self::Metadata,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::Metadata,
            [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Self::Nowhere,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(ip: &str) -> Zone {
        Zone::of(ip.parse().unwrap())
    }

    #[test]
    fn every_kind_of_address_has_its_zone() {
        let cases: [(Zone, &[&str]); 5] = [
            (Zone::Public, &["1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1"]),
            (
                Zone::Private,
                &["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1"],
            ),
            (Zone::Loopback, &["127.0.0.1", "127.255.255.254", "::1"]),
            (
                Zone::Metadata,
                &[
                    "169.254.169.254",
                    "169.254.0.1",
                    "100.100.100.200",
                    "168.63.129.16",
                    "192.0.0.192",
                    "fd00:ec2::254",
                    "fd00:ec2::23",
                    "fd00:42::42",
                    "fd00:c1::a9fe:a9fe",
                    "64:ff9b:1::169.254.169.254",
                    "fd20:ce::254",
                    "fe80::1",
                    "febf::1",
                ],
            ),
            (
                Zone::Nowhere,
                &[
                    "0.0.0.0",
                    "0.1.2.3",
                    "192.0.0.1",
                    "192.0.2.1",
                    "192.88.99.1",
                    "198.18.0.1",
                    "198.51.100.1",
                    "203.0.113.1",
                    "224.0.0.1",
                    "240.0.0.1",
                    "255.255.255.255",
                    "::",
                    "64:ff9b:1::1",
                    "100::1",
                    "2001:2::1",
                    "2001:db8::1",
                    "3fff::1",
                    "5f00::1",
                    "fec0::1",
                    "ff02::1",
                ],
            ),
        ];
        for (expected, list) in cases {
            for ip in list {
                assert_eq!(zone(ip), expected, "{ip}");
            }
        }
        assert_eq!(zone("2606:4700::1111"), Zone::Public);
        assert_eq!(zone("2001:4860::8888"), Zone::Public);
    }

    proptest! {
        #[test]
        fn an_address_of_ipv4_in_one_of_ipv6_leads_where_it_leads(octets: [u8; 4]) {
            let ip = Ipv4Addr::from(octets);
            let (high, low) = (u16::from_be_bytes([octets[0], octets[1]]), u16::from_be_bytes([octets[2], octets[3]]));
            let forms = [
                ip.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
            ];
            for form in forms {
                prop_assert_eq!(Zone::of(form.into()), Zone::of(ip.into()), "{}", form);
            }
            // Two of these are addresses of their own.
            prop_assume!(u32::from(ip) > 1);
            let compatible = Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low);
            prop_assert_eq!(Zone::of(compatible.into()), Zone::of(ip.into()));
        }
    }
}
