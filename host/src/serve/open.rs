//! The first look at a request: brings it into the one form everything after relies on, or refuses it.

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;

use super::Connection;
use crate::exchange::authority::authority;
use crate::exchange::hygiene::{IdentityHeaders, strip_hop_by_hop};
use crate::exchange::path::Target;
use crate::exchange::{Body, BodyError, Exchange, Fault};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Normalise a request head and take its facts.
pub(super) fn exchange(
    id: u64,
    connection: &Connection,
    identity: &IdentityHeaders,
    parts: &mut Parts,
) -> Result<Exchange, Fault> {
    let refuse = |class, detail| Fault::client(StatusCode::BAD_REQUEST, class, detail);
    if parts.method == Method::CONNECT {
        let detail = "This gateway is not a forward proxy.";
        return Err(Fault::client(StatusCode::NOT_IMPLEMENTED, "connect", detail));
    }
    let host = authority(parts)
        .map_err(|error| refuse("bad_host", "The host of the request cannot be told.").because(error))?;
    let target = match parts.uri.path_and_query() {
        Some(target) => Target::try_from(target),
        None => Target::parse("/"),
    };
    let target =
        target.map_err(|error| refuse("bad_path", "The path of the request is not acceptable.").because(error))?;
    strip_hop_by_hop(&mut parts.headers)
        .map_err(|error| refuse("bad_connection", "The Connection field names what it may not.").because(error))?;
    identity.strip(&mut parts.headers);
    Ok(Exchange::new(id, connection.client.ip(), parts.method.clone(), host, target))
}

/// The body of a request, bounded as the listener says.
pub(super) fn body(incoming: Incoming, headers: &HeaderMap, max: Option<u64>) -> Result<Body, Fault> {
    if incoming.is_end_stream() {
        return Ok(Body::Empty);
    }
    let Some(max) = max else { return Ok(Body::Incoming(incoming)) };
    // A declared length was checked by the server to be one number and to frame the body.
    match incoming.size_hint().exact() {
        Some(length) if length <= max => Ok(Body::Incoming(incoming)),
        Some(_) => Err(unread(BodyError::TooLong)),
        None if headers.contains_key(CONTENT_LENGTH) => Ok(Body::Incoming(incoming)),
        None => Ok(Body::Incoming(incoming).bounded(max)),
    }
}

/// A request body that could not be read to its end.
pub(super) fn unread(error: BodyError) -> Fault {
    match error {
        BodyError::TooLong => {
            Fault::client(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", "The request body is too long.")
        }
        other => Fault::client(StatusCode::BAD_REQUEST, "body_broken", "The request body ended early.").because(other),
    }
}

/// The method that decides the route: a preflight asks about another request (Fetch standard, CORS-preflight).
pub(super) fn routed_method(parts: &Parts) -> Method {
    if parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && let Some(asked) = parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD)
        && let Ok(method) = Method::from_bytes(asked.as_bytes())
    {
        return method;
    }
    parts.method.clone()
}

/// Tell the upstream whom the request came from. What a client said about that was removed before.
pub(super) fn say_who_asks(headers: &mut HeaderMap, connection: &Connection) {
    headers.insert(X_FORWARDED_FOR, connection.client_field.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert(X_FORWARDED_HOST, host);
    }
}
