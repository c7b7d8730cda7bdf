//! Which header fields may cross the gateway: hop-by-hop fields end here, identity fields come from nobody but us.

mod http1;
mod pattern;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use http1::is_same;
pub(crate) use http1::is_same_in_http1;
pub(crate) use pattern::BadPattern;
use pattern::{Pattern, fold, folds_to};

/// A Connection field names something that is not its to remove, or is no list of field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Connection field is not a list of hop-by-hop fields")]
pub(crate) struct BadConnection;

/// Remove what belongs to one connection only (RFC 9110 section 7.6.1), in either direction.
///
/// What the client wants after the body (`te`) and upgrades must be noted before. Fails without removing anything a
/// Connection field names when one of them is end-to-end.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) -> Result<(), BadConnection> {
    // One look at the names there are costs a fraction of asking for each that must not be there.
    let mut found = 0_u16;
    for name in headers.keys() {
        // Most names are told from all of these by their length.
        if HOP_BY_HOP_LENGTHS & (1_u32 << name.as_str().len().min(31)) != 0
            && let Some(at) = HOP_BY_HOP.iter().position(|known| *known == name.as_str())
        {
            found |= 1 << at;
        }
    }
    if found == 0 {
        return Ok(());
    }
    // The first of them goes together with what it names.
    if found & 1 != 0 {
        strip_named(headers)?;
    }
    for (at, name) in HOP_BY_HOP.iter().enumerate().skip(1) {
        if found & (1 << at) != 0 {
            headers.remove(*name);
        }
    }
    Ok(())
}

/// Remove from the trailers of a request what may only stand in its head (RFC 9110 section 6.5.1), or comes from nobody
/// but us.
pub(crate) fn clean_request_trailers(fields: &mut HeaderMap, identity: &IdentityHeaders) {
    clean_trailers(fields, |name| identity.covers(name) || name.contains('_'));
}

/// As for requests; a response has no identity.
pub(crate) fn clean_response_trailers(fields: &mut HeaderMap) {
    clean_trailers(fields, |_| false);
}

/// Fields that no client may send: those that say who calls and from where, which only the gateway writes, and those
/// with `_` in their names, which many servers take for their twins with `-`.
///
/// Always among them: `forwarded`, `x-forwarded-*` and `x-real-ip`, and [`DEBUG_FIELD`], which is for nobody but the
/// gateway.
#[derive(Debug, Clone)]
pub(crate) struct IdentityHeaders {
    patterns: Vec<Pattern>,
    /// The first bytes of all patterns: most names differ there.
    first: [bool; 128],
    /// Names with `_` that clients may send all the same.
    underscored: Vec<HeaderName>,
}

impl IdentityHeaders {
    /// From names (`x-consumer-id`) and prefixes (`x-consumer-*`).
    pub(crate) fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, BadPattern> {
        let mut patterns =
            FORWARDING.iter().chain([&DEBUG_FIELD]).map(|text| Pattern::parse(text)).collect::<Result<Vec<_>, _>>()?;
        for name in names {
            patterns.push(Pattern::parse(name.as_ref())?);
        }
        let mut first = [false; 128];
        for pattern in &patterns {
            if let Some(seen) = pattern.first_byte().and_then(|byte| first.get_mut(usize::from(byte))) {
                *seen = true;
            }
        }
        Ok(Self { patterns, first, underscored: Vec::new() })
    }

    /// The same, where clients may send these names with `_`.
    pub(crate) fn with_underscored(self, underscored: Vec<HeaderName>) -> Self {
        Self { underscored, ..self }
    }

    /// Remove identity fields of a client's request, and fields with `_`: a server that reads `_` and `-` as one would
    /// take those for what a policy wrote, removed or looked at.
    ///
    /// One that clients may send also goes when its twin with `-` is in the same message, whatever they mean, and when
    /// its twin is of the connection or of message framing.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        // Empty, hence free, for honest clients.
        let doomed: Vec<HeaderName> = headers
            .keys()
            .filter(|name| self.covers(name.as_str()) || self.is_shadow(name, headers))
            .cloned()
            .collect();
        for name in doomed {
            headers.remove(name);
        }
    }

    /// Whether a field of this name (lower case), or of its twin, is the gateway's own.
    pub(crate) fn covers(&self, name: &str) -> bool {
        let Some(&first) = name.as_bytes().first() else {
            return false;
        };
        let likely = self.first.get(usize::from(fold(first))).copied().unwrap_or_default();
        likely && self.patterns.iter().any(|pattern| pattern.matches(name.as_bytes()))
    }

    /// Whether a name has `_` and nobody said it may, or it stands beside its twin with `-`, or its twin is the host's
    /// own.
    fn is_shadow(&self, name: &HeaderName, headers: &HeaderMap) -> bool {
        let is_twin = |other: &str| !other.contains('_') && are_twins(name.as_str(), other);
        memchr::memchr(b'_', name.as_str().as_bytes()).is_some()
            && (!self.underscored.contains(name)
                || headers.keys().any(|other| is_twin(other.as_str()))
                || host_owned().any(|owned| is_twin(owned)))
    }
}

