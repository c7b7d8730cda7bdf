//! The body of an upstream's response: bounded in time, and giving its connection back at the end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Lease;
use crate::exchange::hygiene::{clean_response_trailers, is_same_in_http1};
use crate::exchange::{Body, BodyError, Fault, poll_cleaned, sole};

/// Reads from the upstream only as fast as it is read itself.
pub(super) struct Reply {
    incoming: Incoming,
    /// Dropped early, it takes the connection with it: the rest of the body would still be on it.
    lease: Option<Lease>,
    idle: Duration,
    deadline: Instant,
    /// Runs only while nothing arrives, so a body that is there costs no timer.
    timer: Option<Pin<Box<Sleep>>>,
}

/// A response whose end nobody can be sure of is none, nor is one that clients of HTTP/1.1 would read otherwise.
pub(super) fn check(response: &Response<Incoming>) -> Result<(), Fault> {
    let is_same = response.version() != Version::HTTP_2 || is_same_in_http1(response.headers());
    if is_same && is_framed_once(response.headers()) {
        return Ok(());
    }
    let detail = "The upstream gave an answer that is not HTTP.";
    Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_malformed", detail))
}

/// Whether a head says in one way only where its body ends. What is framed twice can be read in two ways, by us and by
/// the client, and ought to be an error (RFC 9112 section 6.3); a transfer coding is not for the client, who would get
/// it without being told.
pub(crate) fn is_framed_once(headers: &HeaderMap) -> bool {
    let (mut length, mut coding) = (false, false);
    // One look at the names there are costs less than to ask for each.
    for name in headers.keys() {
        length |= *name == CONTENT_LENGTH;
        coding |= *name == TRANSFER_ENCODING;
    }
    match (length, coding) {
        (false, false) => true,
        (true, false) => sole(headers, CONTENT_LENGTH).is_some_and(|length| !length.as_bytes().contains(&b',')),
        (false, true) => sole(headers, TRANSFER_ENCODING)
            .is_some_and(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")),
        (true, true) => false,
    }
}

/// Whether a head tells of a body that its status forbids (RFC 9110 section 15.3.5). Some upstreams send it all the
/// same, so the connection may have more to say than the next client asked for.
pub(crate) fn contradicts_itself(head: &Parts) -> bool {
    let length = head.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    head.status == StatusCode::NO_CONTENT && (length || head.headers.contains_key(TRANSFER_ENCODING))
}

impl Reply {
    pub(super) fn wrap(
        response: Response<Incoming>,
        lease: Lease,
        idle: Duration,
        deadline: Instant,
    ) -> Response<Body> {
        let (mut parts, incoming) = response.into_parts();
        // Each connection speaks its own version (RFC 9110 section 6.2).
        parts.version = Version::HTTP_11;
        if incoming.is_end_stream() {
            if !contradicts_itself(&parts) {
                lease.give_back();
            }
            return Response::from_parts(parts, Body::Empty);
        }
        let body = Self { incoming, lease: Some(lease), idle, deadline, timer: None };
        Response::from_parts(parts, Body::stream(body))
    }

    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match poll_cleaned(&mut this.incoming, cx, clean_response_trailers) {
            Poll::Ready(Some(Ok(frame))) => {
                this.timer = None;
                if this.incoming.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.lease = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let now = Instant::now();
                let until = this.deadline.min(now + this.idle);
                let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.lease = None;
                let error = if Instant::now() >= this.deadline { BodyError::Deadline } else { BodyError::Idle };
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
