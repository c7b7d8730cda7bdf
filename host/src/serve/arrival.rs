//! A request's body as it arrives: counted, and ended where its client keeps everybody waiting.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::exchange::{Body, BodyError};

/// How long a client may keep others waiting for a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Between two pieces, and the time over which the rate is measured.
    pub(crate) timeout: Duration,
    /// Bytes a second of the time it is waited for; 0 for any.
    pub(crate) rate: u64,
}

/// What became of a body, for whoever tells of its exchange.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// How much of it came.
    pub(super) bytes: Cell<u64>,
    /// Whether it was not waited for any longer.
    pub(super) late: Cell<bool>,
}

/// A body on its way from a client.
pub(super) struct Arrival {
    body: Body,
    arrived: Rc<Arrived>,
    wait: Option<Wait>,
}

impl Arrival {
    /// Without patience, the client may take the time its exchange has.
    pub(super) fn wrap(body: Body, arrived: Rc<Arrived>, patience: Option<Patience>) -> Body {
        Body::stream(Self { body, arrived, wait: patience.map(Wait::new) })
    }
}

impl HttpBody for Arrival {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let length = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        this.arrived.bytes.set(this.arrived.bytes.get() + length);
        let Some(wait) = &mut this.wait else { return polled };
        let is_over = match &polled {
            Poll::Pending => wait.is_over(cx),
            Poll::Ready(Some(Ok(_))) if !this.body.is_end_stream() => wait.was_too_slow(length, Instant::now()),
            // What is whole is not looked at any more.
            Poll::Ready(_) => false,
        };
        if !is_over {
            return polled;
        }
        this.arrived.late.set(true);
        Poll::Ready(Some(Err(BodyError::Idle)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The time spent waiting. While pieces are there when they are asked for, it is no time at all, and costs none.
struct Wait {
    patience: Patience,
    /// Since when a piece is waited for.
    since: Option<Instant>,
    /// Of the present measure: the time waited, and what came in it.
    waited: Duration,
    bytes: u64,
    /// Made when first needed, then moved on.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    fn new(patience: Patience) -> Self {
        Self { patience, since: None, waited: Duration::ZERO, bytes: 0, timer: None }
    }

    /// Nothing is there. Whether nothing was for too long; if not, `cx` is woken when it will have been.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let until = *self.since.get_or_insert_with(Instant::now) + self.patience.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= until {
                return true;
            }
            // It ran for an earlier piece.
            timer.as_mut().reset(until);
        }
        false
    }

    /// A piece is there. Whether it, and those before it, came too slowly.
    fn was_too_slow(&mut self, length: u64, now: Instant) -> bool {
        self.bytes += length;
        let Some(since) = self.since.take() else { return false };
        self.waited += now.duration_since(since);
        if self.waited < self.patience.timeout {
            return false;
        }
        let due = u128::from(self.patience.rate) * self.waited.as_millis() / 1000;
        let came = u128::from(std::mem::take(&mut self.bytes));
        self.waited = Duration::ZERO;
        came < due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Whether a client is cut off that sends so many bytes after waits of so many seconds.
    fn is_cut(pieces: impl IntoIterator<Item = (u64, u32)>) -> bool {
        let mut wait = Wait::new(Patience { timeout: 10 * SECOND, rate: 100 });
        let mut now = Instant::now();
        pieces.into_iter().any(|(length, seconds)| {
            wait.since = (seconds > 0).then_some(now);
            now += seconds * SECOND;
            wait.was_too_slow(length, now)
        })
    }

    #[test]
    fn a_body_has_to_come_at_a_rate_while_it_is_waited_for() {
        assert!(!is_cut([(1000, 9), (100, 1)]));
        assert!(!is_cut([(500, 5), (500, 5)]));
        assert!(is_cut([(1, 9), (1, 9)]));
        assert!(is_cut([(1_000_000, 9), (1, 9), (1, 9), (1, 9)]), "what came early is no credit for ever");
        assert!(!is_cut((0..1000).map(|_| (1, 0))), "nobody waited");
    }
}
