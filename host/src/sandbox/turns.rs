//! The CPU time of a call that waits in between: charged by the turns its future has, not for what others do meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use super::limits::thread_cpu_time;

/// CPU time of a call whose future is polled now and then.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Nanoseconds of turns that are over, and the thread's when this one began. One thread polls; atomics make it
    /// `Sync`.
    over: AtomicU64,
    began: AtomicU64,
}

impl Turns {
    /// Up to now, in the middle of a turn.
    pub(super) fn used(&self) -> Duration {
        let turn = nanos(thread_cpu_time()).saturating_sub(self.began.load(Relaxed));
        Duration::from_nanos(self.over.load(Relaxed) + turn)
    }
}

/// A future that is charged for each of its turns.
pub(super) struct Charged<F> {
    pub(super) future: Pin<Box<F>>,
    pub(super) turns: Arc<Turns>,
}

impl<F: Future> Future for Charged<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.turns.began.store(nanos(thread_cpu_time()), Relaxed);
        let polled = self.future.as_mut().poll(cx);
        self.turns.over.store(nanos(self.turns.used()), Relaxed);
        polled
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
