//! Scheme and authority of a target URI, as an operator writes them where the gateway's own are not those that were signed.

use serde::Deserialize;

/// `https://api.example.com`, in normal form (RFC 9110 section 4.2.3): lower case, and without the usual port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Origin {
    pub(crate) scheme: String,
    pub(crate) authority: String,
}

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.to_ascii_lowercase();
        match text.split_once("://") {
            Some((scheme @ ("http" | "https"), authority)) if is_authority(authority) => {
                Ok(Self { scheme: scheme.to_owned(), authority: without_usual_port(scheme, authority).to_owned() })
            }
            _ => Err(
                "must be a scheme and a host, with its port unless that is the usual one: `https://api.example.com`",
            ),
        }
    }
}

/// `host` or `host:port`; IPv6 in brackets.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_host && port.is_none_or(is_port)
}

/// An authority without the port that its scheme has anyway.
pub(crate) fn without_usual_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let usual = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(usual).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_form() {
        for (text, scheme, authority) in [
            ("https://api.example.com", "https", "api.example.com"),
            ("HTTPS://API.Example.com:443", "https", "api.example.com"),
            ("http://a:80", "http", "a"),
            ("http://a:443", "http", "a:443"),
            ("https://[::1]:8443", "https", "[::1]:8443"),
            ("https://[::1]", "https", "[::1]"),
        ] {
            let origin = Origin::try_from(text.to_owned()).unwrap();
            assert_eq!((origin.scheme.as_str(), origin.authority.as_str()), (scheme, authority), "{text}");
        }
        for text in [
            "",
            "a",
            "ftp://a",
            "https://",
            "https://a/",
            "https://a/b",
            "https://u@a",
            "https://a:",
            "https://a:b",
            "https://[1]",
            "https://a b",
            "https://a:99999",
            "https://a?b",
        ] {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
