//! Owns services that policies may ask: where they are, what of them may be asked for, and with what credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, Method};

use super::bounds::UpstreamBounds;
use super::endpoint::{Endpoint, secret_headers};
use super::fault::{At, Faults, Place, complained_below};
use super::grant::Grant;
use super::kinds::{Flag, Integer, Kind, List, Named, Placed, Shown, Size, Spelled, Spelling, Text, Time, read_text};
use super::material::{SecretName, declared};
use super::policy::Policy;
use super::reader::Node;
use super::section::section;
use super::target::Host;
use super::zone::Zone;
use crate::exchange::path::{self, Target};
use crate::near::advice;

/// A service policies may be granted by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Egress {
    pub terms: EgressTerms,
    /// Name of a `[tls.NAME]`.
    pub tls: Option<String>,
    pub credentials: Vec<Credential>,
    pub place: Place,
}

/// What is asked for, and within what bounds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EgressTerms {
    pub endpoint: Endpoint,
    pub paths: Vec<PathRule>,
    pub methods: Vec<Method>,
    /// Of a whole call.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// Bytes of a body, decoded.
    pub max_response: u64,
    pub max_request: u64,
    /// Bytes of answers that are remembered.
    pub max_remembered: u64,
    /// Calls at once, in the whole process.
    pub max_in_flight: u32,
    pub private_ips: bool,
}

/// A header field of each request, which the caller neither sees nor sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub field: HeaderName,
    pub scheme: AuthScheme,
    /// Name of a secret.
    pub secret: String,
}

/// How a secret becomes the value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthScheme {
    /// As it is.
    Whole,
    /// RFC 6750 section 2.1.
    Bearer,
    /// RFC 7617, of `user:password`.
    Basic,
}

section! {
    /// A service that policies may ask, where they are granted `egress:NAME`. They name it and never see its URL;
    /// addresses its name resolves to are checked, and then connected to without being asked for again. Redirects are
    /// not followed, and the environment's proxies are not used. Credentials are in nothing a policy is given, unless
    /// the service itself repeats them in a body.
    pub(super) struct RawEgress = "[egress.NAME]" {
        /// Where it is, `https://idp.example.com`, and the beginning of all paths if there is one. `http://` needs
        /// `private_ips`, and reaches no address of the internet.
        required url: Placed<Spelling<Endpoint>>,
        /// What may be asked for below `url`: paths, or beginnings of paths followed by `*`, as they are after the rule
        /// of paths. The query is the policy's to say.
        required paths: List<Spelling<PathRule>>,
        /// How it may be asked.
        default methods: List<CallMethod> = vec![Method::GET],
        /// How long a call may take, connecting and reading included. Less than `limits.wall` of each policy that is
        /// granted the service: a policy that is cut off while it waits cannot say what should happen then.
        default timeout: Time<1, 60_000> = Duration::from_millis(500),
        /// How long a connection may take to be made, TLS included, within `timeout`.
        default connect_timeout: Time<1, 60_000> = Duration::from_secs(1),
        /// Most bytes of the body of an answer, decoded.
        default max_response: Size<1, 16_777_216> = 256 << 10,
        /// Most bytes of the body of a request.
        default max_request: Size<0, 16_777_216> = 64 << 10,
        /// Most bytes of answers that are remembered, about: what policies ask once for all is answered from there while it
        /// is new enough for them. Those least asked for give way.
        default max_remembered: Size<0, 1_073_741_824> = 4 << 20,
        /// Most calls at once in the whole process; one more fails at once.
        default max_in_flight: Integer<1, 10_000> = 64,
        /// Whether the service may lie in a private network (RFC 1918, RFC 4193, RFC 6598), and, where `url` says
        /// `localhost` or a loopback address, on this machine.
        default private_ips: Flag = false,
        /// Name of the `[tls.NAME]` by which the service is known; when absent, by the authorities the operating system
        /// trusts.
        optional tls: Placed<Text>,
        /// A token: each request has `authorization: Bearer` with it.
        optional bearer: SecretName,
        /// User and password, `user:password`: each request has `authorization: Basic` with them.
        optional basic: SecretName,
        /// Header fields of each request, in lower case, such as `x-api-key`; each the whole of a secret.
        repeated headers: Named<SecretName>,
    }
}