/// Whether no policy may ever write this name: not a field name, a pseudo-field, or one of the host's own (connection,
/// framing).
pub(crate) fn is_forbidden_edit(name: &str) -> bool {
    let is_token = HeaderName::from_bytes(name.as_bytes()).is_ok();
    !is_token || host_owned().any(|owned| folds_to(name.as_bytes(), owned.as_bytes()))
}

/// Whether a client's field of this name (lower case) is removed whatever the configuration, so that nothing behind
/// ever sees one.
pub(crate) fn is_always_removed(name: &str) -> bool {
    let mut said = FORWARDING.iter().chain([&DEBUG_FIELD]).filter_map(|text| Pattern::parse(text).ok());
    is_forbidden_edit(name) || said.any(|pattern| pattern.matches(name.as_bytes()))
}

/// Whether servers that read `_` and `-` as one take these for the same name.
pub(crate) fn are_twins(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(one, other)| fold(one) == fold(other))
}

/// Whether a request without its field of this name (lower case) would mean something else, or come from somebody else.
pub(crate) fn is_vital(name: &str) -> bool {
    let mut vital = host_owned().chain(&ESSENTIAL);
    vital.any(|vital| folds_to(name.as_bytes(), vital.as_bytes())) || name.starts_with(ESSENTIAL_PREFIX)
}

/// What belongs to one connection wherever it stands, in lower case.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A bit for each length there is among them.
const HOP_BY_HOP_LENGTHS: u32 = {
    let mut lengths = 0;
    let mut at = 0;
    while at < HOP_BY_HOP.len() {
        lengths |= 1 << HOP_BY_HOP[at].len();
        at += 1;
    }
    lengths
};

/// Where a request came from, as told by proxies.
const FORWARDING: [&str; 3] = ["forwarded", "x-forwarded-*", "x-real-ip"];

/// The field in which a debug token is shown to the gateway.
pub(crate) const DEBUG_FIELD: &str = "lockgate-debug";

/// Fields the host owns beside those: of message framing, and what belongs to one of them.
const FRAMING: [&str; 3] = ["content-length", "proxy-authentication-info", "trailer"];

/// Fields of the connection or of message framing.
fn host_owned() -> impl Iterator<Item = &'static &'static str> {
    HOP_BY_HOP.iter().chain(&FRAMING)
}

/// End-to-end fields whose removal by a peer would change who is asked, who asks, or what the body is.
const ESSENTIAL: [&str; 16] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "location",
    "origin",
    "set-cookie",
    "vary",
    "via",
    "www-authenticate",
];

const ESSENTIAL_PREFIX: &str = "x-forwarded-";

fn clean_trailers(fields: &mut HeaderMap, covers: impl Fn(&str) -> bool) {
    let is_doomed = |(name, value): &(&HeaderName, &HeaderValue)| {
        !is_same(name, value) || is_vital(name.as_str()) || covers(name.as_str())
    };
    let doomed: Vec<_> = fields.iter().filter(is_doomed).map(|(name, _)| name.clone()).collect();
    for name in doomed {
        fields.remove(name);
    }
}

/// Remove Connection and what it names.
fn strip_named(headers: &mut HeaderMap) -> Result<(), BadConnection> {
    let mut named = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        for option in members(value) {
            // What nearly every client sends; both are removed in any case.
            if option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close") {
                continue;
            }
            let name = HeaderName::from_bytes(option).map_err(|_| BadConnection)?;
            if ESSENTIAL.contains(&name.as_str()) || name.as_str().starts_with(ESSENTIAL_PREFIX) {
                return Err(BadConnection);
            }
            named.push(name);
        }
    }
    headers.remove(header::CONNECTION);
    for name in named {
        headers.remove(name);
    }
    Ok(())
}

