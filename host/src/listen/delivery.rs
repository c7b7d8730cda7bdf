//! A response on its way to the client, and the exchange it belongs to.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::pulse::Pulse;
use crate::exchange::BodyError;
use crate::serve::Outgoing;

/// One exchange of a connection, from its head until its response has gone.
pub(super) struct Exchanging {
    pulse: Rc<Pulse>,
    answered: bool,
}

impl Exchanging {
    pub(super) fn begin(pulse: &Rc<Pulse>) -> Self {
        pulse.begin();
        Self { pulse: pulse.clone(), answered: false }
    }
}

impl Drop for Exchanging {
    fn drop(&mut self) {
        self.pulse.end(self.answered);
    }
}

/// A response on its way to the client: while it is, its exchange goes on.
pub(super) struct Delivery {
    body: Outgoing,
    exchanging: Exchanging,
    /// Of the stream, where the connection has several: whether the client takes what it is sent is told by its asking
    /// for more.
    stream: Option<Rc<Pulse>>,
    /// What is left of a piece too long for a stream.
    rest: Bytes,
}

/// Most bytes a stream is handed at once. What it was handed counts as sent, and is kept until the client opens its
/// window.
const PIECE: usize = 16 << 10;

impl Delivery {
    pub(super) fn new(body: Outgoing, mut exchanging: Exchanging, stream: Option<Rc<Pulse>>) -> Self {
        exchanging.answered = true;
        Self { body, exchanging, stream, rest: Bytes::new() }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // Dropped before its end because the client kept it waiting.
        if self.stream.as_ref().unwrap_or(&self.exchanging.pulse).was_kept_waiting() {
            self.body.client_was_slow();
        }
    }
}

impl Body for Delivery {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(stream) = &this.stream else { return Pin::new(&mut this.body).poll_frame(cx) };
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => this.rest = data,
                    Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Err(trailers) => {
                        stream.hand(0);
                        return Poll::Ready(Some(Ok(trailers)));
                    }
                },
                other => {
                    stream.settled();
                    return other;
                }
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        stream.hand(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
