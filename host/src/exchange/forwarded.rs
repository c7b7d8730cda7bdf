//! The way of a request as trusted proxies tell it: X-Forwarded-For and Forwarded (RFC 7239), read from the near end.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{FORWARDED, GetAll, HeaderMap, HeaderName, HeaderValue};

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Most steps that are followed; nobody has so many proxies.
const MAX_HOPS: usize = 32;

/// What was written by proxies that are believed, and nothing that stood there before them.
///
/// Each proxy adds at the far right who asked it. So the last element is the word of the gateway's peer, and each
/// before it is believed as far as the address after it is trusted. What is malformed or no address ends the way:
/// nobody vouches for what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The nearest first.
    hops: Vec<Hop>,
    https: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hop {
    /// None where the proxy keeps it to itself.
    address: Option<IpAddr>,
    /// The element of Forwarded, if that was read.
    element: Option<Box<str>>,
}

impl Way {
    /// From X-Forwarded-For and X-Forwarded-Proto, as sent by a peer that is trusted.
    pub(crate) fn x_forwarded(headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> Self {
        let mut hops = Vec::new();
        for element in from_right(headers.get_all(X_FORWARDED_FOR)).take(MAX_HOPS) {
            let Some(address) = address(element) else { break };
            hops.push(Hop { address: Some(address), element: None });
            if !trusts(address) {
                break;
            }
        }
        // Proxies that add to the list keep step with the addresses; others write one value, that of the client.
        let schemes = from_right(headers.get_all(X_FORWARDED_PROTO));
        let https = schemes.take(hops.len().max(1)).last().and_then(scheme);
        Self { hops, https }
    }

    /// From Forwarded, as sent by a peer that is trusted.
    pub(crate) fn forwarded(headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> Self {
        let (mut hops, mut https) = (Vec::new(), None);
        for text in from_right(headers.get_all(FORWARDED)).take(MAX_HOPS) {
            let Some((element, text)) = Element::parse(text).zip(std::str::from_utf8(text).ok()) else { break };
            https = element.https;
            hops.push(Hop { address: element.address, element: Some(text.into()) });
            if !element.address.is_some_and(&trusts) {
                break;
            }
        }
        Self { hops, https }
    }

    /// The furthest address anybody vouches for; none for that of the peer.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.hops.iter().rev().find_map(|hop| hop.address)
    }

    /// Whether the client's connection is encrypted, if it was said.
    pub(crate) fn https(&self) -> Option<bool> {
        self.https
    }

    /// Write the addresses for X-Forwarded-For, each with a comma after it.
    pub(crate) fn write_addresses(&self, out: &mut String) {
        for address in self.hops.iter().rev().filter_map(|hop| hop.address) {
            // A string takes everything.
            let _ = write!(out, "{address}, ");
        }
    }

    /// Write the elements for Forwarded, each with a comma after it.
    pub(crate) fn write_elements(&self, out: &mut String) {
        for hop in self.hops.iter().rev() {
            let _ = match &hop.element {
                Some(element) => write!(out, "{element}, "),
                None => write!(out, "for={}, ", Node(hop.address)),
            };
        }
    }
}

/// Who asked, as Forwarded says it: `unknown` where there is no address.
pub(crate) struct Node(pub(crate) Option<IpAddr>);

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(IpAddr::V4(address)) => write!(out, "{address}"),
            Some(IpAddr::V6(address)) => write!(out, "\"[{address}]\""),
            None => out.write_str("unknown"),
        }
    }
}

/// A value of a parameter: as it is where it is a token, else quoted (RFC 9110 section 5.6.4).
pub(crate) struct Value<'a>(pub(crate) &'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.bytes().all(is_tchar) {
            return out.write_str(self.0);
        }
        out.write_char('"')?;
        for letter in self.0.chars() {
            if matches!(letter, '"' | '\\') {
                out.write_char('\\')?;
            }
            out.write_char(letter)?;
        }
        out.write_char('"')
    }
}