impl RawEgress {
    pub(super) fn resolve(
        self,
        bounds: &UpstreamBounds,
        tls: &BTreeSet<String>,
        is_secret: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Option<Egress> {
        if let Some(At { value, place }) = &self.tls {
            if !tls.contains(value) {
                let known = advice(value, tls.iter().map(String::as_str), "declare it as [tls.NAME]");
                faults.push(place.fault("names no TLS that is declared", known));
            } else if self.url.as_ref().is_some_and(|url| !url.value.origin.tls) {
                faults.push(place.fault("has no meaning without https", "remove it, or write https:// in `url`"));
            }
        }
        let lists = [("paths", self.paths.as_ref().is_some_and(Vec::is_empty)), ("methods", self.methods.is_empty())];
        for (key, _) in lists.into_iter().filter(|(_, is_empty)| *is_empty) {
            let place = self.place.below(key);
            if !complained_below(faults, &place) {
                faults.push(place.fault("is empty: nothing could be asked for", "name what may be"));
            }
        }
        let credentials = credentials(self.bearer, self.basic, self.headers, &self.place, is_secret, faults);
        let url = self.url?;
        let terms = EgressTerms {
            endpoint: url.value,
            paths: self.paths?,
            methods: self.methods,
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            max_response: self.max_response,
            max_request: self.max_request,
            max_remembered: self.max_remembered,
            max_in_flight: self.max_in_flight,
            private_ips: self.private_ips,
        };
        terms.check(bounds, &url.place, faults);
        Some(Egress { terms, tls: self.tls.map(|tls| tls.value), credentials, place: self.place })
    }
}

/// Complain about services that take longer to be given up than policies that ask them may run: not the service would
/// be blamed.
pub(super) fn check_patience(
    services: &BTreeMap<String, Egress>,
    policies: &BTreeMap<String, Policy>,
    faults: &mut Faults,
) {
    for (name, policy) in policies {
        let granted = policy.grants.iter().filter_map(|grant| match grant {
            Grant::Egress(service) => services.get_key_value(service),
            _ => None,
        });
        for (service, egress) in granted.filter(|(_, egress)| egress.terms.timeout >= policy.limits.wall) {
            let (timeout, wall) = (egress.terms.timeout, policy.limits.wall);
            let reason = format!(
                "may take {timeout:?}, and [policy.{name}] may run for {wall:?} with all it does: it could not hear that a call took too long"
            );
            let advice = format!("lower `timeout` of [egress.{service}], or raise `limits.wall` of [policy.{name}]");
            faults.push(egress.place.below("timeout").fault(reason, advice));
        }
    }
}

impl EgressTerms {
    /// Whether a path in normal form may be asked for.
    pub(crate) fn cover(&self, path: &str) -> bool {
        self.paths.iter().any(|rule| rule.covers(path))
    }

    /// Whether addresses of this zone may be connected to.
    pub(crate) fn admits(&self, zone: Zone) -> bool {
        match zone {
            Zone::Public => self.endpoint.origin.tls,
            Zone::Private => self.private_ips,
            Zone::Loopback => self.private_ips && self.endpoint.origin.host.is_localhost(),
            Zone::Metadata | Zone::Nowhere => false,
        }
    }

