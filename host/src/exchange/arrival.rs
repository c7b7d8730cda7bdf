//! A request's body as it arrives: counted, and ended where its client keeps everybody waiting.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until};

use super::BodyError;

/// How long a client may keep others waiting for a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Between two pieces, and the time over which the rate is measured.
    pub(crate) timeout: Duration,
    /// Bytes a second of the time it is waited for; 0 for any.
    pub(crate) rate: u64,
}

/// What is known of a body on its way from a client, to the body and to whoever tells of its exchange.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    bytes: Cell<u64>,
    is_late: Cell<bool>,
    /// None where the client may take the time its exchange has.
    wait: Option<RefCell<Wait>>,
}

/// What comes of asking a body for its next piece.
type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl Arrival {
    pub(crate) fn new(patience: Option<Patience>) -> Rc<Self> {
        let wait = patience.map(|patience| RefCell::new(Wait::new(patience)));
        Rc::new(Self { wait, ..Self::default() })
    }

    /// How much of it came.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Whether it was not waited for any longer.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late.get()
    }

    /// So much more of it came.
    pub(crate) fn came(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// Follow what the body was `polled` for; what its reader is to be told of that.
    pub(super) fn follow(&self, polled: Polled, is_end_stream: bool, cx: &mut Context<'_>) -> Polled {
        let length = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        self.came(length);
        let Some(wait) = &self.wait else { return polled };
        let is_over = match &polled {
            Poll::Pending => wait.borrow_mut().is_over(cx),
            Poll::Ready(Some(Ok(_))) if !is_end_stream => wait.borrow_mut().was_too_slow(length, Instant::now()),
            // What is whole is not looked at any more.
            Poll::Ready(_) => false,
        };
        if !is_over {
            return polled;
        }
        self.is_late.set(true);
        Poll::Ready(Some(Err(BodyError::Idle)))
    }
}

/// The time spent waiting. While pieces are there when they are asked for, it is no time at all, and costs none.
#[derive(Debug)]
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
