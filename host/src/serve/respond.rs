//! The one place where an error becomes a response: RFC 9457 problem details that tell nothing of our insides.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::exchange::{Blame, Body, Chain, Fault};
use crate::telemetry::RequestId;

/// Seconds a client is asked to wait before it tries again what failed for now.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The answer to a fault. The id lets an operator find the log line.
pub(super) fn problem(id: &RequestId, fault: &Fault) -> Response<Body> {
    #[derive(serde::Serialize)]
    struct Problem<'a> {
        r#type: &'static str,
        title: &'a str,
        status: u16,
        detail: &'static str,
        request_id: String,
    }
    let problem = Problem {
        r#type: "about:blank",
        title: fault.status.canonical_reason().unwrap_or("Error"),
        status: fault.status.as_u16(),
        detail: fault.detail,
        request_id: id.to_string(),
    };
    // Plain strings and numbers always serialise.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::of(Bytes::from(body)));
    *response.status_mut() = fault.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(allow) = &fault.allow {
        headers.insert(ALLOW, allow.clone());
    }
    if fault.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// Tell the log what the client is not told. Clients' mistakes are in the access log only; where a plugin broke, the
/// log has been told by who met it and knew which policy it was.
pub(super) fn log(exchange: &RequestId, fault: &Fault) {
    if !matches!(fault.blame, Blame::Client | Blame::Plugin) {
        tracing::warn!(%exchange, class = fault.class, "{}", Chain(fault));
    }
}

pub(super) fn not_found() -> Fault {
    Fault::client(StatusCode::NOT_FOUND, "no_route", "There is nothing here.")
}

/// `allow` is what may be asked instead (RFC 9110 section 15.5.6).
pub(super) fn method_not_allowed(allow: HeaderValue) -> Fault {
    let detail = "This method is not available here.";
    Fault::client(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).allowing(allow)
}
