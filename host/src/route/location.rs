//! Where a redirect leads: to a path of the same host, or to a URL.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

use super::params::Params;
use super::pattern::PathPattern;
use super::template::{Template, TemplateError};
use crate::exchange::authority::HostPort;
use crate::exchange::path::{PathError, Target};

/// A path such as `/new/{*rest}`, or `https://new.example/{*rest}`; parameters stand in its path and query only, so
/// that nobody but the operator says which host it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Scheme and authority; none for those of the request.
    origin: Option<Box<str>>,
    template: Template,
    fragment: Option<Box<str>>,
}

/// Why a redirect cannot lead there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LocationError {
    #[error("a redirect leads to a path that begins with `/`, or to a URL with `http://` or `https://`")]
    Kind,
    #[error("a URL has a host, maybe a port, and nothing else before its path, and parameters are none of that")]
    Authority,
    #[error("the path of a URL begins with `/`")]
    NoPath,
    #[error("the fragment holds what must be percent-encoded; parameters have no place in it")]
    Fragment,
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Location {
    /// A parameter that paths of `pattern` do not have, if there is one.
    pub(crate) fn foreign(&self, pattern: &PathPattern) -> Option<String> {
        self.template.foreign(pattern)
    }

    /// The value of the Location field, with `query` behind what the template has itself.
    pub(crate) fn render(&self, params: Params<'_>, query: Option<&str>) -> Result<HeaderValue, PathError> {
        let target = self.template.render(params, query)?;
        let mut text = String::from(self.origin.as_deref().unwrap_or_default());
        text.push_str(target.as_str());
        if let Some(fragment) = &self.fragment {
            text.push('#');
            text.push_str(fragment);
        }
        // Cannot fail: all of it is visible ASCII.
        HeaderValue::try_from(text).map_err(|_| PathError::ForbiddenByte)
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let (text, fragment) = text.split_once('#').map_or((text, None), |(text, fragment)| (text, Some(fragment)));
        if let Some(fragment) = fragment {
            // The rule for queries is that of fragments too (RFC 3986 section 3.5).
            let fits = !fragment.contains(['{', '}']) && Target::parse(format!("/?{fragment}")).is_ok();
            fits.then_some(()).ok_or(LocationError::Fragment)?;
        }
        let (origin, path) = if text.starts_with('/') { (None, text) } else { split_origin(text)? };
        Ok(Self { origin: origin.map(Into::into), template: path.parse()?, fragment: fragment.map(Into::into) })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin.as_deref().unwrap_or_default(), self.template)?;
        self.fragment.as_ref().map_or(Ok(()), |fragment| write!(f, "#{fragment}"))
    }
}

/// Scheme and authority of a URL, and the path behind them.
fn split_origin(text: &str) -> Result<(Option<&str>, &str), LocationError> {
    let (scheme, rest) = text.split_once("://").ok_or(LocationError::Kind)?;
    if !matches!(scheme, "http" | "https") {
        return Err(LocationError::Kind);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
    HostPort::read(authority).map_err(|_| LocationError::Authority)?;
    let path = match path {
        "" => "/",
        path if path.starts_with('?') => return Err(LocationError::NoPath),
        path => path,
    };
    Ok((text.get(..scheme.len() + "://".len() + authority.len()), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(pattern: &str, path: &str, to: &str, query: Option<&str>) -> String {
        let (pattern, location): (PathPattern, Location) = (pattern.parse().unwrap(), to.parse().unwrap());
        location.render(pattern.params(path).unwrap(), query).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_redirect_leads_to_a_path_or_to_a_url() {
        let cases = [
            ("/new/{*rest}", "/new/a/b?q"),
            ("https://new.example/{*rest}", "https://new.example/a/b?q"),
            ("http://new.example:8080/x?from=old", "http://new.example:8080/x?from=old&q"),
            ("https://new.example", "https://new.example/?q"),
            ("https://[::1]:8443/", "https://[::1]:8443/?q"),
            ("/guide#install", "/guide?q#install"),
        ];
        for (to, expected) in cases {
            assert_eq!(leads("/old/{*rest}", "/old/a/b", to, Some("q")), expected, "{to}");
        }
    }

    #[test]
    fn what_leads_nowhere_or_to_a_host_of_the_clients_choice_is_a_fault() {
        let cases = [
            ("new", LocationError::Kind),
            ("ftp://a/", LocationError::Kind),
            ("javascript://a/%0aalert", LocationError::Kind),
            ("mailto:a@b", LocationError::Kind),
            ("https://", LocationError::Authority),
            ("https:///a", LocationError::Authority),
            ("https://{tenant}.example/", LocationError::Authority),
            ("https://user@example/", LocationError::Authority),
            ("https://a b/", LocationError::Authority),
            ("https://a?b", LocationError::NoPath),
            ("/a#{b}", LocationError::Fragment),
            ("/a#b#c", LocationError::Fragment),
            ("https://a\\b/", LocationError::Template(TemplateError::Path(PathError::NotAbsolute))),
            ("//evil", LocationError::Template(TemplateError::NotNormal { normal: "/evil".into() })),
        ];
        for (to, expected) in cases {
            assert_eq!(to.parse::<Location>(), Err(expected), "{to}");
        }
    }
}
