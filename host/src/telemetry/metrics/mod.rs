//! The gateway's numbers, in the formats Prometheus reads. Handles are taken when a generation is built; counting is atomic adds alone.

mod alert;
mod certificate;
mod consumer;
mod counters;
mod egress;
mod histogram;
mod keys;
mod label;
mod limiter;
mod listener;
mod otlp;
mod policy;
mod route;
mod series;
mod split;
#[cfg(test)]
mod tests;
mod upstream;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_protobuf::{self, prometheus_data_model::MetricFamily};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use label::Counts;

pub(crate) use alert::{AlertMetrics, NoticeOutcome};
pub(crate) use certificate::Expiry;
pub(crate) use consumer::ConsumerMetrics;
pub(crate) use counters::PolicyCounters;
pub(super) use counters::{base_name, in_order};
pub(crate) use egress::{EgressMetrics, EgressOutcome};
pub(crate) use keys::{FetchOutcome, KeySetMetrics};
pub(crate) use label::{CallOutcome, Hook, Label, Refusal, ReloadOutcome, Retirement};
pub(crate) use limiter::{LimiterMetrics, TakeOutcome};
pub(crate) use listener::ListenerMetrics;
pub(crate) use otlp::{Fate, OtlpMetrics, Signal};
pub(crate) use policy::{InstanceGuard, PolicyMetrics};
pub(crate) use route::RouteMetrics;
pub(crate) use split::{Asking, SplitMetrics};
pub(crate) use upstream::{Retried, TargetMetrics, UpstreamMetrics};

/// The media type of [`Metrics::encode`].
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of [`Metrics::encode_plain`].
pub(crate) const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The media type of [`Metrics::encode_protobuf`].
pub(crate) const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// How it is with the account of requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnalyticsMetrics {
    /// Requests that there is none of.
    pub(crate) lost: Counter,
    /// 1 while not all of it can be put on the disk.
    pub(crate) failing: Gauge,
}

/// All numbers of the process. One per process; it outlives generations.
#[derive(Debug)]
pub(crate) struct Metrics {
    live: Arc<Live>,
    generation: Gauge,
    parts: Family<[(&'static str, &'static str); 1], Gauge>,
    access_log_dropped: Counter,
    analytics: AnalyticsMetrics,
    registry: Registry,
    since: SystemTime,
}

impl Metrics {
    /// `version` is the gateway's, `wasmtime` that of the engine.
    pub(crate) fn new(version: &'static str, wasmtime: &'static str) -> Self {
        let live = Arc::<Live>::default();
        let (generation, parts) = (Gauge::default(), Family::<[(&'static str, &'static str); 1], Gauge>::default());
        let access_log_dropped = Counter::default();
        let mut registry = Registry::with_prefix("lockgate");
        registry.register("build", "The program that runs", Info::new([("version", version), ("wasmtime", wasmtime)]));
        registry.register("generation", "Number of the generation that serves", generation.clone());
        registry.register("parts", "Parts of the policies folder by what of them serves", parts.clone());
        registry.register(
            "access_log_dropped",
            "Access records lost because the log was slow or broken",
            access_log_dropped.clone(),
        );
        let analytics = AnalyticsMetrics::default();
        registry.register(
            "analytics_lost",
            "Requests that no account is kept of because that was slow or could not be written",
            analytics.lost.clone(),
        );
        registry.register(
            "analytics_failing",
            "Whether not all of the account of requests can be put on the disk at present",
            analytics.failing.clone(),
        );
        registry.register_collector(Box::new(Arc::clone(&live)));
        Self { live, generation, parts, access_log_dropped, analytics, registry, since: SystemTime::now() }
    }

    /// With numbers that are counted elsewhere.
    pub(crate) fn with(mut self, collector: impl Collector) -> Self {
        self.registry.register_collector(Box::new(collector));
        self
    }

    /// When counting began.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }

    /// The handle of a route; the same names give the same numbers.
    pub(crate) fn route(&self, api: &str, route: &str) -> RouteMetrics {
        self.live.routes.handle(api, route)
    }

