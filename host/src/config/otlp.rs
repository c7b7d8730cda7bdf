//! Owns `[otlp]`: the collector that traces and metrics are sent to, and how much of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::endpoint::{Endpoint, secret_headers};
use super::fault::{At, Faults, Place, complained_below};
use super::kinds::{Integer, Kind, Named, Placed, Spelling, Text, Time, is_name, read_text};
use super::material::SecretName;
use super::reader::Node;
use super::section::section;

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
    /// Traces and metrics for an OpenTelemetry collector, by OTLP over HTTP. When absent, nothing is sent. It may
    /// change while the gateway runs.
    pub(super) struct RawOtlp = "[otlp]" {
        /// Where the collector is; `/v1/traces` and `/v1/metrics` are added.
        required endpoint: Placed<Spelling<Endpoint>>,
        /// Name of the `[tls.NAME]` by which a collector of `https://` is known; when absent, by the authorities the
        /// operating system trusts.
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
    /// Traces of requests: how each was answered, with a span for each call of a policy and for each try of an
    /// upstream. Upstreams are told of them, as with `[tracing] propagate`.
    pub(super) struct RawTraces = "[otlp.traces]" {
        /// Of the requests that come without a trace, how many are recorded; those that come with one are recorded
        /// where that says so, whoever sent it.
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
        let headers = secret_headers(self.headers, &is_secret, faults);
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
