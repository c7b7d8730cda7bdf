//! Origins an operator allows, and whether the one of a request is among them.
//!
//! Browsers send origins serialised (HTML standard, section 7.1.1): lower case, no default port, no path. So they are
//! compared byte by byte.

use serde::Deserialize;
use std::str;

/// Longest host of an origin, as DNS has it.
const MAX_HOST: usize = 253;

/// The origins allowed: all, or those of a list.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Origins(Vec<Origin>);

impl Origins {
    /// Whether every origin is allowed, so that the answer depends on none.
    pub(crate) fn is_any(&self) -> bool {
        self.0.contains(&Origin::Any)
    }

    /// Whether opaque origins, which any page can have, are allowed.
    pub(crate) fn has_null(&self) -> bool {
        self.0.contains(&Origin::Null)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether pages of `origin`, as the request named it, are allowed.
    pub(crate) fn allow(&self, origin: &[u8]) -> bool {
        str::from_utf8(origin).is_ok_and(|origin| self.0.iter().any(|known| known.allows(origin)))
    }
}

/// One entry of the list.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Origin {
    /// `*`
    Any,
    /// `null`: sandboxed frames, local files, some redirects.
    Null,
    /// `https://app.example.com`
    Exact(String),
    /// `https://*.example.com:8443`: any number of labels before the host, but not the host alone.
    Below {
        /// `https://`
        scheme: String,
        /// `.example.com:8443`
        rest: String,
    },
}

impl Origin {
    fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Null => origin == "null",
            Self::Exact(known) => origin == known,
            Self::Below { scheme, rest } => origin
                .strip_prefix(scheme.as_str())
                .and_then(|origin| origin.strip_suffix(rest.as_str()))
                .is_some_and(|labels| labels.len() <= MAX_HOST && are_labels(labels)),
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Null),
            _ => {}
        }
        let (scheme, rest) =
            text.split_once("://").ok_or("must be an origin such as `https://app.example.com`, or `*` or `null`")?;
        if !is_scheme(scheme) {
            return Err("must begin with a scheme in lower case");
        }
        let (host, port) = split_port(rest)?;
        if is_default(scheme, port) {
            return Err("must leave out the default port, as browsers do");
        }
        match host.strip_prefix("*.") {
            None if is_host(host) => Ok(Self::Exact(text)),
            Some(host) if is_host(host) && may_have_subdomains(host) => {
                Ok(Self::Below { scheme: format!("{scheme}://"), rest: rest[1..].to_owned() })
            }
            Some(_) => Err("`*.` must stand before a name of at least two labels, such as `https://*.example.com`"),
            None => Err("must hold nothing but scheme, host in lower case and port, with `*` only as the first label"),
        }
    }
}

/// RFC 3986 section 3.1.
fn is_scheme(scheme: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(fine)
}

/// The host, and the port if there is one.
fn split_port(rest: &str) -> Result<(&str, Option<u16>), &'static str> {
    let after_host = rest.rfind(']').map_or(0, |bracket| bracket + 1);
    match rest[after_host..].rfind(':') {
        None => Ok((rest, None)),
        Some(colon) => {
            let (host, port) = rest.split_at(after_host + colon);
            let port = &port[1..];
            let number = port.parse::<u16>().ok();
            match number.filter(|number| number.to_string() == port) {
                Some(number) => Ok((host, Some(number))),
                None => Err("must have a port from 0 to 65535, or none"),
            }
        }
    }
}

fn is_default(scheme: &str, port: Option<u16>) -> bool {
    matches!((scheme, port), ("http", Some(80)) | ("https", Some(443)))
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(address) => address
            .strip_suffix(']')
            .and_then(|address| address.parse::<std::net::Ipv6Addr>().ok().map(|parsed| parsed.to_string() == address))
            .unwrap_or(false),
        None => host.len() <= MAX_HOST && are_labels(host),
    }
}

/// An address has no subdomains, and below a single label is everyone, save `localhost`, which is oneself.
fn may_have_subdomains(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let is_name = !last.bytes().all(|byte| byte.is_ascii_digit()) && !host.starts_with('[');
    is_name && (host.contains('.') || host == "localhost")
}

