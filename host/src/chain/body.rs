//! Body hooks on whole bodies, before the head is sent on; and what both kinds of body hook mean for the head.

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::Body as HttpBody;
use tokio::time::timeout_at;

use super::change::changed;
use super::chunks::Chunks;
use super::decision::{Decision, Passed};
use super::edits::Head;
use super::media::Wanted;
use super::step::{At, BodyHook};
use super::{Departure, Passage, Replaced, Timed, behalf};
use crate::exchange::coding::Coding;
use crate::exchange::{Body, BodyError, Decoded, Exchange, Fault};
use crate::sandbox::{BodyEdits, OnBody};

/// What a hook on a whole body left.
enum Whole {
    Body(Bytes),
    Answer(Response<Body>),
}

impl<'a> Passage<'a> {
    /// Give a request body to its hook. Returns the body to go on with.
    pub(super) async fn request_body(
        &mut self,
        at: At<'a>,
        exchange: &mut Exchange,
        headers: &mut HeaderMap,
        mut body: Body,
    ) -> Result<Body, Departure> {
        let depart = |outcome| Departure { at: at.at, outcome };
        if body.is_end_stream() {
            return Ok(body);
        }
        let coding = match at.hook.wants(headers) {
            Wanted::Pass => return Ok(body),
            Wanted::Refuse => return Err(depart(Err(unreadable_request()))),
            Wanted::Yes(coding) => coding,
        };
        if let Some(coding) = coding {
            body = decoded(headers, body, coding).map_err(|error| depart(Err(Fault::unread(error))))?;
        }
        if at.hook.edit() {
            forget_bytes(headers);
            headers.remove(RANGE);
            headers.remove(IF_RANGE);
        }
        if !at.hook.interest.buffered {
            return self.follow(body, at, exchange).map_err(|fault| depart(Err(fault)));
        }
        let bytes = match self.collect(body, at.hook).await {
            Ok(bytes) => bytes,
            // A hook further out ended the exchange; the body broke off because of that.
            Err(error) => return Err(self.departed().unwrap_or_else(|| depart(Err(Fault::unread(error))))),
        };
        match self.whole(at, exchange, Head::Request(headers), bytes).await {
            Ok(Whole::Body(bytes)) => Ok(Body::of(bytes)),
            Ok(Whole::Answer(response)) => Err(depart(Ok(response))),
            Err(fault) => Err(depart(Err(fault))),
        }
    }

    /// Give a response body to its hook. Returns the response to go on with.
    pub(super) async fn response_body(
        &mut self,
        at: At<'a>,
        exchange: &mut Exchange,
        response: Response<Body>,
    ) -> Response<Body> {
        // What the gateway says itself holds nothing of anybody's, and nobody changes it.
        let ours = matches!(self.replaced, Some(Replaced::Fault(_)));
        if ours && at.hook.edit() {
            return response;
        }
        let (mut parts, mut body) = response.into_parts();
        let wanted = match at.hook.wants(&parts.headers) {
            // Of a part nobody can tell what stands in it.
            Wanted::Yes(coding)
                if parts.status == StatusCode::PARTIAL_CONTENT && (at.hook.edit() || coding.is_some()) =>
            {
                Wanted::Refuse
            }
            wanted => wanted,
        };
        if let Wanted::Yes(coding) = wanted {
            if let Some(coding) = coding {
                body = match decoded(&mut parts.headers, body, coding) {
                    Ok(body) => body,
                    Err(error) => return self.refuse(exchange, Fault::unread_response(error)),
                };
            }
            if at.hook.edit() {
                forget_bytes(&mut parts.headers);
            }
        }
        if exchange.method == Method::HEAD || body.is_end_stream() {
            return Response::from_parts(parts, body);
        }
        match wanted {
            Wanted::Refuse if !ours => return self.refuse(exchange, unreadable_response()),
            Wanted::Pass | Wanted::Refuse => return Response::from_parts(parts, body),
            Wanted::Yes(_) => {}
        }
        if !at.hook.interest.buffered {
            return match self.follow(body, at, exchange) {
                Ok(body) => Response::from_parts(parts, body),
                Err(fault) => self.refuse(exchange, fault),
            };
        }
        let bytes = match self.collect(body, at.hook).await {
            Ok(bytes) => bytes,
            Err(error) => return self.refuse(exchange, Fault::unread_response(error)),
        };
        let head = Head::Response(&mut parts.headers, &mut parts.status);
        match self.whole(at, exchange, head, bytes).await {
            Ok(Whole::Body(bytes)) => Response::from_parts(parts, Body::of(bytes)),
            Ok(Whole::Answer(response)) => self.answer(response),
            Err(fault) => self.refuse(exchange, fault),
        }
    }

