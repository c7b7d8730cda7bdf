//! Who may ask: programs on this machine, and no web page.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::exchange::sole;

/// Refuse what a browser could be tricked into sending: a foreign name that resolves to us, a page of another origin.
pub(super) fn local(headers: &HeaderMap) -> Result<(), &'static str> {
    let host = sole(headers, HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
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
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or_default(),
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    if !(port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())) {
        return false;
    }
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
            ("localhost:x@evil.example", None, false),
            ("[::1]@evil.example", None, false),
            ("[::1]:8081:1", None, false),
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
}
