//! The side of what is kept: a thread that reads what workers told of, calls things by their names, and puts them on the disk.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::column::Batch;
use super::names::Catalog;
use super::observer::{Looking, Observers};
use super::reading::Reading;
use super::teller::{Attributes, RING, Ring, Teller, ring};
use crate::report::{Finished, Report, StoreError, Tally};
use crate::telemetry::metrics::AnalyticsMetrics;

/// How often the rings are read.
const READ: Duration = Duration::from_millis(250);
/// How often what was read is put on the disk: what a crash costs.
const FLUSH: Duration = Duration::from_secs(5);
/// How long observers may take for what was read at once: meanwhile the rings fill.
const LOOK: Duration = Duration::from_secs(1);

/// Reads what all workers tell of.
pub(crate) struct Keeper {
    rings: Vec<Ring>,
    catalog: Arc<Catalog>,
    observers: Observers,
    kept: Kept,
    listeners: Vec<Listener>,
    /// Those that are read now.
    batch: Batch,
}

/// Who hears of requests as they are read, batch by batch with an empty one when there are no more for now, and keeps the
/// thread no longer than that takes.
pub(crate) type Listener = Box<dyn FnMut(&[Finished]) + Send>;

/// Ends the thread: what was told of until then is kept.
#[must_use = "nothing more is kept once this is dropped"]
pub(crate) struct KeeperGuard {
    ends: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// What so many workers tell of goes into the state directory `state`. How that goes is told in `metrics`.
    pub(crate) fn new(
        workers: usize,
        catalog: Arc<Catalog>,
        attributes: &Attributes,
        looking: watch::Receiver<Looking>,
        state: &Path,
        metrics: &AnalyticsMetrics,
    ) -> (Self, Vec<Teller>) {
        let (tellers, rings) = (0..workers).map(|_| ring(attributes.clone(), metrics.lost.clone())).unzip();
        let kept = Kept { report: Report::new(state), metrics: metrics.clone(), told: Tally::default(), trouble: None };
        let observers = Observers::new(looking);
        (Self { rings, catalog, observers, kept, listeners: Vec::new(), batch: Batch::default() }, tellers)
    }

