//! The writing side: waits for records, lets a few gather, and writes them at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::QUEUE;
use super::record::Record;

/// Bytes after which a batch is written.
const BATCH: usize = 64 * 1024;
/// How long records gather after the first. While this thread sleeps, handing one over wakes nobody, which is the
/// point.
const GATHER: Duration = Duration::from_millis(10);

pub(super) enum Message {
    /// Boxed, so that the queue's slots, all of them allocated beforehand, stay small.
    Record(Box<Record>),
    Wake,
}

pub(super) struct Writer<W> {
    records: Receiver<Message>,
    output: W,
    closing: Arc<AtomicBool>,
    dropped: Counter,
    batch: Vec<u8>,
    lines: u64,
}

impl<W: io::Write> Writer<W> {
    pub(super) fn new(records: Receiver<Message>, output: W, closing: Arc<AtomicBool>, dropped: Counter) -> Self {
        Self { records, output, closing, dropped, batch: Vec::new(), lines: 0 }
    }

    /// Until the log is closed or all senders are gone.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.records.recv() {
            self.add(first);
            if !self.closing.load(Acquire) {
                thread::sleep(GATHER);
            }
            self.drain();
            if self.closing.load(Acquire) {
                // What came between the last look at the queue and the close.
                self.drain();
                return;
            }
        }
    }

    /// Write what waits; no more than a full queue, so that steady traffic cannot put off the end.
    fn drain(&mut self) {
        for _ in 0..QUEUE {
            let Ok(next) = self.records.try_recv() else {
                break;
            };
            self.add(next);
        }
        self.write();
    }

    fn add(&mut self, message: Message) {
        let Message::Record(record) = message else {
            return;
        };
        let start = self.batch.len();
        if serde_json::to_writer(&mut self.batch, &record).is_err() {
            self.batch.truncate(start);
            self.dropped.inc();
            return;
        }
        self.batch.push(b'\n');
        self.lines += 1;
        if self.batch.len() >= BATCH {
            self.write();
        }
    }

    fn write(&mut self) {
        if self.lines == 0 {
            return;
        }
        let written = self.output.write_all(&self.batch);
        if written.and_then(|()| self.output.flush()).is_err() {
            self.dropped.inc_by(self.lines);
        }
        self.batch.clear();
        self.lines = 0;
    }
}
