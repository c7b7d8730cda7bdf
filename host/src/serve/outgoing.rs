//! The body of a response on its last way, with which the exchange ends.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::finish::Finish;
use super::respond;
use crate::chain::{Departure, Notice};
use crate::exchange::{Body, BodyError, Fault};
use crate::telemetry::{Blame, Outcome};

/// The body of a response on its last way, and the record that is made when it is over.
pub(crate) struct Outgoing {
    body: Body,
    bytes: u64,
    end: Option<(Finish, StatusCode)>,
    notice: Option<Rc<Notice>>,
}

impl Outgoing {
    /// Of a response that is followed elsewhere.
    pub(super) fn bare(body: Body) -> Self {
        Self { body, bytes: 0, end: None, notice: None }
    }

    /// Of one that is followed to its end, which a policy may bring about through `notice`.
    pub(super) fn followed(body: Body, end: (Finish, StatusCode), notice: Option<Rc<Notice>>) -> Self {
        Self { body, bytes: 0, end: Some(end), notice }
    }

    /// It ends here because its client took it too slowly, or not at all.
    pub(crate) fn client_was_slow(&mut self) {
        if let Some((finish, _)) = &mut self.end {
            finish.ends_by(Blame::Client, "client_slow");
        }
    }

    fn over(&mut self, error: Option<&BodyError>) {
        let Some((mut finish, status)) = self.end.take() else { return };
        match (error, self.notice.as_ref().and_then(|notice| notice.take())) {
            (Some(BodyError::Departed), Some(Departure { outcome: Err(fault), .. })) => {
                finish.blame(&fault);
                respond::log(&finish.id, &fault);
            }
            (Some(BodyError::Departed), _) => finish.ends_by(Blame::Policy, BodyError::Departed.class()),
            // Where the body stopped the upstream has broken off because of that.
            (Some(_), _) if finish.arrival.as_ref().is_some_and(|arrival| arrival.is_late()) => {
                finish.blame(&Fault::unread(BodyError::Idle));
            }
            (Some(error), _) => finish.ends_by(Blame::Upstream, error.class()),
            (None, _) => {}
        }
        finish.record(status, self.bytes);
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        // Never read to its end: it had none to read, or the client went away.
        if let Some((finish, _)) = &mut self.end
            && !self.body.is_end_stream()
            && finish.outcome == Outcome::Ok
            && !finish.head
        {
            finish.broke_off();
        }
        self.over(None);
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let ended = this.notice.as_ref().is_some_and(|notice| notice.is_set());
        let polled = match ended {
            // A policy ended the exchange after the head had gone: what has gone must not look whole.
            true => Poll::Ready(Some(Err(BodyError::Departed))),
            false => Pin::new(&mut this.body).poll_frame(cx),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.over(None);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "response cut off");
                this.over(Some(error));
            }
            Poll::Ready(None) => this.over(None),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What answers HEAD says how long the body would be, and has none: over HTTP/2 nobody else would leave it out.
pub(super) fn leave_out_body(response: &mut Response<Body>) {
    // The body of an upstream's answer was left out by hyper.
    let Body::Full(bytes) = response.body() else { return };
    let length = HeaderValue::from(bytes.len());
    response.headers_mut().entry(CONTENT_LENGTH).or_insert(length);
    *response.body_mut() = Body::Empty;
}
