//! A collector of traces and metrics: takes OTLP over HTTP, and remembers all of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

use crate::upstream::Exchange;
use crate::{PATIENCE, Upstream};

/// A collector on a port of its own.
pub struct Collector {
    upstream: Upstream,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    spans: Vec<Span>,
    metrics: Vec<Metric>,
    resources: Vec<BTreeMap<String, String>>,
    /// Values of `authorization`.
    credentials: Vec<Option<String>>,
    bytes: Vec<u8>,
}

/// A span, its ids in hexadecimal and its attributes as text.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub kind: &'static str,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub failed: bool,
    pub begun: u64,
    pub ended: u64,
    pub attributes: BTreeMap<String, String>,
}

impl Span {
    /// An attribute; empty where there is none of that name.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Collector {
    pub fn start() -> Self {
        Self::rejecting(0)
    }

    /// One that says of each request that so many of its spans are not taken.
    pub fn rejecting(rejected_spans: i64) -> Self {
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let shared = seen.clone();
        let upstream = Upstream::with(move |exchange| {
            take(exchange, &shared)?;
            let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message: "no room".into() });
            let answer = ExportTraceServiceResponse { partial_success }.encode_to_vec();
            exchange.reply(200, &[("content-type", "application/x-protobuf")], &answer)
        });
        Self { upstream, seen }
    }

    /// What stands behind its address.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.upstream.address())
    }

    /// All spans by now.
    pub fn spans(&self) -> Vec<Span> {
        self.seen.0.lock().unwrap().spans.clone()
    }

    /// Wait until there are so many spans.
    #[track_caller]
    pub fn wait_for_spans(&self, count: usize) -> Vec<Span> {
        self.wait("spans", |seen| (seen.spans.len() >= count).then(|| seen.spans.clone()))
    }

    /// Wait for a sending of a metric of which `pick` makes something.
    #[track_caller]
    pub fn wait_for_metric<T>(&self, name: &str, pick: impl Fn(&Metric) -> Option<T>) -> T {
        self.wait(name, |seen| seen.metrics.iter().rev().filter(|metric| metric.name == name).find_map(&pick))
    }

    /// What was said about who sends; the same each time.
    #[track_caller]
    pub fn resource(&self) -> BTreeMap<String, String> {
        let seen = self.seen.0.lock().unwrap();
        let first = seen.resources.first().expect("nothing was sent");
        assert!(seen.resources.iter().all(|resource| resource == first), "{:?}", seen.resources);
        first.clone()
    }

    pub fn credentials(&self) -> Vec<Option<String>> {
        self.seen.0.lock().unwrap().credentials.clone()
    }

    /// Whether this text is anywhere in what was sent.
    pub fn was_told(&self, text: &str) -> bool {
        let seen = self.seen.0.lock().unwrap();
        seen.bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, pick: impl Fn(&Seen) -> Option<T>) -> T {
        let (seen, changed) = &*self.seen;
        let mut guard = seen.lock().unwrap();
        loop {
            if let Some(found) = pick(&guard) {
                return found;
            }
            let waited = changed.wait_timeout(guard, PATIENCE).unwrap();
            assert!(!waited.1.timed_out(), "waited in vain for {what}; there are {:#?}", waited.0.spans);
            guard = waited.0;
        }
    }
}

fn take(exchange: &mut Exchange, seen: &(Mutex<Seen>, Condvar)) -> io::Result<()> {
    let body = exchange.body()?;
    assert_eq!(exchange.field("content-type"), Some("application/x-protobuf"));
    let mut guard = seen.0.lock().unwrap();
    guard.credentials.push(exchange.field("authorization").map(str::to_owned));
    guard.bytes.extend_from_slice(&body);
    match exchange.target.rsplit_once("/v1/").map(|(_, signal)| signal) {
        Some("traces") => {
            for resource in ExportTraceServiceRequest::decode(&*body)?.resource_spans {
                guard.resources.push(attributes(&resource.resource.unwrap_or_default().attributes));
                let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
                guard.spans.extend(spans.map(span));
            }
        }
        Some("metrics") => {
            for resource in ExportMetricsServiceRequest::decode(&*body)?.resource_metrics {
                guard.resources.push(attributes(&resource.resource.unwrap_or_default().attributes));
                guard.metrics.extend(resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
            }
        }
        _ => panic!("nothing is at {}", exchange.target),
    }
    drop(guard);
    seen.1.notify_all();
    Ok(())
}

fn span(span: &opentelemetry_proto::tonic::trace::v1::Span) -> Span {
    let kind = match span.kind() {
        SpanKind::Server => "server",
        SpanKind::Internal => "internal",
        SpanKind::Client => "client",
        _ => "other",
    };
    Span {
        name: span.name.clone(),
        kind,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        failed: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
        begun: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
        attributes: attributes(&span.attributes),
    }
}

/// Attributes by name; the texts of a list as lines.
pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let line = |item: &AnyValue| match &item.value {
        Some(Value::StringValue(text)) => format!("{text}\n"),
        other => panic!("an item is {other:?}"),
    };
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => list.values.iter().map(line).collect(),
        other => panic!("{} is {other:?}", attribute.key),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
