//! What an operator writes in the configuration of `oauth`, as types that cannot be wrong.

use serde::Deserialize;

/// A path, and a query if need be, below the URL of a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ServicePath(String);

impl ServicePath {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServicePath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        if !path.starts_with('/') || path.len() > 1024 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be a path that begins with `/`, of printable ASCII");
        }
        Ok(Self(path))
    }
}

/// An absolute URL of `http` or `https` that can stand between quotes as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Url {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        let after_scheme = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_quotable = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let starts_with_host = after_scheme.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
        if !starts_with_host || !url.bytes().all(is_quotable) {
            return Err("must be a URL that begins with `https://` or `http://`");
        }
        Ok(Self(url))
    }
}

/// Scheme and authority of a URL: `https://api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "must be scheme and authority as clients see them, such as `https://api.example.com`";
        let Url(url) = Url::try_from(url).map_err(|_| WRONG)?;
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(WRONG);
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_authority_and_no_more() {
        for url in ["https://api.example.com", "http://localhost:8080", "https://[::1]:8443"] {
            assert!(Origin::try_from(url.to_owned()).is_ok(), "{url}");
        }
        for url in
            ["", "api.example.com", "ftp://a", "https://", "https://a/", "https://a?b", "https://a#b", "https://u@a"]
        {
            assert!(Origin::try_from(url.to_owned()).is_err(), "{url}");
        }
    }

    #[test]
    fn a_url_can_stand_between_quotes() {
        assert!(Url::try_from("https://api.example.com/.well-known/oauth-protected-resource".to_owned()).is_ok());
        for url in ["https://a/\"", "https://a/\\", "https://a/ b", "https:///a", "/a", "https://a/\u{e9}"] {
            assert!(Url::try_from(url.to_owned()).is_err(), "{url}");
        }
    }

    #[test]
    fn a_path_begins_with_a_slash_and_is_printable() {
        assert!(ServicePath::try_from("/introspect?v=1".to_owned()).is_ok());
        for path in ["", "introspect", "/a b", "/\u{e9}"] {
            assert!(ServicePath::try_from(path.to_owned()).is_err(), "{path}");
        }
    }
}
