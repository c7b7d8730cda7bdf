//! Which host a request is for, by one rule for the request line and the Host field.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, Scheme};

/// A host name or address: lower case, without trailing dot, IPv6 in brackets and in its shortest form; and the port that was
/// named with it, which is no part of what it is compared by.
///
/// Cloning and creating share the bytes of the request unless they had to be changed.
#[derive(Clone)]
pub(crate) struct Host {
    name: Source,
    port: Option<u16>,
}

/// Why the host of a request is not known; all of them are the client's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("the request has no Host field")]
    Missing,
    #[error("the request has more than one Host field")]
    Duplicate,
    #[error("the host is not a name or address with an optional port")]
    Malformed,
    #[error("the Host field and the request target name different hosts")]
    Disagree,
}

/// The host a request is for (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
///
/// HTTP/1 requests must carry exactly one Host field. An authority in the request target wins, but a Host field beside
/// it must name the same host and port.
pub(crate) fn authority(parts: &Parts) -> Result<Host, HostError> {
    let mut fields = parts.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(HostError::Duplicate);
    }
    let named = field.map(HostPort::from_field).transpose()?;
    if named.is_none() && parts.version < http::Version::HTTP_2 {
        return Err(HostError::Missing);
    }
    match (parts.uri.authority(), field.zip(named)) {
        (Some(authority), named) => {
            let target = HostPort::read(authority.as_str())?;
            if let Some((_, named)) = named {
                target.agree(&named, parts.uri.scheme())?;
            }
            let name = Source::new(target.host, |len| Source::Target(authority.clone(), len));
            Ok(Host { name, port: target.port })
        }
        (None, Some((field, named))) => {
            let name = Source::new(named.host, |len| Source::Field(field.clone(), len));
            Ok(Host { name, port: named.port })
        }
        (None, None) => Err(HostError::Missing),
    }
}

impl Host {
    /// The host as text.
    pub(crate) fn as_str(&self) -> &str {
        match &self.name {
            Source::Field(value, len) => {
                value.as_bytes().get(..*len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            Source::Target(authority, len) => authority.as_str().get(..*len).unwrap_or_default(),
            Source::Text(text) => text,
        }
    }

    /// The port that was named, where it is not the one of the scheme (RFC 9110 section 4.2).
    pub(crate) fn unusual_port(&self, is_https: bool) -> Option<u16> {
        let usual = if is_https { 443 } else { 80 };
        self.port.filter(|port| *port != usual)
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Host {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.as_str()).finish()
    }
}

/// Where the text stands: the first bytes of the field or authority when they were normal already.
#[derive(Clone)]
enum Source {
    Field(HeaderValue, usize),
    Target(Authority, usize),
    Text(Box<str>),
}

impl Source {
    fn new(host: Cow<'_, str>, share: impl FnOnce(usize) -> Self) -> Self {
        match host {
            // Nothing may stand before the host, so its length says all.
            Cow::Borrowed(text) => share(text.len()),
            Cow::Owned(text) => Self::Text(text.into()),
        }
    }
}

/// `host [":" port]`, the host in normal form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HostPort<'a> {
    pub(crate) host: Cow<'a, str>,
    pub(crate) port: Option<u16>,
}

impl<'a> HostPort<'a> {
    /// Longest name in the DNS, in bytes.
    const MAX_NAME: usize = 253;
    const MAX_LABEL: usize = 63;

    pub(crate) fn read(text: &'a str) -> Result<Self, HostError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or(HostError::Malformed)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostError::Malformed)?;
            return Ok(Self { host: Cow::Owned(format!("[{address}]")), port: read_port(after)? });
        }
        // Each byte once: this is read for every request.
        let (mut end, mut label, mut has_upper) = (text.len(), 0, false);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
                b'A'..=b'Z' => (label, has_upper) = (label + 1, true),
                b'.' if label > 0 => label = 0,
                b':' => {
                    end = at;
                    break;
                }
                _ => return Err(HostError::Malformed),
            }
            if label > Self::MAX_LABEL {
                return Err(HostError::Malformed);
            }
        }
        let (name, after) = text.split_at(end);
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || name.len() > Self::MAX_NAME {
            return Err(HostError::Malformed);
        }
        let host = if has_upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) };
        Ok(Self { host, port: read_port(after)? })
    }

    fn from_field(value: &'a HeaderValue) -> Result<Self, HostError> {
        Self::read(value.to_str().map_err(|_| HostError::Malformed)?)
    }

    /// Same host and same port, a missing port being that of the scheme.
    fn agree(&self, other: &Self, scheme: Option<&Scheme>) -> Result<(), HostError> {
        let usual = if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let same = self.host == other.host && self.port.unwrap_or(usual) == other.port.unwrap_or(usual);
        if same { Ok(()) } else { Err(HostError::Disagree) }
    }
}

