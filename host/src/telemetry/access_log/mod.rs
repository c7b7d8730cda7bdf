//! The access log: one JSON line per finished request, written by a thread of its own so that no request waits for a disk.

mod record;
mod writer;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use writer::{Message, Writer};

pub(crate) use record::{LoggedMethod, LoggedPath, Record, TruncatedAddr};

/// Records that may wait for the writer; more are dropped and counted.
pub(crate) const QUEUE: usize = 8192;
/// How long a dropped [`AccessLogGuard`] waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes records and never waits; cheap to clone.
#[derive(Clone)]
pub(crate) struct AccessLog {
    queue: SyncSender<Message>,
    dropped: Counter,
}

impl AccessLog {
    /// Start the thread that writes to `output`. Records lost, here or by failed writes, are counted in `dropped`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(
        output: impl io::Write + Send + 'static,
        dropped: Counter,
    ) -> io::Result<(Self, AccessLogGuard)> {
        let (queue, records) = sync_channel(QUEUE);
        let (done, finished) = sync_channel(1);
        let closing = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(records, output, Arc::clone(&closing), dropped.clone());
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            writer.run();
            // Nobody may be waiting any more.
            let _ = done.send(());
        })?;
        let guard = AccessLogGuard { queue: queue.clone(), closing, finished };
        Ok((Self { queue, dropped }, guard))
    }

    /// Hand over a record, or drop it when the queue is full or the log closed.
    pub(crate) fn record(&self, record: Record) {
        if self.queue.try_send(Message::Record(Box::new(record))).is_err() {
            self.dropped.inc();
        }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

/// Ends the log: when closed or dropped, what is queued is written first, within limits of patience.
#[must_use = "the log ends when this is dropped"]
pub(crate) struct AccessLogGuard {
    queue: SyncSender<Message>,
    closing: Arc<AtomicBool>,
    finished: Receiver<()>,
}

impl AccessLogGuard {
    /// Write what is queued and end. False: not done within `patience`; the rest is lost if the process ends now.
    pub(crate) fn close(self, patience: Duration) -> bool {
        self.finish(patience)
    }

    fn finish(&self, patience: Duration) -> bool {
        self.closing.store(true, Release);
        // Only an idle writer needs waking; with a full queue it is not idle and will see the flag.
        let _ = self.queue.try_send(Message::Wake);
        self.finished.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

impl Drop for AccessLogGuard {
    fn drop(&mut self) {
        // After `close` the thread is gone, or has had its chance.
        if !self.closing.load(Acquire) {
            self.finish(PATIENCE);
        }
    }
}

impl fmt::Debug for AccessLogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLogGuard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
