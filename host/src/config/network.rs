//! Owns networks: addresses that begin with the same bits.

use std::net::IpAddr;
use std::str::FromStr;

/// A network, `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    ip: IpAddr,
    bits: u32,
}

impl Network {
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let same = |left: u128, right: u128, width: u32| {
            let shift = width.saturating_sub(self.bits);
            left.checked_shr(shift).unwrap_or(0) == right.checked_shr(shift).unwrap_or(0)
        };
        match (ip, self.ip) {
            (IpAddr::V4(ip), IpAddr::V4(network)) => same(u32::from(ip).into(), u32::from(network).into(), 32),
            (IpAddr::V6(ip), IpAddr::V6(network)) => same(ip.into(), network.into(), 128),
            _ => false,
        }
    }
}

impl Network {
    /// Whether no bit beyond its length is set.
    pub(crate) fn is_whole(&self) -> bool {
        let rest = |value: u128, width: u32| {
            let beyond = width.saturating_sub(self.bits);
            value & 1_u128.checked_shl(beyond).map_or(u128::MAX, |one| one - 1)
        };
        match self.ip {
            IpAddr::V4(ip) => rest(u32::from(ip).into(), 32) == 0,
            IpAddr::V6(ip) => rest(ip.into(), 128) == 0,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let Some((ip, bits)) = text.split_once('/') else {
            let ip: IpAddr = text.parse().map_err(|_| NetworkError)?;
            let ip = ip.to_canonical();
            return Ok(Self { ip, bits: width(ip) });
        };
        let ip: IpAddr = ip.parse().map_err(|_| NetworkError)?;
        let digits = bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = bits.parse().ok().filter(|bits| digits && *bits <= width(ip)).ok_or(NetworkError)?;
        Ok(Self { ip, bits })
    }
}

/// A text that is neither an address nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no address and no network")]
pub(crate) struct NetworkError;

fn width(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        let cases = [
            ("10.0.0.0/8", "10.200.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.200.0.1", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::1", "::1", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("::/0", "2001::1", true),
        ];
        for (network, ip, inside) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(ip.parse().unwrap()), inside, "{network:?} {ip}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/+8", "10.0.0.0/", "pets/8", "::1/129", "10.0.0", "[::1]"]
        {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
        }
    }
}