/// The members of a list, the last first; empty ones do not count. Commas in quotes are looked for from the right,
/// since what a proxy has added there is well-formed whatever it was added to.
fn from_right(values: GetAll<'_, HeaderValue>) -> impl Iterator<Item = &[u8]> {
    let members = values.into_iter().rev().flat_map(|value| FromRight(Some(value.as_bytes())));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

struct FromRight<'a>(Option<&'a [u8]>);

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.take()?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            match byte {
                // Inside of quotes, one that has no backslash before it is where they begin.
                b'"' => quoted = !quoted || at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\\'),
                b',' if !quoted => {
                    self.0 = text.get(..at);
                    return text.get(at + 1..);
                }
                _ => {}
            }
        }
        Some(text)
    }
}

/// An address with or without a port, as X-Forwarded-For has it.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok().filter(|text| !text.contains('%'))?;
    let literal = || text.strip_prefix('[')?.strip_suffix(']')?.parse().map(IpAddr::V6).ok();
    let address = text.parse().ok().or_else(literal).or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

fn scheme(text: &[u8]) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case(b"https") => Some(true),
        _ if text.eq_ignore_ascii_case(b"http") => Some(false),
        _ => None,
    }
}

/// One element of Forwarded (RFC 7239 section 4).
#[derive(Debug, PartialEq, Eq)]
struct Element {
    address: Option<IpAddr>,
    https: Option<bool>,
}

impl Element {
    /// None where it is malformed, or has the same parameter twice.
    fn parse(mut text: &[u8]) -> Option<Self> {
        let mut element = Self { address: None, https: None };
        let mut seen = [false; 4];
        loop {
            text = text.trim_ascii_start();
            match text.split_first() {
                None => return Some(element),
                Some((b';', rest)) => {
                    text = rest;
                    continue;
                }
                Some(_) => {}
            }
            let (name, rest) = token(text)?;
            let (value, rest) = value(rest.strip_prefix(b"=")?)?;
            let known = [&b"for"[..], b"proto", b"by", b"host"].iter().position(|it| name.eq_ignore_ascii_case(it));
            if let Some(seen) = known.and_then(|at| seen.get_mut(at))
                && std::mem::replace(seen, true)
            {
                return None;
            }
            match known {
                Some(0) => element.address = node(std::str::from_utf8(&value).ok()?)?,
                Some(1) => element.https = scheme(&value),
                _ => {}
            }
            text = rest.trim_ascii_start();
            if !text.is_empty() && !text.starts_with(b";") {
                return None;
            }
        }
    }
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| !is_tchar(byte)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

/// A token or a quoted string, and what is behind it.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        return token(text).map(|(token, rest)| (token.to_vec(), rest));
    };
    let mut value = Vec::new();
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        let byte = match byte {
            b'"' => return Some((value, rest)),
            b'\\' => {
                let (byte, after) = rest.split_first()?;
                rest = after;
                byte
            }
            byte => byte,
        };
        match byte {
            b'\t' | b' '..=b'~' => value.push(*byte),
            _ => return None,
        }
    }
}

/// A node (RFC 7239 section 6): none where it is malformed, none inside where it is no address.
fn node(text: &str) -> Option<Option<IpAddr>> {
    let (address, port) = match text.strip_prefix('[') {
        Some(literal) => {
            let (literal, port) = literal.split_once(']')?;
            (Some(IpAddr::V6(literal.parse::<Ipv6Addr>().ok()?)), port)
        }
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            match name {
                "unknown" => (None, port),
                _ if is_obfuscated(name) => (None, port),
                _ => (Some(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?)), port),
            }
        }
    };
    let is_port = |port: &str| {
        let digits = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        digits || is_obfuscated(port)
    };
    let fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    fits.then_some(address.map(|address| address.to_canonical()))
}

fn is_obfuscated(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(fits))
}

#[cfg(test)]
mod tests;
