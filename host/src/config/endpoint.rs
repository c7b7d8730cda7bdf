//! Owns services the gateway asks itself: the beginning of their URLs, and the fields it makes itself known with.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use http::HeaderName;

use super::fault::{At, Faults, Place};
use super::kinds::Spelled;
use super::material::declared;
use super::target::{Origin, Target, TargetError};
use crate::exchange::path;

/// Fields of a request that are not the operator's: they say where it goes, and what its body is.
const OWN_FIELDS: [&str; 9] =
    ["host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "user-agent"];

/// The beginning of the URLs of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub origin: Origin,
    /// Before what is asked for; empty, or begins with a slash and does not end in one. In normal form.
    pub path: String,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let authority = text.find("://").map_or(0, |at| at + 3);
        let slash = text[authority..].find('/').map_or(text.len(), |at| authority + at);
        let (origin, path) = text.split_at(slash);
        let Target::Origin(origin) = origin.parse()? else { return Err(EndpointError::Unix) };
        let path = path.trim_end_matches('/');
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        let is_normal = || path::Target::parse(path).is_ok_and(|normal| normal.path() == path);
        let is_path = path.is_empty() || (path.bytes().all(fits) && is_normal());
        if !is_path {
            return Err(EndpointError::Path);
        }
        Ok(Self { origin, path: path.to_owned() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", Target::Origin(self.origin.clone()), self.path)
    }
}

impl Endpoint {
    /// Path and query of a URL, as they stand below this one. None where it is not below it, names a user, or has a
    /// fragment.
    pub(crate) fn below<'a>(&self, url: &'a str) -> Option<&'a str> {
        let authority = url.find("://")? + 3;
        let (origin, rest) = url.split_at(authority + url.get(authority..)?.find('/')?);
        let is_here = origin.parse() == Ok(Target::Origin(self.origin.clone()));
        let below = rest.strip_prefix(self.path.as_str()).filter(|below| below.starts_with('/'))?;
        (is_here && !below.contains('#')).then_some(below)
    }
}

impl Spelled for Endpoint {
    const SPELLING: &'static str =
        "\"http://host:port\" or \"https://host:port\", and the beginning of a path if there is one";
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error(transparent)]
    Origin(#[from] TargetError),
    #[error("it is a socket")]
    Unix,
    #[error("the path has other characters than letters, digits and `/-._~`, or parts that are empty, `.` or `..`")]
    Path,
}

/// The names of secrets by the fields whose values they are.
pub(super) fn secret_headers(
    headers: BTreeMap<String, At<String>>,
    is_secret: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    for (name, secret) in headers {
        check_field(&name, &secret.place, faults);
        named.extend(declared(secret, &is_secret, faults).map(|secret| (name, secret)));
    }
    named
}

fn check_field(name: &str, place: &Place, faults: &mut Faults) {
    let is_own = OWN_FIELDS.contains(&name) || name.starts_with("content-");
    let is_lower = HeaderName::from_bytes(name.as_bytes()).is_ok_and(|field| field.as_str() == name);
    if is_own || !is_lower {
        faults.push(
            place.fault("is no field that can be set", "name a header field in lower case, such as `authorization`"),
        );
    }
}