    /// Let a hook see a body as it passes.
    fn follow(&mut self, body: Body, at: At<'a>, exchange: &Exchange) -> Result<Body, Fault> {
        let pool = self.pool(at.step)?.clone();
        let state = self.states.get(at.at).cloned().unwrap_or_default();
        Ok(Chunks::wrap(body, pool, at, exchange, self.place, state, self.notice()))
    }

    async fn collect(&self, body: Body, hook: &BodyHook) -> Result<Bytes, BodyError> {
        let whole = timeout_at(self.deadline, body.collect(hook.interest.max_bytes)).await;
        whole.unwrap_or(Err(BodyError::Deadline))
    }

    async fn whole(
        &mut self,
        at: At<'a>,
        exchange: &mut Exchange,
        head: Head<'_>,
        body: Bytes,
    ) -> Result<Whole, Fault> {
        let pool = self.pool(at.step)?;
        let call = OnBody { direction: at.direction, body: body.clone(), state: self.take_state(at.at) };
        let (behalf, timed) = (behalf(exchange), Timed::begin(exchange));
        let writes = &at.hook.writes;
        let edit = |edits: BodyEdits| {
            let bytes = changed(edits.bytes, at.hook.edit(), &body)?;
            let state = edits.head.map(|edits| writes.apply(edits, exchange, head)).transpose()?.flatten();
            Ok(Passed { bytes, state })
        };
        let decided = pool.ask(behalf, self.deadline, &call, |verdict| Decision::of(verdict, writes, edit)).await;
        timed.end(exchange, pool, at.step.id);
        let holds = pool.take_holds();
        self.holds.extend(holds);
        self.carry(at.at, call.state);
        match decided {
            Ok(Decision::Go(Passed { bytes, state })) => {
                if let Some(state) = state {
                    self.carry(at.at, state);
                }
                Ok(Whole::Body(bytes.unwrap_or(body)))
            }
            Ok(Decision::Answer(response)) => Ok(Whole::Answer(*response)),
            Ok(Decision::Failed(failure)) => at.step.failed(failure).map(|()| Whole::Body(body)),
            Err(fault) => at.step.broke(exchange, &self.place, fault).map(|()| Whole::Body(body)),
        }
    }
}

/// The body before its coding, of which the head says nothing any more.
///
/// It goes on so, even where it is only looked at: what others would make of the coded bytes nobody has seen.
fn decoded(headers: &mut HeaderMap, body: Body, coding: Coding) -> Result<Body, BodyError> {
    headers.remove(CONTENT_ENCODING);
    forget_bytes(headers);
    if body.is_end_stream() { Ok(body) } else { Ok(Decoded::wrap(body, coding)?) }
}

/// Remove from a head what describes bytes that may change.
fn forget_bytes(headers: &mut HeaderMap) {
    const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    for name in DIGESTS {
        headers.remove(HeaderName::from_static(name));
    }
    // The bytes may differ, the meaning is meant to be the same: RFC 9110 section 8.8.1.
    let weak = headers
        .get(ETAG)
        .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
        .and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
}

fn unreadable_request() -> Fault {
    let detail = "This content type or coding is not accepted here.";
    Fault::client(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body_type", detail)
}

fn unreadable_response() -> Fault {
    let detail = "The upstream answered with a content type or coding that may not pass.";
    Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_body_type", detail)
}
