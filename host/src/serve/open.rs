//! The first look at a request: brings it into the one form everything after relies on, or refuses it.

use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING,
};
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
        // Only CONNECT names an authority and nothing else (RFC 9112 section 3.2.3).
        None => return Err(refuse("bad_path", "The request has no path.")),
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
        Some(_) => Err(Fault::unread(BodyError::TooLong)),
        None if headers.contains_key(CONTENT_LENGTH) => Ok(Body::Incoming(incoming)),
        None => Ok(Body::Incoming(incoming).bounded(max)),
    }
}

/// Say that a body of unknown length comes where a message of this method usually has none: without it, it would be left out.
pub(super) fn frame(method: &Method, body: &Body, headers: &mut HeaderMap) {
    let unusual = matches!(*method, Method::GET | Method::HEAD);
    if unusual && !body.is_end_stream() && body.size_hint().exact().is_none() {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
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
