//! Where things are: absolute URLs of a provider, our own origin, and paths of ours that a browser may be sent to.
//!
//! Only what has one reading is a URL here. Nothing is repaired: what a browser and a server might take for two
//! different places is none.

use serde::{Deserialize, Serialize};

const MAX_URL: usize = 2048;
/// Longest path and query that a visitor is brought back to.
const MAX_RETURN: usize = 1024;

/// An absolute URL, `https` or on this very machine, without user, fragment and default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    text: String,
    /// Where path and query begin.
    path: usize,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let is_usable = scheme == "https" || scheme == "http" && is_loopback(host);
        if !is_usable || text.len() > MAX_URL || !is_host(host) || !target.bytes().all(is_plain) {
            return None;
        }
        let origin = match (scheme, port) {
            ("https", None | Some(443)) | ("http", None | Some(80)) => format!("{scheme}://{host}"),
            (_, Some(port)) => format!("{scheme}://{host}:{port}"),
            (_, None) => return None,
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Some(Self { path: origin.len(), text: format!("{origin}{slash}{target}") })
    }

    pub(crate) fn origin(&self) -> &str {
        self.text.get(..self.path).unwrap_or_default()
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.text.get(self.path..).unwrap_or_default()
    }

    /// The URL with these parameters behind those it has.
    pub(crate) fn with_query(&self, query: &str) -> String {
        let joint = if self.text.contains('?') { '&' } else { '?' };
        format!("{}{joint}{query}", self.text)
    }
}

/// Who vouches for visitors, by the name its tokens give (OpenID Connect Core 1.0 section 2).
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Issuer {
    name: String,
    url: Url,
}

impl Issuer {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn origin(&self) -> &str {
        self.url.origin()
    }

    /// Where its document is (OpenID Connect Discovery 1.0 section 4).
    pub(crate) fn document(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.url.target().trim_end_matches('/'))
    }
}

impl TryFrom<String> for Issuer {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match Url::parse(&name).filter(|_| !name.contains('?')) {
            Some(url) => Ok(Self { name, url }),
            None => Err("must be the issuer as its tokens name it, such as `https://idp.example.com/realms/main`"),
        }
    }
}

/// Scheme and authority, as browsers write them in `Origin`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers keep cookies with `Secure` for it.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The URL of a path of ours.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match Url::parse(&text).filter(|url| url.origin() == text) {
            Some(_) => Ok(Self(text)),
            None => Err("must be scheme and authority as browsers see them, such as `https://shop.example.com`; \
                         `http` is for `localhost` and loopback addresses"),
        }
    }
}

/// A path of ours as it is written in a configuration: segments that need no escapes, and no query.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LocalPath(String);

impl LocalPath {
    /// Where the provider sends visitors back to, unless something else is said.
    pub(crate) fn callback() -> Self {
        Self("/_login/callback".to_owned())
    }

    /// Where visitors sign out, unless something else is said.
    pub(crate) fn logout() -> Self {
        Self("/_logout".to_owned())
    }

    pub(crate) fn root() -> Self {
        Self("/".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LocalPath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let is_dots = |segment: &str| segment == "." || segment == "..";
        let is_path = path.starts_with('/') && !path.contains("//") && path.len() <= 256;
        if !is_path || !path.bytes().all(fine) || path.split('/').any(is_dots) {
            return Err(
                "must be a path such as `/_login/callback`: letters, digits, `-`, `.`, `_`, `~` and single `/`",
            );
        }
        Ok(Self(path))
    }
}

/// Path and query of ours that a visitor is brought back to: nothing that any browser takes for another site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ReturnTo(String);

impl ReturnTo {
    /// This path and query, or our root where that would not do.
    pub(crate) fn new(path: &str, query: Option<&str>) -> Self {
        let target = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        Self::try_from(target).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl From<ReturnTo> for String {
    fn from(target: ReturnTo) -> Self {
        target.0
    }
}

impl TryFrom<String> for ReturnTo {
    type Error = &'static str;

    fn try_from(target: String) -> Result<Self, Self::Error> {
        // What stands first decides whether it is a path at all: `//host` and `/\host` name another site.
        let is_path = target.starts_with('/') && !target.starts_with("//") && target.len() <= MAX_RETURN;
        if is_path && target.bytes().all(is_plain) { Ok(Self(target)) } else { Err("no path of this site") }
    }
}

/// Visible ASCII that stands for itself in path and query (RFC 3986), in a header field and in quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte)
}

/// The host, and the port if there is one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority.get(after_host..)?.split_once(':') {
        None => Some((authority, None)),
        Some((name, digits)) => {
            let port = digits.parse::<u16>().ok().filter(|port| port.to_string() == digits)?;
            Some((authority.get(..after_host + name.len())?, Some(port)))
        }
    }
}