    /// Have one more hear of all that is read.
    pub(crate) fn heard_by(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Begin to read.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(self) -> io::Result<KeeperGuard> {
        let (ends, ended) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || LocalSet::new().block_on(&runtime, self.run(ended));
        let thread = thread::Builder::new().name("analytics".to_owned()).spawn(run)?;
        Ok(KeeperGuard { ends, thread })
    }

    async fn run(mut self, mut ended: oneshot::Receiver<()>) {
        let mut flushed = Instant::now();
        loop {
            let is_over = timeout(READ, &mut ended).await.is_ok();
            self.read().await;
            if is_over || flushed.elapsed() >= FLUSH {
                self.kept.flush();
                flushed = Instant::now();
            }
            if is_over {
                if self.kept.trouble.is_some() {
                    tracing::error!("of the last requests, or some of them, no account is kept");
                }
                return;
            }
        }
    }

    /// All that waits in the rings, but no more than there was room for, however fast others come.
    async fn read(&mut self) {
        let deadline = tokio::time::Instant::now() + LOOK;
        let Self { rings, catalog, observers, kept, listeners, batch } = self;
        let mut reading = Reading::new(catalog);
        let mut left = vec![RING; rings.len()];
        loop {
            batch.clear();
            reading.begins();
            rings.iter_mut().zip(&mut left).for_each(|(ring, left)| reading.read(ring, left, batch));
            if batch.records().is_empty() {
                break;
            }
            observers.look(batch, deadline).await;
            kept.report.record(batch.records());
            listeners.iter_mut().for_each(|listener| listener(batch.records()));
        }
        observers.rest();
        listeners.iter_mut().for_each(|listener| listener(&[]));
    }
}

impl KeeperGuard {
    /// Read and write what there is, and end.
    pub(crate) fn close(self) {
        let _ = self.ends.send(());
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// What is kept, and what is in the way of that.
struct Kept {
    report: Report,
    metrics: AnalyticsMetrics,
    /// What of the losses of the report was told of.
    told: Tally,
    /// The trouble that was told of last, so that the log has it once.
    trouble: Option<String>,
}

impl Kept {
    /// What cannot be written waits, within bounds, and is tried again with the next flush.
    fn flush(&mut self) {
        let flushed = self.report.flush();
        let (now, before) = (self.report.tally(), mem::replace(&mut self.told, self.report.tally()));
        self.metrics.lost.inc_by(now.lost - before.lost);
        if now.samples_lost > before.samples_lost {
            let count = now.samples_lost - before.samples_lost;
            tracing::warn!(
                count,
                "requests that were to be kept one by one are not: they came too late, or could not be written"
            );
        }
        if now.moved > before.moved {
            let count = now.moved - before.moved;
            tracing::warn!(count, "requests that ended in the future are counted as of now: the clock was set");
        }
        let trouble = flushed.err().map(|error| match error {
            StoreError::Samples(_) => error.to_string(),
            _ => format!("account of requests waits to be kept: {error}"),
        });
        if let Some(trouble) = trouble.as_ref().filter(|trouble| self.trouble.as_ref() != Some(trouble)) {
            tracing::error!("{trouble}");
        }
        self.metrics.failing.set(trouble.is_some().into());
        self.trouble = trouble;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::reading::tests::entry;
    use super::*;
    use crate::report::{Asked, Query, Reader};

    fn keeper(state: &Path, metrics: &AnalyticsMetrics) -> (Keeper, Vec<Teller>) {
        let attributes = Attributes::new("auth.consumer", "auth.application");
        let nobody = watch::channel(Looking::default()).1;
        Keeper::new(2, Arc::default(), &attributes, nobody, state, metrics)
    }

    /// How often each consumer asked.
    fn counted(state: &Path) -> Vec<(String, u64)> {
        let asked = Asked { by: vec!["consumer".to_owned()], ..Asked::default() };
        let answer = Reader::open(state).unwrap().query(&Query::parse(&asked, SystemTime::now()).unwrap()).unwrap();
        let answer = serde_json::to_value(&answer).unwrap();
        let rows = answer["tables"][0]["rows"].as_array().unwrap();
        let name = |row: &serde_json::Value| row["name"].as_str().unwrap().to_owned();
        rows.iter().map(|row| (name(row), row["requests"].as_u64().unwrap())).collect()
    }

    #[test]
    fn what_all_workers_told_of_is_kept_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let metrics = AnalyticsMetrics::default();
        let (keeper, tellers) = keeper(folder.path(), &metrics);
        let guard = keeper.start().unwrap();
        let telling = tellers.into_iter().zip([("ann", 3_000), ("bob", 2_000)]).map(|(teller, (name, times))| {
            thread::spawn(move || (0..times).for_each(|_| teller.tell(entry(&teller, name), None)))
        });
        telling.collect::<Vec<_>>().into_iter().for_each(|telling| telling.join().unwrap());
        guard.close();
        assert_eq!(counted(folder.path()), [("ann".to_owned(), 3_000), ("bob".to_owned(), 2_000)]);
        assert_eq!(metrics.lost.get(), 0);
    }

    #[tokio::test]
    async fn what_several_workers_told_of_is_read_together_in_full_batches_and_then_there_is_none() {
        let (folder, metrics) = (tempfile::tempdir().unwrap(), AnalyticsMetrics::default());
        let (keeper, tellers) = keeper(folder.path(), &metrics);
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let listener = heard.clone();
        let mut keeper = keeper.heard_by(Box::new(move |batch| listener.lock().unwrap().push(batch.len())));
        let tell = |at: usize, times| (0..times).for_each(|_| tellers[at].tell(entry(&tellers[at], "ann"), None));
        tell(0, 3);
        tell(1, Batch::MOST);
        tellers.iter().for_each(Teller::hand_over);
        keeper.read().await;
        assert_eq!(*heard.lock().unwrap(), [Batch::MOST, 3, 0]);
        keeper.read().await;
        assert_eq!(heard.lock().unwrap()[3..], [0]);
        keeper.kept.flush();
        assert_eq!(counted(folder.path()), [("ann".to_owned(), Batch::MOST as u64 + 3)]);
    }

    #[test]
    fn what_there_is_no_room_for_is_lost_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let metrics = AnalyticsMetrics::default();
        let (keeper, tellers) = keeper(folder.path(), &metrics);
        (0..RING + 5).for_each(|_| tellers[0].tell(entry(&tellers[0], "ann"), None));
        tellers[0].hand_over();
        assert_eq!(metrics.lost.get(), 5);
        keeper.start().unwrap().close();
        assert_eq!(counted(folder.path()), [("ann".to_owned(), RING as u64)]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_waits_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("report");
        std::fs::write(&in_the_way, "a file where a folder should be").unwrap();
        let metrics = AnalyticsMetrics::default();
        let (mut keeper, tellers) = keeper(folder.path(), &metrics);
        (0..7).for_each(|_| tellers[1].tell(entry(&tellers[1], "ann"), None));
        tellers[1].hand_over();
        keeper.read().await;
        keeper.kept.flush();
        assert_eq!((keeper.kept.trouble.is_some(), metrics.failing.get()), (true, 1));
        std::fs::remove_file(&in_the_way).unwrap();
        keeper.kept.flush();
        assert_eq!((keeper.kept.trouble, metrics.lost.get(), metrics.failing.get()), (None, 0, 0));
        assert_eq!(counted(folder.path()), [("ann".to_owned(), 7)]);
    }
}