/// Labels in lower case, joined by single dots.
fn are_labels(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    text.split('.').all(|label| !label.is_empty() && label.bytes().all(fine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(entry: &str, origin: &str) -> bool {
        let entry = Origin::try_from(entry.to_owned()).unwrap();
        Origins(vec![entry]).allow(origin.as_bytes())
    }

    #[test]
    fn origins_are_allowed_byte_by_byte() {
        let cases = [
            ("*", "https://any.example", true),
            ("*", "null", true),
            ("null", "null", true),
            ("null", "NULL", false),
            ("null", "https://null", false),
            ("https://app.example.com", "https://app.example.com", true),
            ("https://app.example.com", "null", false),
            ("https://app.example.com", "", false),
            ("https://app.example.com", "http://app.example.com", false),
            ("https://app.example.com", "HTTPS://app.example.com", false),
            ("https://app.example.com", "https://App.example.com", false),
            ("https://app.example.com", "https://app.example.com/", false),
            ("https://app.example.com", "https://app.example.com:443", false),
            ("https://app.example.com", "https://app.example.com:8443", false),
            ("https://app.example.com", "https://app.example.com.evil", false),
            ("https://app.example.com", "https://evil@app.example.com", false),
            ("https://app.example.com", "https://app.example.com https://evil.example", false),
            ("https://app.example.com:8443", "https://app.example.com:8443", true),
            ("https://app.example.com:8443", "https://app.example.com", false),
            ("http://[::1]:3000", "http://[::1]:3000", true),
            ("capacitor://localhost", "capacitor://localhost", true),
        ];
        for (entry, origin, expected) in cases {
            assert_eq!(allows(entry, origin), expected, "{entry} {origin}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_whole_labels() {
        let cases = [
            ("https://a.example.com", true),
            ("https://b.a.example.com", true),
            ("https://xn--bcher-kva.example.com", true),
            ("https://example.com", false),
            ("https://.example.com", false),
            ("https://a..example.com", false),
            ("https://evilexample.com", false),
            ("https://example.com.evil", false),
            ("https://a.example.com.evil", false),
            ("https://evil/.example.com", false),
            ("https://evil:1.example.com", false),
            ("https://evil#.example.com", false),
            ("https://evil@a.example.com", false),
            ("https://*.example.com", false),
            ("https://A.example.com", false),
            ("http://a.example.com", false),
            ("https://a.example.com:8443", false),
        ];
        for (origin, expected) in cases {
            assert_eq!(allows("https://*.example.com", origin), expected, "{origin}");
        }
        assert!(allows("https://*.example.com:8443", "https://a.example.com:8443"));
        assert!(!allows("https://*.example.com:8443", "https://a.example.com"));
        assert!(allows("http://*.localhost:3000", "http://app.localhost:3000"));
        let endless = format!("https://{}.example.com", "a.".repeat(4000) + "a");
        assert!(!allows("https://*.example.com", &endless));
    }

    #[test]
    fn what_no_browser_would_send_is_no_entry() {
        for entry in [
            "",
            "app.example.com",
            "NULL",
            "https://",
            "https://App.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?q",
            "https://u@app.example.com",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://app.example.com:",
            "https://app.example.com:0443",
            "https://app.example.com:70000",
            "https://app.example.com:*",
            "https://app..example.com",
            "https://b\u{fc}cher.example",
            "https://*",
            "https://*.com",
            "https://*.*.com",
            "https://*.0.0.1",
            "https://*.[::1]",
            "https://a.*.example.com",
            "https://*a.example.com",
            "http://[::1",
            "http://[0:0::1]",
            "http://[::1]3000",
            " https://app.example.com",
        ] {
            assert!(Origin::try_from(entry.to_owned()).is_err(), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_allows_only_hosts_below_it(origin in r"https?://[a-z.:@/*-]{0,12}example\.com[a-z.:@/0-9]{0,4}") {
            if allows("https://*.example.com", &origin) {
                let host = origin.strip_prefix("https://").unwrap();
                prop_assert!(host.ends_with(".example.com") && !host.contains([':', '@', '/', '*']));
            }
        }

        #[test]
        fn entries_are_read_without_panic_and_allow_themselves(entry in r"\PC{0,24}|[a-z]{1,5}://[a-z0-9.\[\]:*-]{0,12}") {
            if let Ok(Origin::Exact(text)) = Origin::try_from(entry) {
                prop_assert!(allows(&text, &text));
            }
        }
    }
}