    /// Complain about what is known before any name is resolved.
    fn check(&self, bounds: &UpstreamBounds, place: &Place, faults: &mut Faults) {
        const PERMIT: &str = "write `private_ips = true`, if that is meant";
        let origin = &self.endpoint.origin;
        let zone = match &origin.host {
            Host::Ip(ip) => Some(Zone::of(*ip)),
            Host::Name(_) if origin.host.is_localhost() => Some(Zone::of(IpAddr::from([127, 0, 0, 1]))),
            Host::Name(_) => None,
        };
        let fault = match (bounds.check_origin(origin), zone) {
            (Err(refusal), _) => place.fault(refusal.to_string(), "name another host"),
            (Ok(()), Some(Zone::Nowhere)) => place.fault("is the address of no host", "name another host"),
            (Ok(()), Some(Zone::Private | Zone::Loopback)) if !self.private_ips => {
                place.fault("is no address of the internet", PERMIT)
            }
            (Ok(()), None) if !origin.tls && !self.private_ips => {
                place.fault("is not encrypted", "write https://, or `private_ips = true` for a network of your own")
            }
            (Ok(()), Some(Zone::Public)) if !origin.tls => place.fault("is not encrypted", "write https://"),
            (Ok(()), _) => return,
        };
        faults.push(fault);
    }
}

/// What each request carries; a field can be said only once.
fn credentials(
    bearer: Option<At<String>>,
    basic: Option<At<String>>,
    headers: BTreeMap<String, At<String>>,
    place: &Place,
    is_secret: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> Vec<Credential> {
    let said =
        [("bearer", bearer.is_some()), ("basic", basic.is_some()), ("headers", headers.contains_key("authorization"))];
    let mut said = said.iter().filter(|(_, said)| *said).map(|(key, _)| *key);
    if let (Some(first), Some(second)) = (said.next(), said.next()) {
        let reason = format!("says `authorization`, and so does `{first}`");
        faults.push(place.below(second).fault(reason, "keep one of them"));
    }
    let mut credentials = Vec::new();
    for (secret, scheme) in [(bearer, AuthScheme::Bearer), (basic, AuthScheme::Basic)] {
        let secret = secret.and_then(|secret| declared(secret, &is_secret, faults));
        credentials.extend(secret.map(|secret| Credential { field: http::header::AUTHORIZATION, scheme, secret }));
    }
    for (name, secret) in secret_headers(headers, &is_secret, faults) {
        // What is no name has been complained about.
        let field = HeaderName::from_bytes(name.as_bytes()).ok();
        credentials.extend(field.map(|field| Credential { field, scheme: AuthScheme::Whole, secret }));
    }
    credentials
}

/// Complain about what a service may not be asked for, and is to be.
pub(super) fn check_asked(terms: &EgressTerms, method: &Method, target: &str, place: &Place, faults: &mut Faults) {
    let path = target.split('?').next().unwrap_or_default();
    if !terms.cover(path) {
        let reason = format!("asks for {path}, which its service may not be asked for");
        faults.push(place.fault(reason, format!("add \"{path}\" to `paths` of the service")));
    } else if !terms.methods.contains(method) {
        let reason = format!("is asked for with {method}, which its service does not permit");
        faults.push(place.fault(reason, "add it to `methods`"));
    }
}

/// Path and query below the URL of a service, in normal form.
#[derive(Debug)]
pub(super) struct ServicePath(String);

impl ServicePath {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl FromStr for ServicePath {
    type Err = path::PathError;

    fn from_str(text: &str) -> Result<Self, path::PathError> {
        Ok(Self(Target::parse(text)?.to_string()))
    }
}

impl Spelled for ServicePath {
    const SPELLING: &'static str = "a path, \"/oauth2/jwks\"";
}

/// One path, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathRule {
    Exact(String),
    /// Without the star.
    Prefix(String),
}

impl PathRule {
    /// Whether a path in normal form is one of these.
    pub(crate) fn covers(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

impl FromStr for PathRule {
    type Err = PathRuleError;

    fn from_str(text: &str) -> Result<Self, PathRuleError> {
        let (path, rule): (&str, fn(String) -> Self) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, Self::Prefix),
            None => (text, Self::Exact),
        };
        if path.contains('*') {
            return Err(PathRuleError::Star);
        }
        let normal = Target::parse(path)?;
        if normal.query().is_some() {
            return Err(PathRuleError::Query);
        }
        if normal.as_str() != path {
            return Err(PathRuleError::NotNormal(normal.as_str().to_owned()));
        }
        Ok(rule(path.to_owned()))
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => out.write_str(path),
            Self::Prefix(prefix) => write!(out, "{prefix}*"),
        }
    }
}

impl Spelled for PathRule {
    const SPELLING: &'static str = "a path, \"/token\", or the beginning of paths, \"/keys/*\"";
}

/// Why a text is no rule of paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathRuleError {
    #[error("`*` stands only at the end")]
    Star,
    #[error("queries are not matched")]
    Query,
    #[error("no path is like that after the rule of paths; `{0}` would be")]
    NotNormal(String),
    #[error(transparent)]
    Path(#[from] path::PathError),
}

/// A method that asks for something: no tunnel, and no echo of what the host attached.
pub(super) struct CallMethod;

impl Kind for CallMethod {
    type Out = Method;

    fn describe() -> String {
        "a method in capitals other than CONNECT and TRACE, \"GET\"".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Method> {
        let is_capital = |text: &&str| !text.bytes().any(|byte| byte.is_ascii_lowercase());
        let parse = |text: &str| -> Option<Method> { Some(text).filter(is_capital)?.parse().ok() };
        read_text(node, &Self::describe(), faults, |text| {
            parse(text).filter(|method| *method != Method::CONNECT && *method != Method::TRACE)
        })
    }
}

impl Shown for CallMethod {
    fn show(value: &Method) -> String {
        format!("\"{value}\"")
    }
}