/// The members of a comma-separated list; empty ones do not count (RFC 9110 section 5.6.1).
fn members(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let parts = value.as_bytes().split(|&byte| byte == b',');
    parts.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let parse = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(parse) {
            headers.append(name, value);
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn fields_of_the_connection_end_here() {
        let mut found = headers(&[
            ("accept", "*/*"),
            ("connection", "keep-alive, X-Once"),
            ("connection", ", upgrade,"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-once", "1"),
        ]);
        assert_eq!(strip_hop_by_hop(&mut found), Ok(()));
        assert_eq!(names(&found), ["accept", "trailer"]);
    }

    #[test]
    fn a_connection_field_cannot_remove_what_is_end_to_end() {
        let essential = ["Authorization", "cookie", "host", "x-forwarded-for"];
        for option in essential.into_iter().chain(["a b", "\"x\""]) {
            let mut found = headers(&[("connection", "close"), ("connection", option)]);
            assert_eq!(strip_hop_by_hop(&mut found), Err(BadConnection), "{option}");
        }
    }

    #[test]
    fn trailers_lose_what_belongs_in_a_head() {
        let identity = IdentityHeaders::new(["x-consumer-*"]).unwrap();
        let sent = [
            ("authorization", "x"),
            ("content_length", "1"),
            ("grpc-status", "0"),
            ("te", "x"),
            ("x-consumer-id", "1"),
            ("x-forwarded-for", "1"),
            ("x-sum", "1"),
        ];
        let mut request = headers(&sent);
        clean_request_trailers(&mut request, &identity);
        assert_eq!(names(&request), ["grpc-status", "x-sum"]);
        let mut response = headers(&sent);
        clean_response_trailers(&mut response);
        assert_eq!(names(&response), ["grpc-status", "x-consumer-id", "x-sum"]);
    }

    #[test]
    fn identity_fields_and_their_twins_come_from_nobody_but_us() {
        let underscored = ["api_key", "content_type", "content_length", "x_plan"].map(HeaderName::from_static).into();
        let identity = IdentityHeaders::new(["x-consumer-*", "x-plan"]).unwrap().with_underscored(underscored);
        let mut found = headers(&[
            ("accept", "*/*"),
            ("api_key", "kept: nothing shadows it, and it may"),
            ("content_length", "1"),
            ("content_type", "text/plain"),
            ("content-type", "text/html"),
            ("forwarded", "for=1"),
            ("lockgate-debug", "1.token"),
            ("lockgate_debug", "1.token"),
            ("x-consumer", "kept: not under the prefix"),
            ("x-consumer-id", "1"),
            ("x_consumer-id", "2"),
            ("x-consumer_groups", "3"),
            ("x_user", "a policy may write its twin"),
            ("x_forwarded_for", "4"),
            ("x-plan", "gold"),
            ("x_plan", "gold"),
            ("x-planet", "kept"),
            ("x-real_ip", "5"),
        ]);
        identity.strip(&mut found);
        let kept = "accept api_key content-type x-consumer x-planet";
        assert_eq!(names(&found).join(" "), kept);
    }

    #[test]
    fn a_pattern_that_is_no_lower_case_name_is_a_fault() {
        for pattern in ["", "*", "X-Plan", "x plan", "x-*-id", ":path"] {
            let found = IdentityHeaders::new([pattern]).err();
            assert_eq!(found, Some(BadPattern(pattern.to_owned())));
        }
    }

    #[test]
    fn a_policy_never_writes_framing_or_connection_fields() {
        let framing = ["te", "Content-Length", "content_length", "transfer-encoding"];
        for name in framing.into_iter().chain(["", ":path", "@plan", "a b"]) {
            assert!(is_forbidden_edit(name), "{name}");
        }
        for name in ["host", "authorization", "x-a", "tea", "x-content-length"] {
            assert!(!is_forbidden_edit(name), "{name}");
        }
    }

    #[test]
    fn some_fields_are_removed_from_every_request_and_others_are_what_it_lives_on() {
        for name in ["x-real-ip", "x_real_ip", "x-forwarded-for", "x_forwarded-any", "forwarded", "te", DEBUG_FIELD] {
            assert!(is_always_removed(name), "{name}");
        }
        for name in ["host", "cookie", "x-forwarded", "x-real-ips"] {
            assert!(!is_always_removed(name), "{name}");
        }
        for name in ["host", "cookie", "authorization", "expect", "content-type", "forwarded", "x-forwarded-for", "te"]
        {
            assert!(is_vital(name), "{name}");
        }
        assert!(!is_vital("x-canary"));
    }

    proptest! {
        #[test]
        fn no_connection_value_can_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut found = HeaderMap::new();
                found.insert(header::CONNECTION, value);
                let _ = strip_hop_by_hop(&mut found);
            }
        }
    }
}