    /// The handle of a consumer of an API.
    pub(crate) fn consumer(&self, api: &Arc<str>, consumer: &Arc<str>) -> ConsumerMetrics {
        self.live.consumers.handle(api, consumer)
    }

    /// The handle of one upstream of a route that has several.
    pub(crate) fn split(&self, api: &str, route: &str, upstream: &str) -> SplitMetrics {
        self.live.splits.handle(api, route, upstream)
    }

    /// The handle of a policy; the same name gives the same numbers.
    pub(crate) fn policy(&self, name: &str) -> PolicyMetrics {
        self.live.policies.handle(name)
    }

    /// The counters a policy keeps itself, for its use by one API.
    pub(crate) fn policy_counters(&self, api: &str, policy: &str) -> PolicyCounters {
        self.live.counters.handle(api, policy)
    }

    /// The handle of an upstream.
    pub(crate) fn upstream(&self, name: &str) -> UpstreamMetrics {
        self.live.upstreams.handle(name)
    }

    /// The handle of a target of an upstream.
    pub(crate) fn target(&self, upstream: &str, target: &str) -> TargetMetrics {
        self.live.upstreams.target(upstream, target)
    }

    /// The handle of a service that policies ask.
    pub(crate) fn egress(&self, name: &str) -> EgressMetrics {
        self.live.services.handle(name)
    }

    /// Forget the services that are not live.
    pub(crate) fn retain_egress(&self, live: impl Fn(&str) -> bool) {
        self.live.services.retain(live);
    }

    /// The handle of a key set that is fetched.
    pub(crate) fn key_set(&self, name: &str) -> KeySetMetrics {
        self.live.key_sets.handle(name)
    }

    /// Forget the key sets that are not live.
    pub(crate) fn retain_key_sets(&self, live: impl Fn(&str) -> bool) {
        self.live.key_sets.retain(live);
    }

    /// The handle of a limiter with a shared store.
    pub(crate) fn limiter(&self, name: &str) -> LimiterMetrics {
        self.live.limiters.handle(name)
    }

    /// Forget the limiters that are not live.
    pub(crate) fn retain_limiters(&self, live: impl Fn(&str) -> bool) {
        self.live.limiters.retain(live);
    }

    /// Forget the upstreams and targets that are not live, given the upstream and, for a target, its URL.
    pub(crate) fn retain_upstreams(&self, live: impl Fn(&str, Option<&str>) -> bool) {
        self.live.upstreams.retain(live);
    }

    /// Drop the numbers of listeners that are gone, once their connections are.
    pub(crate) fn retain_listeners(&self, live: impl Fn(&str) -> bool) {
        self.live.listeners.retain(live);
    }

    /// Of all certificates that are shown from now on.
    pub(crate) fn certificates(&self, all: Vec<Expiry>) {
        self.live.certificates.show(all);
    }

    /// Connections open, of all listeners.
    pub(crate) fn connections(&self) -> i64 {
        self.live.listeners.open()
    }

    /// The handle of a listener.
    pub(crate) fn listener(&self, name: &str) -> ListenerMetrics {
        self.live.listeners.handle(name)
    }

    /// The handle of an alert.
    pub(crate) fn alert(&self, name: &str) -> AlertMetrics {
        self.live.alerts.handle(name)
    }

    /// Forget the alerts that are not live.
    pub(crate) fn retain_alerts(&self, live: impl Fn(&str) -> bool) {
        self.live.alerts.retain(live);
    }

    /// What is counted about what is sent to collectors.
    pub(crate) fn otlp(&self) -> OtlpMetrics {
        self.live.otlp.clone()
    }

    pub(crate) fn reloaded(&self, outcome: ReloadOutcome) {
        self.live.reloads.inc(outcome.index());
    }

