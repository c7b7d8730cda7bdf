//! Addresses of IPv4: four decimal numbers and three dots.

use crate::detect::bytes::{at, before, is_word, run_end};
use crate::detect::{Found, Kind};
use std::net::Ipv4Addr;

/// Bytes of the shortest address.
pub(super) const FEWEST: usize = 7;
/// One byte more than the longest address, to see where one goes on.
const WINDOW: usize = 16;

/// The address that begins with a word, which has an end. Versions of four numbers look the same; those that follow a name
/// and a slash, as in `Chrome/120.0.0.0`, are left alone, as are addresses that are the same for everybody.
pub(super) fn find(text: &[u8], start: usize, end: usize) -> Option<Found> {
    if end - start > 3 || at(text, end) != b'.' {
        return None;
    }
    let window = text.get(start..text.len().min(start + WINDOW))?;
    let length = run_end(window, 0, |byte| byte.is_ascii_digit() || byte == b'.');
    let run = window.get(..length)?;
    let run = run.strip_suffix(b".").unwrap_or(run);
    let end = start + run.len();
    let is_product = before(text, start) == b'/' && before(text, start.saturating_sub(1)).is_ascii_alphanumeric();
    let goes_on = is_word(at(text, end)) || (at(text, end) == b'-' && at(text, end + 1).is_ascii_alphabetic());
    let is_part =
        matches!(before(text, start), b'.' | b'_') || (at(text, end) == b'.' && at(text, end + 1).is_ascii_digit());
    if run.len() < FEWEST || is_product || goes_on || is_part {
        return None;
    }
    let address: Ipv4Addr = std::str::from_utf8(run).ok()?.parse().ok()?;
    let is_somebodys = !address.is_loopback() && !address.is_broadcast() && address.octets()[0] != 0;
    is_somebodys.then_some(Found { kind: Kind::IpAddress, start, end })
}

#[cfg(test)]
mod tests {
    use crate::detect::{Kind, testing::spans};

    #[test]
    fn addresses_are_found_in_what_stands_around_them() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("from 192.0.2.255:443", "192.0.2.255"),
            ("http://10.1.2.3/", "10.1.2.3"),
            ("203.0.113.0/24", "203.0.113.0"),
            ("It was 192.0.2.1.", "192.0.2.1"),
            ("255.255.255.254", "255.255.255.254"),
        ] {
            assert_eq!(spans(&[Kind::IpAddress], text), [address], "{text}");
        }
    }

    #[test]
    fn versions_longer_rows_and_addresses_of_everybody_are_none() {
        for text in [
            "1.2.3",
            "1.2.3.4.5",
            "v1.2.3.4",
            "Chrome/120.0.0.0",
            "256.1.1.1",
            "1.2.3.04",
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "1.2.3.4-beta",
            "1.2.3.4a",
            "192.0.2.1234",
            "120.0.6099.109",
            "1.2.3.4_5",
        ] {
            assert_eq!(spans(&[Kind::IpAddress], text), Vec::<&str>::new(), "{text}");
        }
    }
}
