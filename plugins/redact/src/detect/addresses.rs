//! Addresses that colons and dashes are in: of IPv6 in the spellings of RFC 4291, and of network interfaces.

use super::bytes::{at, before, is_token, is_word, run_end, run_start};
use super::{Found, Kind, Kinds};
use std::net::Ipv6Addr;

/// Octets of a hardware address, as text.
const MAC_LENGTH: usize = 17;
/// The longest spelling of an IPv6 address: six groups and a dotted end.
const MAX_V6_LENGTH: usize = 45;

/// Finds addresses around each colon and dash.
pub(super) fn find(kinds: Kinds, text: &[u8], found: &mut Vec<Found>) {
    let mut done = 0;
    for place in memchr::memchr2_iter(b':', b'-', text) {
        if place < done {
            continue;
        }
        let hit = if at(text, place) == b':' {
            let start = run_start(text, place, |byte| byte.is_ascii_hexdigit());
            let end = run_end(text, place, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
            done = end;
            coloned(text, start, end)
        } else {
            dashed(text, place)
        };
        if let Some(hit) = hit.filter(|hit| kinds.contains(hit.kind)) {
            done = hit.end;
            found.push(hit);
        }
    }
}

/// What a run of hexadecimal digits, colons and dots is.
fn coloned(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let run = std::str::from_utf8(text.get(start..end)?).ok()?;
    // The colon or full stop of the sentence around it.
    let begun = if run.starts_with("::") { run } else { run.strip_prefix(':').unwrap_or(run) };
    let start = start + (run.len() - begun.len());
    let run = begun.trim_end_matches('.');
    let run = if run.ends_with("::") { run } else { run.strip_suffix(':').unwrap_or(run) };
    let end = start + run.len();
    if run.len() > MAX_V6_LENGTH || is_word(before(text, start)) || is_word(at(text, end)) {
        return None;
    }
    let colons = run.bytes().filter(|byte| *byte == b':').count();
    let kind = match colons {
        5 if is_mac(run.as_bytes(), b':') => Kind::MacAddress,
        2.. if run.parse().is_ok_and(|address| is_given_out(&address)) => Kind::IpAddress,
        _ => return None,
    };
    Some(Found { kind, start, end })
}

/// Out of a block from which hosts have addresses: 2000::/3, fc00::/7, fe80::/10, and those that stand for IPv4.
/// Others are loopback, multicast, or words that only look so, like `dad::cafe`.
fn is_given_out(address: &Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_mapped = address.to_ipv4_mapped().is_some_and(|v4| !v4.is_loopback() && !v4.is_unspecified());
    first >> 13 == 1
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || (first, second) == (0x64, 0xff9b)
        || is_mapped
}

/// A hardware address of which a dash is the first.
fn dashed(text: &[u8], dash: usize) -> Option<Found> {
    let start = dash.checked_sub(2)?;
    let end = start + MAC_LENGTH;
    let is_apart = !is_token(before(text, start)) && !is_token(at(text, end));
    let is_one = is_apart && is_mac(text.get(start..end)?, b'-');
    is_one.then_some(Found { kind: Kind::MacAddress, start, end })
}

/// Six pairs of hexadecimal digits; not the address of nobody, nor that of everybody.
fn is_mac(text: &[u8], separator: u8) -> bool {
    let is_spelled = text.len() == MAC_LENGTH
        && text.iter().enumerate().all(|(place, byte)| match place % 3 {
            2 => *byte == separator,
            _ => byte.is_ascii_hexdigit(),
        });
    let digits = || text.iter().filter(|byte| **byte != separator);
    is_spelled && !digits().all(|byte| *byte == b'0') && !digits().all(|byte| byte.eq_ignore_ascii_case(&b'f'))
}

#[cfg(test)]
mod tests {
    use crate::detect::{Kind, testing::spans};

    #[test]
    fn addresses_of_ipv6_are_found_in_what_stands_around_them() {
        for (text, address) in [
            ("2001:db8::1", "2001:db8::1"),
            ("from [2001:db8:0:0:0:0:0:1]:443", "2001:db8:0:0:0:0:0:1"),
            ("ip:2001:db8::1: unreachable", "2001:db8::1"),
            ("It was 2001:db8:85a3::8a2e:370:7334.", "2001:db8:85a3::8a2e:370:7334"),
            ("fe80::1ff:fe23:4567:890a%eth2", "fe80::1ff:fe23:4567:890a"),
            ("::ffff:192.0.2.128", "::ffff:192.0.2.128"),
            ("FD12:3456:789A:1::1", "FD12:3456:789A:1::1"),
            ("2001:db8::/32", "2001:db8::"),
        ] {
            assert_eq!(spans(&[Kind::IpAddress], text), [address], "{text}");
        }
    }

    #[test]
    fn hardware_addresses_are_found_with_one_separator() {
        for text in ["00:1A:2B:3C:4D:5E", "aa-bb-cc-dd-ee-ff", "0d:B3:4a:6A:d9:cF"] {
            assert_eq!(spans(&[Kind::MacAddress], &format!("at {text}, port")), [text], "{text}");
        }
    }

    #[test]
    fn times_paths_and_addresses_of_nobody_are_none() {
        for text in [
            "12:30:45",
            "2024-05-06T12:30:45",
            "std::fs::read",
            "dad::cafe",
            "a::b",
            "::",
            "::1",
            "1:2:3:4:5:6:7:8:9",
            "x2001:db8::1",
            "2001:db8::1x",
            "10:2F:33-AC-29-C3",
            "00:00:00:00:00:00",
            "FF-FF-FF-FF-FF-FF",
            "00:1A:2B:3C:4D",
            "00:1A:2B:3C:4D:5E:6F",
            "00-1A-2B-3C-4D-5E-6F",
            "1-00-1A-2B-3C-4D-5E",
            "ZZ:ZZ:ZZ:ZZ:ZZ:ZZ",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(spans(&[Kind::MacAddress, Kind::IpAddress], text), Vec::<&str>::new(), "{text}");
        }
    }
}