    pub(crate) fn set_generation(&self, number: u64) {
        self.generation.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// So many parts of the folder are in this state.
    pub(crate) fn set_parts(&self, state: &'static str, count: usize) {
        self.parts.get_or_create(&[("state", state)]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How it is with the account of requests.
    pub(crate) fn analytics(&self) -> &AnalyticsMetrics {
        &self.analytics
    }

    /// What the access log counts its losses in.
    pub(crate) fn access_log_dropped(&self) -> Counter {
        self.access_log_dropped.clone()
    }

    /// Forget the routes that are not live, given API and route. Call after the new generation took its handles: what
    /// its predecessor still counts for a forgotten route is lost.
    pub(crate) fn retain_routes(&self, live: impl Fn(&str, &str) -> bool) {
        self.live.routes.retain(live);
    }

    /// Forget the upstreams of splits that are not live, given API, route and upstream.
    pub(crate) fn retain_splits(&self, live: impl Fn(&str, &str, &str) -> bool) {
        self.live.splits.retain(live);
    }

    /// Forget the policies that are not live.
    pub(crate) fn retain_policies(&self, live: impl Fn(&str) -> bool) {
        self.live.policies.retain(live);
    }

    /// Forget the counters of uses that are not live, given API and policy.
    pub(crate) fn retain_policy_counters(&self, live: impl Fn(&str, &str) -> bool) {
        self.live.counters.retain(live);
    }

    /// Everything, as [`PLAIN`]: the older Prometheus format, in which families bear the names of their samples.
    pub(crate) fn encode_plain(&self) -> String {
        let mut plain = String::new();
        let mut help = "";
        for line in self.encode().lines() {
            if let Some(text) = line.strip_prefix("# HELP ") {
                help = text.split_once(' ').map_or("", |(_, text)| text);
            } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|text| text.split_once(' ')) {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    kind => ("", kind),
                };
                plain.push_str(&format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
            } else if !line.starts_with("# ") {
                plain.push_str(line);
                plain.push('\n');
            }
        }
        plain
    }

    /// Everything, as [`PROTOBUF`]: the one format with native histograms.
    pub(crate) fn encode_protobuf(&self) -> Vec<u8> {
        // Writing to a vector cannot fail, and no encoder here fails of itself.
        prometheus_protobuf::encode_to_vec(&self.registry).unwrap_or_default()
    }

    /// Everything, for whoever writes it in yet another format.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        prometheus_protobuf::encode(&self.registry).unwrap_or_default()
    }

    /// Everything, as [`OPENMETRICS`]. What was never counted is left out.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail, and no encoder here fails of itself.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The numbers whose label sets come and go with the configuration.
#[derive(Debug, Default)]
struct Live {
    routes: route::Routes,
    consumers: consumer::Consumers,
    splits: split::Splits,
    policies: policy::Policies,
    counters: counters::Uses,
    listeners: listener::Listeners,
    certificates: certificate::Certificates,
    upstreams: upstream::Upstreams,
    services: egress::Services,
    key_sets: keys::KeySets,
    limiters: limiter::Limiters,
    alerts: alert::Alerts,
    otlp: OtlpMetrics,
    reloads: Counts<{ ReloadOutcome::NAMES.len() }>,
}

/// Called within the registry's prefix, so the families are named without it.
impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.routes.encode(&mut encoder)?;
        self.consumers.encode(&mut encoder)?;
        self.splits.encode(&mut encoder)?;
        self.policies.encode(&mut encoder)?;
        self.counters.encode(&mut encoder)?;
        self.listeners.encode(&mut encoder)?;
        self.certificates.encode(&mut encoder)?;
        self.upstreams.encode(&mut encoder)?;
        self.services.encode(&mut encoder)?;
        self.key_sets.encode(&mut encoder)?;
        self.limiters.encode(&mut encoder)?;
        self.alerts.encode(&mut encoder)?;
        self.otlp.encode(&mut encoder)?;
        let mut reloads =
            encoder.encode_descriptor("reloads", "Reloads of the configuration", None, MetricType::Counter)?;
        for (index, count) in self.reloads.counted() {
            reloads
                .encode_family(&[("outcome", ReloadOutcome::NAMES[index])])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}