/// A name in lower case or an address.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(fine)
}

/// Whether it can be nowhere but on this machine.
fn is_loopback(host: &str) -> bool {
    let is_address = || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || is_address()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_is_absolute_and_secure_or_local() {
        let cases = [
            ("https://idp.example.com", Some(("https://idp.example.com", "/"))),
            ("https://idp.example.com:443/a?b=c", Some(("https://idp.example.com", "/a?b=c"))),
            ("https://idp.example.com:8443?b", Some(("https://idp.example.com:8443", "/?b"))),
            ("http://localhost:8080/", Some(("http://localhost:8080", "/"))),
            ("http://127.0.0.1:80/x", Some(("http://127.0.0.1", "/x"))),
            ("http://[::1]:9/x", Some(("http://[::1]:9", "/x"))),
            ("http://idp.example.com/", None),
            ("http://localhost.example.com/", None),
            ("http://127.0.0.1.example.com/", None),
            ("https://user@idp.example.com/", None),
            ("https://idp.example.com\\@evil.example/", None),
            ("https://idp.example.com/#a", None),
            ("https://idp.example.com/a b", None),
            ("https://idp.example.com/\r\nx", None),
            ("https://IDP.example.com/", None),
            ("https://idp.example.com:0443/", None),
            ("https://idp.example.com:/", None),
            ("https://[::1/", None),
            ("https:///a", None),
            ("//idp.example.com/", None),
            ("javascript://idp.example.com/", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let url = Url::parse(text);
            assert_eq!(url.as_ref().map(|url| (url.origin(), url.target())), expected, "{text:?}");
        }
        assert_eq!(Url::parse("https://a/b?c=d").unwrap().with_query("e=f"), "https://a/b?c=d&e=f");
        assert_eq!(Url::parse("https://a/b").unwrap().with_query("e=f"), "https://a/b?e=f");
    }

    #[test]
    fn nobody_is_brought_back_to_another_site() {
        let other = [
            "",
            "a",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x",
            "/\t/evil.example",
            "/a b",
            "/a\u{0}",
            "/\u{e9}",
            "/a#b",
            "/a\"b",
            "/<script>",
        ];
        for target in other {
            assert_eq!(ReturnTo::new(target, None).as_str(), "/", "{target:?}");
        }
        for query in ["a\nb", "a\\b", "a\"b", "\u{e9}"] {
            assert_eq!(ReturnTo::new("/a", Some(query)).as_str(), "/", "{query:?}");
        }
        for target in ["/", "/a/b.html", "/a%20b", "/%2f%2fevil.example", "/@evil.example", "/a?b=https://c//d&e=%5c"] {
            assert_eq!(ReturnTo::new(target, None).as_str(), target);
        }
        assert_eq!(ReturnTo::new("/a", Some("b=c")).as_str(), "/a?b=c");
        assert_eq!(ReturnTo::new(&format!("/{}", "a".repeat(MAX_RETURN)), None).as_str(), "/");
    }

    #[test]
    fn paths_of_ours_are_plain() {
        for (path, fine) in [
            ("/", true),
            ("/_login/callback", true),
            ("/a.b", true),
            ("", false),
            ("a", false),
            ("//a", false),
            ("/a//b", false),
            ("/../a", false),
            ("/a/.", false),
            ("/a?b", false),
            ("/%61", false),
            ("/a b", false),
        ] {
            assert_eq!(LocalPath::try_from(path.to_owned()).is_ok(), fine, "{path}");
        }
    }

    #[test]
    fn our_origin_is_written_as_browsers_write_it() {
        for (text, fine) in [
            ("https://shop.example.com", true),
            ("https://shop.example.com:8443", true),
            ("http://localhost:8080", true),
            ("https://shop.example.com/", false),
            ("https://shop.example.com:443", false),
            ("http://shop.example.com", false),
            ("https://Shop.example.com", false),
            ("null", false),
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).is_ok(), fine, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_a_url_stays_on_its_origin(text in "https?://[a-z@.:/?#\\\\\\[\\]0-9 -]{0,24}") {
            if let Some(url) = Url::parse(&text) {
                prop_assert!(url.target().starts_with('/'));
                prop_assert_eq!(Url::parse(&format!("{}{}", url.origin(), url.target())), Some(url));
            }
        }

        #[test]
        fn arbitrary_text_is_read_without_panic(text in any::<String>()) {
            let _ = Url::parse(&text);
            prop_assert!(ReturnTo::new(&text, Some(&text)).as_str().starts_with('/'));
        }
    }
}
