//! Which hosts a route is for: one name, or all names below one.

use std::fmt;
use std::str::FromStr;

use crate::exchange::authority::{HostError, HostPort};

/// `api.example.com`, or `*.example.com` for one or more labels before `example.com`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct HostPattern(Kind);

/// Why a host pattern cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostPatternError {
    #[error("a host is written without its port")]
    Port,
    #[error("`*` stands alone in front of the first dot, as in `*.example.com`; for any host leave `hosts` out")]
    Wildcard,
    #[error("not a host name or address; write international names in their `xn--` form")]
    Host(#[source] HostError),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Exact(Box<str>),
    /// What follows `*.`.
    Below(Box<str>),
}

impl HostPattern {
    /// Whether a host in the form of [`crate::exchange::authority::Host`] is covered.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn matches(&self, host: &str) -> bool {
        match &self.0 {
            Kind::Exact(name) => **name == *host,
            Kind::Below(suffix) => host
                .strip_suffix(&**suffix)
                .and_then(|labels| labels.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
        }
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, text),
        };
        // An address has no names below it.
        if name.contains('*') || (wildcard && name.starts_with('[')) {
            return Err(HostPatternError::Wildcard);
        }
        let parsed = HostPort::read(name).map_err(HostPatternError::Host)?;
        if parsed.port.is_some() {
            return Err(HostPatternError::Port);
        }
        let name = parsed.host.into();
        Ok(Self(if wildcard { Kind::Below(name) } else { Kind::Exact(name) }))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(name) => f.write_str(name),
            Kind::Below(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

impl fmt::Debug for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostPattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_host_pattern_is_kept_in_normal_form() {
        assert_eq!(pattern("API.Example.com.").to_string(), "api.example.com");
        assert_eq!(pattern("*.Example.com").to_string(), "*.example.com");
        assert_eq!(pattern("[0::1]").to_string(), "[::1]");
    }

    #[test]
    fn a_wildcard_covers_one_or_more_labels() {
        let below = pattern("*.example.com");
        assert!(below.matches("a.example.com"));
        assert!(below.matches("a.b.example.com"));
        assert!(!below.matches("example.com"));
        assert!(!below.matches("badexample.com"));
        assert!(!below.matches(".example.com"));
    }

    #[test]
    fn what_is_no_host_pattern_is_a_fault() {
        let cases = [
            ("*", HostPatternError::Wildcard),
            ("a.*.com", HostPatternError::Wildcard),
            ("*.*.com", HostPatternError::Wildcard),
            ("*.[::1]", HostPatternError::Wildcard),
            ("example.com:443", HostPatternError::Port),
            ("", HostPatternError::Host(HostError::Malformed)),
            ("*.", HostPatternError::Host(HostError::Malformed)),
            ("http://a", HostPatternError::Host(HostError::Malformed)),
            ("b\u{fc}cher.example", HostPatternError::Host(HostError::Malformed)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<HostPattern>(), Err(expected), "{text}");
        }
    }
}
