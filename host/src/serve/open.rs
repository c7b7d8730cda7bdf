//! The first look at a request: brings it into the one form everything after relies on, or refuses it.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use super::Connection;
use super::asker::Asker;
use crate::exchange::authority::{Host, authority};
use crate::exchange::hygiene::{IdentityHeaders, clean_request_trailers, is_same_in_http1, strip_hop_by_hop};
use crate::exchange::path::Target;
use crate::exchange::{Arrival, Body, BodyError, Exchange, Fault, Peer};
use crate::generation::Generation;
use crate::tls::Session;

/// Normalise a request head and take its facts.
pub(super) fn exchange(
    connection: &Connection,
    asker: &Asker,
    generation: &Generation,
    parts: &mut Parts,
) -> Result<Exchange, Fault> {
    let refuse = |class, detail| Fault::client(StatusCode::BAD_REQUEST, class, detail);
    if parts.method == Method::CONNECT {
        let detail = "This gateway is not a forward proxy.";
        return Err(Fault::client(StatusCode::NOT_IMPLEMENTED, "connect", detail));
    }
    if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > connection.max_target) {
        let detail = "The target of the request is too long.";
        return Err(Fault::client(StatusCode::URI_TOO_LONG, "target_too_long", detail));
    }
    if parts.headers.len() > connection.max_headers {
        let detail = "The request has too many header fields.";
        return Err(Fault::client(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_fields", detail));
    }
    let host = authority(parts)
        .map_err(|error| refuse("bad_host", "The host of the request cannot be told.").because(error))?;
    // A certificate, or none, may have been asked for under other terms than those of this host.
    if connection.tls.as_ref().is_some_and(|session| !connection.entrance.is_open(session, host.as_str())) {
        let detail = "This host cannot be asked over this connection.";
        return Err(Fault::client(StatusCode::MISDIRECTED_REQUEST, "misdirected", detail));
    }
    let target = match parts.uri.path_and_query() {
        Some(target) => Target::try_from(target),
        // Only CONNECT names an authority and nothing else (RFC 9112 section 3.2.3).
        None => return Err(refuse("bad_path", "The request has no path.")),
    };
    let target =
        target.map_err(|error| refuse("bad_path", "The path of the request is not acceptable.").because(error))?;
    if parts.version == Version::HTTP_2 {
        if !is_same_in_http1(&parts.headers) {
            let detail = "A header field has a name that is none, or its value begins or ends with white space.";
            return Err(refuse("bad_field", detail));
        }
        as_in_http1(parts, &host);
    }
    // What the client would like to come after the head is told by fields that end here (RFC 9110 sections 7.8 and
    // 10.1.4).
    let (wants_trailers, upgrade) = (has_member(&parts.headers, &TE, b"trailers"), upgrade(parts));
    strip_hop_by_hop(&mut parts.headers)
        .map_err(|error| refuse("bad_connection", "The Connection field names what it may not.").because(error))?;
    generation.identity.strip(&mut parts.headers);
    let peer = Peer {
        client: asker.client,
        https: asker.https,
        certificate: connection.tls.as_deref().and_then(Session::certificate).cloned(),
    };
    let mut exchange = Exchange::new(asker.id.clone(), peer, parts.method.clone(), host, target);
    (exchange.wants_trailers, exchange.upgrade) = (wants_trailers, upgrade);
    Ok(exchange)
}

/// Bring a head of HTTP/2 into the form policies and upstreams know (RFC 9113 sections 8.2.3 and 8.3.1): the authority
/// as Host, a cookie in one piece.
fn as_in_http1(parts: &mut Parts, host: &Host) {
    if let Some(authority) = parts.uri.authority()
        && let Ok(value) = HeaderValue::try_from(authority.as_str())
    {
        // As the client wrote it, port and all; it was read before.
        parts.headers.insert(HOST, value);
    } else if !parts.headers.contains_key(HOST)
        && let Ok(value) = HeaderValue::try_from(host.as_str())
    {
        parts.headers.insert(HOST, value);
    }
    let mut crumbs = parts.headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let pieces: Vec<_> = [first, second].into_iter().chain(crumbs).map(HeaderValue::as_bytes).collect();
    if let Ok(whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        parts.headers.insert(COOKIE, whole);
    }
}

/// The protocol a client would like to go on with (RFC 9110 section 7.8). One that sends a body first, or names
/// several, gets HTTP.
fn upgrade(parts: &Parts) -> Option<Box<str>> {
    let mut values = parts.headers.get_all(UPGRADE).iter();
    let (protocol, None) = (values.next()?, values.next()) else { return None };
    if parts.version != Version::HTTP_11
        || parts.headers.contains_key(CONTENT_LENGTH)
        || parts.headers.contains_key(TRANSFER_ENCODING)
    {
        return None;
    }
    let protocol = protocol.to_str().ok()?;
    let asked = has_member(&parts.headers, &CONNECTION, b"upgrade");
    (asked && !protocol.contains([',', ' '])).then(|| protocol.to_ascii_lowercase().into())
}

fn has_member(headers: &HeaderMap, name: &HeaderName, wanted: &[u8]) -> bool {
    let members = headers.get_all(name).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    members.map(<[u8]>::trim_ascii).any(|member| member.eq_ignore_ascii_case(wanted))
}

/// The body of a request, bounded as the listener says, and followed as it arrives.
pub(super) fn body(
    incoming: Incoming,
    headers: &HeaderMap,
    max: Option<u64>,
    identity: &Arc<IdentityHeaders>,
    arrives: impl FnOnce() -> Rc<Arrival>,
) -> Result<Body, Fault> {
    if incoming.is_end_stream() {
        return Ok(Body::Empty);
    }
    let length = incoming.size_hint().exact();
    // A declared length was checked by the server to be one number and to frame the body.
    if length.is_some_and(|length| max.is_some_and(|max| length > max)) {
        return Err(Fault::unread(BodyError::TooLong));
    }
    let arrival = arrives();
    // Where the length was told, nothing follows the body unless it is announced.
    if length.is_some() && !headers.contains_key(TRAILER) {
        return Ok(Body::Incoming(incoming, arrival));
    }
    let identity = identity.clone();
    let body = Body::with_trailers(incoming, arrival, move |fields| clean_request_trailers(fields, &identity));
    Ok(match max {
        Some(max) if length.is_none() => body.bounded(max),
        _ => body,
    })
}

/// Say that a body of unknown length comes where a message of this method usually has none: without it, it would be
/// left out.
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
