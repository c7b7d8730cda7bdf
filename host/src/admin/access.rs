//! Who may ask: programs on this machine that hold the token, and no web page.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, ORIGIN};

/// The admin token. Never printed.
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn new(token: String) -> Self {
        Self(token)
    }

    /// Whether a request carries it as `Authorization: Bearer` (RFC 6750 section 2.1).
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return false };
        let Some((scheme, token)) = field.to_str().ok().and_then(|field| field.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer")
            && verify_slices_are_equal(token.trim().as_bytes(), self.0.as_bytes()).is_ok()
    }
}

/// Refuse what a browser could be tricked into sending: a foreign name that resolves to us, a page of another origin.
pub(super) fn local(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    if !is_loopback(host) {
        return Err("The Host must be a loopback name.\n");
    }
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if authority != Some(host) {
            return Err("Requests of other origins are refused.\n");
        }
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_loopback_names_and_our_own_origin_are_local() {
        for (host, origin, local_is) in [
            ("127.0.0.1:8081", None, true),
            ("localhost", None, true),
            ("[::1]:8081", None, true),
            ("127.0.0.1.example.com:8081", None, false),
            ("rebound.example:8081", None, false),
            ("localhost:8081", Some("http://localhost:8081"), true),
            ("localhost:8081", Some("https://evil.example"), false),
            ("localhost:8081", Some("null"), false),
        ] {
            let mut fields = headers(&[(HOST, host)]);
            if let Some(origin) = origin {
                fields.insert(ORIGIN, http::HeaderValue::from_static(origin));
            }
            assert_eq!(local(&fields).is_ok(), local_is, "{host} {origin:?}");
        }
    }

    #[test]
    fn the_token_admits_and_nothing_else_does() {
        let token = Token::new("secret".into());
        assert!(token.admits(&headers(&[(AUTHORIZATION, "Bearer secret")])));
        assert!(token.admits(&headers(&[(AUTHORIZATION, "bearer secret")])));
        for wrong in ["Bearer secre", "Bearer secret2", "Basic secret", "secret", ""] {
            assert!(!token.admits(&headers(&[(AUTHORIZATION, wrong)])), "{wrong}");
        }
    }
}
