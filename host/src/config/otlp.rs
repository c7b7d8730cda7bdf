//! Owns `[otlp]`: the collector that traces and metrics are sent to, and how much of them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;

use super::fault::{At, Faults, Place, complained_below};
use super::kinds::{Integer, Kind, Named, Placed, Spelled, Spelling, Text, Time, is_name, read_text};
use super::material::{SecretName, declared};
use super::reader::Node;
use super::section::section;
use super::target::{Origin, Target, TargetError};

/// Fields of a request that are not the operator's: they say where it goes, and what its body is.
const OWN_FIELDS: [&str; 9] =
    ["host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "user-agent"];

/// A collector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Otlp {
    pub endpoint: Endpoint,
    /// Name of a `[tls.NAME]`.
    pub tls: Option<String>,
    /// Names of secrets by field.
    pub headers: BTreeMap<String, String>,
    pub resource: BTreeMap<String, String>,
    /// Of the traces that begin here, how many are recorded, from 0 to 1. None where no traces are sent.
    pub traces: Option<f64>,
    /// How often metrics are sent, if they are.
    pub metrics: Option<Duration>,
    pub timeout: Duration,
    /// Requests whose traces may wait.
    pub queue: u32,
    pub place: Place,
}

section! {
    /// Traces and metrics for an OpenTelemetry collector, by OTLP over HTTP. When absent, nothing is sent. It may change while the
    /// gateway runs.
    pub(super) struct RawOtlp = "[otlp]" {
        /// Where the collector is; `/v1/traces` and `/v1/metrics` are added.
        required endpoint: Placed<Spelling<Endpoint>>,
        /// Name of the `[tls.NAME]` by which a collector of `https://` is known; when absent, by the authorities the operating system
        /// trusts.
        optional tls: Placed<Text>,
        /// Header fields of each request to it, in lower case, such as `authorization`; each the whole of a secret.
        repeated headers: Named<SecretName>,
        /// What is said about this gateway besides `service.name` (by default `lockgate`), `service.version` and
        /// `service.instance.id`, such as `"deployment.environment.name" = "production"`.
        repeated resource: Attributes,
        /// Traces; when absent, none are sent.
        optional traces: RawTraces,
        /// Metrics; when absent, none are sent.
        optional metrics: RawMetrics,
        /// How long the collector may take to answer.
        default timeout: Time<100, 60_000> = Duration::from_secs(10),
        /// Most requests whose traces wait to be sent; those of more are dropped, and counted.
        default queue: Integer<16, 65_536> = 2_048,
    }
}

section! {
    /// Traces of requests: how each was answered, with a span for each call of a policy and for each try of an upstream. Upstreams
    /// are told of them, as with `[tracing] propagate`.
    pub(super) struct RawTraces = "[otlp.traces]" {
        /// Of the requests that come without a trace, how many are recorded; those that come with one are recorded where that says so,
        /// whoever sent it.
        required sample: Ratio,
    }
}

section! {
    /// The numbers of `/metrics`, durations as exponential histograms.
    pub(super) struct RawMetrics = "[otlp.metrics]" {
        /// How often they are sent.
        default interval: Time<1_000, 3_600_000> = Duration::from_secs(30),
    }
}

impl RawOtlp {
    /// `sampled` says that `[tracing]` decides about traces too.
    pub(super) fn resolve(
        self,
        sampled: bool,
        is_secret: impl Fn(&str) -> bool,
        tls: &BTreeSet<String>,
        faults: &mut Faults,
    ) -> Option<Otlp> {
        if self.traces.is_none() && self.metrics.is_none() && !complained_below(faults, &self.place) {
            faults.push(self.place.fault("sends nothing", "add `traces = { sample = 0.01 }` or `metrics = {}`"));
        }
        if self.traces.is_some() && sampled {
            let reason = "decides which traces are recorded, and so does [tracing] sampled";
            faults.push(self.place.below("traces").fault(reason, "remove `sampled` there"));
        }
        let endpoint = self.endpoint?.value;
        if let Some(At { value, place }) = &self.tls {
            if !tls.contains(value) {
                faults.push(place.fault("names no TLS that is declared", "declare it as [tls.NAME]"));
            } else if !endpoint.origin.tls {
                faults.push(place.fault("has no meaning without https", "remove it, or write https:// in `endpoint`"));
            }
        }
        let mut headers = BTreeMap::new();
        for (name, secret) in self.headers {
            check_field(&name, &secret.place, faults);
            headers.extend(declared(secret, &is_secret, faults).map(|secret| (name, secret)));
        }
        Some(Otlp {
            endpoint,
            tls: self.tls.map(|tls| tls.value),
            headers,
            resource: self.resource,
            traces: self.traces.map(|traces| traces.sample.unwrap_or_default()),
            metrics: self.metrics.map(|metrics| metrics.interval),
            timeout: self.timeout,
            queue: self.queue,
            place: self.place,
        })
    }
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

/// The base of the URLs of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub origin: Origin,
    /// Before `/v1/...`; empty, or begins with a slash and does not end in one.
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
        if !path.bytes().all(fits) {
            return Err(EndpointError::Path);
        }
        Ok(Self { origin, path: path.to_owned() })
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
    #[error("the path has other characters than letters, digits and `/-._~`")]
    Path,
}

/// A share of a whole.
pub(super) struct Ratio;

impl Kind for Ratio {
    type Out = f64;

    fn describe() -> String {
        "a number from 0 to 1".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<f64> {
        let Some(number) = node.as_number() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let fits = (0.0..=1.0).contains(&number);
        if !fits {
            faults.push(node.place.fault(format!("is {number}"), format!("write {}", Self::describe())));
        }
        fits.then_some(number)
    }
}

/// Attributes by their names, which have dots.
pub(super) struct Attributes;

impl Kind for Attributes {
    type Out = BTreeMap<String, String>;

    fn describe() -> String {
        "a table of names in quotes, each a string that is not empty".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self::Out> {
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let mut attributes = BTreeMap::new();
        for (name, node) in table.entries() {
            if !is_name(name, b"._-") {
                faults.push(node.place.fault("is not a name", "use letters, digits, `.`, `_` and `-`"));
            }
            let fits = |text: &str| Some(text.to_owned()).filter(|text| (1..=1024).contains(&text.len()));
            let value = read_text(&node, "a string of 1 to 1024 bytes", faults, fits);
            attributes.extend(value.map(|value| (name.to_owned(), value)));
        }
        Some(attributes)
    }
}