/// What follows the host: nothing, or `:` and at most five digits; RFC 3986 lets them be absent.
fn read_port(text: &str) -> Result<Option<u16>, HostError> {
    let digits = match text.strip_prefix(':') {
        None if text.is_empty() => return Ok(None),
        None => return Err(HostError::Malformed),
        Some("") => return Ok(None),
        Some(digits) => digits,
    };
    if digits.len() > 5 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HostError::Malformed);
    }
    digits.parse().map(Some).map_err(|_| HostError::Malformed)
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::*;

    fn host(version: Version, uri: &str, fields: &[&str]) -> Result<String, HostError> {
        let mut request = Request::builder().version(version).uri(uri);
        for field in fields {
            request = request.header(HOST, *field);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        authority(&parts).map(|host| host.to_string())
    }

    #[test]
    fn a_host_field_is_read_into_its_normal_form() {
        let cases = [
            ("example.com", Ok("example.com")),
            ("Example.COM:8080", Ok("example.com")),
            ("example.com.", Ok("example.com")),
            ("example.com:", Ok("example.com")),
            ("127.0.0.1:80", Ok("127.0.0.1")),
            ("a_b.internal", Ok("a_b.internal")),
            ("[::1]", Ok("[::1]")),
            ("[0:0::1]:8080", Ok("[::1]")),
            ("", Err(HostError::Malformed)),
            (".", Err(HostError::Malformed)),
            (".example.com", Err(HostError::Malformed)),
            ("a..b", Err(HostError::Malformed)),
            ("user@example.com", Err(HostError::Malformed)),
            ("a, b", Err(HostError::Malformed)),
            ("a/b", Err(HostError::Malformed)),
            ("a:65536", Err(HostError::Malformed)),
            ("a:+80", Err(HostError::Malformed)),
            ("a:80:80", Err(HostError::Malformed)),
            ("::1", Err(HostError::Malformed)),
            ("[::1", Err(HostError::Malformed)),
            ("[::1]x", Err(HostError::Malformed)),
            ("[fe80::1%25eth0]", Err(HostError::Malformed)),
            ("b\u{fc}cher.example", Err(HostError::Malformed)),
        ];
        for (field, expected) in cases {
            let found = host(Version::HTTP_11, "/", &[field]);
            assert_eq!(found.as_deref(), expected.as_ref().map(|text| *text), "{field}");
        }
    }

    #[test]
    fn exactly_one_host_field_is_needed_in_http_1() {
        assert_eq!(host(Version::HTTP_11, "/", &[]), Err(HostError::Missing));
        assert_eq!(host(Version::HTTP_10, "/", &[]), Err(HostError::Missing));
        assert_eq!(host(Version::HTTP_11, "http://a/", &[]), Err(HostError::Missing));
        assert_eq!(host(Version::HTTP_11, "/", &["a", "a"]), Err(HostError::Duplicate));
        assert_eq!(host(Version::HTTP_2, "/", &[]), Err(HostError::Missing));
        assert_eq!(host(Version::HTTP_2, "https://A/", &[]).as_deref(), Ok("a"));
    }

    #[test]
    fn the_request_target_and_the_host_field_must_agree() {
        let cases = [
            ("http://Example.com/x", "example.com", Ok("example.com")),
            ("http://example.com:80/x", "example.com", Ok("example.com")),
            ("https://example.com/x", "example.com:443", Ok("example.com")),
            ("https://example.com/x", "example.com:80", Err(HostError::Disagree)),
            ("http://example.com/x", "other.com", Err(HostError::Disagree)),
            ("http://user@example.com/x", "example.com", Err(HostError::Malformed)),
        ];
        for (uri, field, expected) in cases {
            let found = host(Version::HTTP_11, uri, &[field]);
            assert_eq!(found.as_deref(), expected.as_ref().map(|text| *text), "{uri} {field}");
        }
    }

    #[test]
    fn a_normal_host_shares_the_bytes_of_the_field() {
        let request = Request::builder().header(HOST, "example.com:80").body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let host = authority(&parts).unwrap();
        assert_eq!(host.as_str().as_ptr(), parts.headers[HOST].as_bytes().as_ptr());
    }
}
