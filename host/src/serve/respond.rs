//! The one place where an error becomes a response: RFC 9457 problem details that tell nothing of our insides, or a status of gRPC.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, Version};

use crate::exchange::{Body, Chain, Fault};
use crate::telemetry::Blame;
use crate::telemetry::RequestId;

/// Seconds a client is asked to wait before it tries again what failed for now.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

const GRPC: &str = "application/grpc";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether a client wants to hear of a fault in the way of gRPC, which is spoken over HTTP/2 only.
pub(super) fn speaks_grpc(parts: &Parts) -> bool {
    let kind = || parts.headers.get(CONTENT_TYPE)?.as_bytes().strip_prefix(GRPC.as_bytes());
    // `application/grpc-web` is another protocol.
    parts.version == Version::HTTP_2 && kind().is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The answer to a fault. The id lets an operator find the log line.
pub(super) fn answer(id: &RequestId, fault: &Fault, speaks_grpc: bool) -> Response<Body> {
    let mut response = if speaks_grpc { trailers_only(id, fault) } else { problem(id, fault) };
    let headers = response.headers_mut();
    if let Some(allow) = &fault.allow {
        headers.insert(ALLOW, allow.clone());
    }
    if fault.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// A head that is trailers, too: what gRPC calls Trailers-Only. It is 200 in HTTP, whatever went wrong.
fn trailers_only(id: &RequestId, fault: &Fault) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert(GRPC_STATUS, HeaderValue::from_static(grpc_status(fault.status)));
    // Details are plain text without `%`, and so are ids: nothing has to be escaped.
    if let Ok(message) = HeaderValue::try_from(format!("{} Request {id}.", fault.detail)) {
        headers.insert(GRPC_MESSAGE, message);
    }
    response
}

/// What clients of gRPC take a status of HTTP for, where no status of gRPC comes with it; their documentation lays it
/// down.
fn grpc_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "13",                   // INTERNAL
        401 => "16",                   // UNAUTHENTICATED
        403 => "7",                    // PERMISSION_DENIED
        404 => "12",                   // UNIMPLEMENTED
        429 | 502 | 503 | 504 => "14", // UNAVAILABLE
        _ => "2",                      // UNKNOWN
    }
}

fn problem(id: &RequestId, fault: &Fault) -> Response<Body> {
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
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Tell the log what the client is not told. Clients' mistakes are in the access log only; where a plugin broke, the
/// log has been told by who met it and knew which policy it was.
pub(super) fn log(exchange: &RequestId, fault: &Fault) {
    if !matches!(fault.blame, Blame::Client | Blame::Plugin) {
        tracing::warn!(request_id = %exchange, class = fault.class, "{}", Chain(fault));
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

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn grpc_is_spoken_over_http2_and_has_one_media_type_with_variants() {
        let speaks = |version, kind: Option<&str>| {
            let request = kind.map_or(Request::builder(), |kind| Request::builder().header(CONTENT_TYPE, kind));
            speaks_grpc(&request.version(version).body(()).unwrap().into_parts().0)
        };
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert!(speaks(Version::HTTP_2, Some(kind)), "{kind}");
            assert!(!speaks(Version::HTTP_11, Some(kind)), "{kind}");
        }
        for kind in [None, Some("application/grpc-web"), Some("application/grpc-web+proto"), Some("application/json")] {
            assert!(!speaks(Version::HTTP_2, kind), "{kind:?}");
        }
    }

    #[test]
    fn a_fault_is_a_problem_to_some_and_a_status_to_grpc() {
        let fault = Fault::upstream(StatusCode::SERVICE_UNAVAILABLE, "upstream_busy", "Too much to do.");
        let problem = answer(&RequestId::Number(1), &fault, false);
        assert_eq!(problem.status(), fault.status);
        assert_eq!(problem.headers()[CONTENT_TYPE], "application/problem+json");
        let status = answer(&RequestId::Number(1), &fault, true);
        assert_eq!(status.status(), StatusCode::OK);
        assert_eq!(status.headers()[CONTENT_TYPE], GRPC);
        assert_eq!(status.headers()[GRPC_STATUS], "14");
        assert_eq!(status.headers()[GRPC_MESSAGE], format!("Too much to do. Request {}.", RequestId::Number(1)));
        for response in [problem, status] {
            assert_eq!(response.headers()[RETRY_AFTER], "1");
        }
    }
}
