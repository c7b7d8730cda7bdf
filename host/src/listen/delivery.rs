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
    /// Of the stream, where the connection has several: whether the client takes what it is sent is told by its asking for more.
    stream: Option<Rc<Pulse>>,
}

impl Delivery {
    pub(super) fn new(body: Outgoing, mut exchanging: Exchanging, stream: Option<Rc<Pulse>>) -> Self {
        exchanging.answered = true;
        Self { body, exchanging: exchanging, stream }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // Dropped before its end because the client kept it waiting.
        if self.stream.as_ref().unwrap_or(&self.exchanging.pulse).is_stopped() {
            self.body.client_was_slow();
        }
    }
}

impl Body for Delivery {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(stream) = &this.stream {
            match &polled {
                Poll::Ready(Some(Ok(frame))) => stream.hand(frame.data_ref().map_or(0, Bytes::len)),
                _ => stream.settled(),
            }
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
