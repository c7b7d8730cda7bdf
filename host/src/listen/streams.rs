//! The streams of one HTTP/2 connection: a task for each, which ends when the stream is told to stop.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use hyper::rt::Executor;

use super::pulse::{Pulse, Told};

/// Runs the streams of one connection on the worker's own thread.
///
/// A client may open its connection's window and keep that of a stream shut; then nothing wakes the stream any more,
/// and only its pulse knows. hyper hands over a future right after it called the service for it, which is how the two
/// meet.
#[derive(Clone, Default)]
pub(super) struct Streams {
    next: Rc<RefCell<Option<Rc<Pulse>>>>,
}

impl Streams {
    /// The next future is of the stream with this pulse.
    pub(super) fn expect(&self, pulse: &Rc<Pulse>) {
        *self.next.borrow_mut() = Some(pulse.clone());
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, future: F) {
        let pulse = self.next.borrow_mut().take();
        tokio::task::spawn_local(async move {
            let Some(pulse) = pulse else { return future.await };
            let mut future = std::pin::pin!(future);
            poll_fn(|cx| match pulse.told(cx) {
                Some(Told::Stop) => Poll::Ready(()),
                _ => future.as_mut().poll(cx),
            })
            .await;
        });
    }
}
