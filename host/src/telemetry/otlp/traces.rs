//! What a request becomes as spans: one for itself, one for each call of a policy, one for each try of an upstream (OpenTelemetry
//! semantic conventions for HTTP). No fields, no query, no address of a client, no body.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::Version;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::Recorded;
use super::resource::{number, scope, text, texts};
use crate::telemetry::account::{Call, Try};
use crate::telemetry::metrics::{CallOutcome, Label};
use crate::telemetry::{Blame, Outcome, SpanContext};

/// The methods that stand as they are; all others are one.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
const OTHER_METHOD: &str = "_OTHER";
/// Whether the parent is elsewhere is known, and is so (`SpanFlags`).
const KNOWS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

pub(super) fn request(resource: &Resource, batch: &[Recorded]) -> ExportTraceServiceRequest {
    let spans = batch.iter().flat_map(spans).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    let resource = Some(resource.clone());
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }],
    }
}

fn spans(recorded: &Recorded) -> Vec<Span> {
    let clock = Clock { time: recorded.record.time, begun: recorded.begun };
    let method = method(recorded);
    let mut spans = vec![server(recorded, &clock, method)];
    spans.extend(recorded.calls.iter().map(|call| internal(recorded.context, call, &clock)));
    let tries = recorded.tries.iter().enumerate();
    spans.extend(tries.filter_map(|(again, tried)| Some(client(tried.span?, again, tried, &clock, method))));
    spans
}

/// The wall clock at moments of a request.
struct Clock {
    time: SystemTime,
    begun: Instant,
}

impl Clock {
    fn span(&self, begun: Instant, took: Duration) -> Span {
        let time = self.time + begun.saturating_duration_since(self.begun);
        Span { start_time_unix_nano: nanos(time), end_time_unix_nano: nanos(time + took), ..Span::default() }
    }
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn method(recorded: &Recorded) -> &str {
    recorded.record.method.as_ref().map_or(OTHER_METHOD, |method| method.as_str())
}

/// The request as the client had it.
fn server(recorded: &Recorded, clock: &Clock, method: &str) -> Span {
    let record = &recorded.record;
    let known = METHODS.contains(&method);
    let shown = if known { method } else { "HTTP" };
    let name = record.pattern.as_ref().map_or_else(|| shown.to_owned(), |pattern| format!("{shown} {pattern}"));
    let mut attributes = vec![
        text("http.request.method", if known { method } else { OTHER_METHOD }),
        text("url.scheme", if recorded.https { "https" } else { "http" }),
        text("url.path", record.path.as_str()),
        text("network.protocol.version", version(recorded.version)),
        text("lockgate.request_id", &record.id.to_string()),
    ];
    let words = [
        ("http.request.method_original", Some(method).filter(|_| !known)),
        ("server.address", Some(&*recorded.host).filter(|host| !host.is_empty())),
        ("http.route", record.pattern.as_deref()),
        ("lockgate.api", record.api.as_deref()),
        ("lockgate.route", record.route.as_deref()),
        ("lockgate.blame", Some(record.blame.name()).filter(|_| record.blame != Outcome::Ok)),
        ("error.type", Some(record.class).filter(|class| *class != "ok")),
    ];
    attributes.extend(words.into_iter().filter_map(|(name, value)| Some(text(name, value?))));
    attributes.extend(record.status.map(|status| number("http.response.status_code", status.as_u16().into())));
    if recorded.left_out > 0 {
        attributes.push(number("lockgate.left_out", i64::try_from(recorded.left_out).unwrap_or(i64::MAX)));
    }
    if !record.counts.is_empty() {
        attributes.push(texts("lockgate.counts", record.counts.iter().map(ToString::to_string)));
    }
    // What a client did wrong, or was refused by a policy, is no error of the server.
    let ours = matches!(record.blame, Outcome::Fault(Blame::Plugin | Blame::Upstream | Blame::Gateway));
    let failed = ours || record.status.is_some_and(|status| status.is_server_error());
    let span = clock.span(recorded.begun, Duration::from_micros(record.duration_us));
    let remote = if recorded.context.parent.is_some() { IS_REMOTE } else { 0 };
    let span = finished(span, recorded.context, SpanKind::Server, attributes, failed);
    Span { name, flags: span.flags | remote, ..span }
}

/// A call of a policy.
fn internal(exchange: SpanContext, call: &Call, clock: &Clock) -> Span {
    let attributes = vec![
        text("lockgate.policy", &call.policy),
        text("lockgate.hook", call.hook.name()),
        text("lockgate.verdict", call.outcome.name()),
    ];
    let failed = !matches!(call.outcome, CallOutcome::Pass | CallOutcome::Edit | CallOutcome::Respond);
    let span = clock.span(call.begun, call.took);
    let span = finished(span, exchange.child(), SpanKind::Internal, attributes, failed);
    Span { name: format!("policy {}", call.policy), ..span }
}

/// A try of a target, until the head of its answer.
fn client(context: SpanContext, again: usize, tried: &Try, clock: &Clock, method: &str) -> Span {
    let known = METHODS.contains(&method);
    let (address, port) = server_of(&tried.target);
    let mut attributes = vec![
        text("http.request.method", if known { method } else { OTHER_METHOD }),
        text("server.address", address),
        text("lockgate.upstream", &tried.upstream),
        text("lockgate.target", &tried.target),
    ];
    attributes.extend(port.map(|port| number("server.port", port.into())));
    if again > 0 {
        attributes.push(number("http.request.resend_count", i64::try_from(again).unwrap_or(i64::MAX)));
    }
    let failed = match tried.end {
        Ok(status) => {
            attributes.push(number("http.response.status_code", status.as_u16().into()));
            let failed = status.is_client_error() || status.is_server_error();
            attributes.extend(failed.then(|| text("error.type", status.as_str())));
            failed
        }
        Err(class) => {
            attributes.push(text("error.type", class));
            true
        }
    };
    let span = finished(clock.span(tried.begun, tried.took), context, SpanKind::Client, attributes, failed);
    Span { name: if known { method } else { "HTTP" }.to_owned(), ..span }
}

fn finished(span: Span, context: SpanContext, kind: SpanKind, attributes: Vec<KeyValue>, failed: bool) -> Span {
    let code = if failed { StatusCode::Error } else { StatusCode::Unset };
    Span {
        trace_id: context.trace.to_be_bytes().to_vec(),
        span_id: context.span.to_be_bytes().to_vec(),
        parent_span_id: context.parent.map(|parent| parent.to_be_bytes().to_vec()).unwrap_or_default(),
        flags: u32::from(context.flags) | KNOWS_REMOTE,
        kind: kind.into(),
        attributes,
        status: Some(Status { code: code.into(), ..Status::default() }),
        ..span
    }
}

/// Host and port of a target, or the path of its socket.
fn server_of(target: &str) -> (&str, Option<u16>) {
    let Some((_, authority)) = target.split_once("://") else { return (target, None) };
    match authority.rsplit_once(':') {
        Some((host, port)) => (host.trim_matches(['[', ']']), port.parse().ok()),
        None => (authority, None),
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
