//! The bytes of a connection on their way, as its pulse is told of them.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::{Doing, Pulse};
use crate::listen::inspect::{Inspect, Inspected};

/// A stream that keeps its pulse: bytes that arrive on a quiet connection, and bytes the client does not take.
pub(crate) type Watched<S> = Inspected<S, Rc<Pulse>>;

impl Inspect for Rc<Pulse> {
    fn poll_read(
        &mut self,
        stream: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = stream.poll_read(cx, buffer);
        if polled.is_ready() && self.awaits_head() {
            self.now(Doing::Head);
        }
        polled
    }

    fn wrote(&mut self, polled: &Poll<io::Result<usize>>) {
        self.blocked(polled.is_pending());
        if let Poll::Ready(Ok(bytes)) = polled {
            self.took(*bytes);
        }
    }
}
