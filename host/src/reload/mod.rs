//! Follows the policies folder: reads it, builds what it says, publishes that, or keeps the last good and says why.

mod asked;
mod fixed;
mod last;
mod publish;
mod snapshot;
mod status;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::signal::unix::Signal;
use tokio::sync::watch::Receiver;

pub(crate) use asked::Asker;
pub(crate) use last::LastGood;
pub(crate) use publish::Subscription;
pub(crate) use snapshot::Snapshot;
pub(crate) use status::{Attempt, Status};
pub(crate) use watch::Changes;

use crate::config::{ConfigFault, Tree};
use crate::generation::{Builder, Generation};
use crate::record::Record;
use crate::sandbox::Digest;
use crate::telemetry::metrics::{Metrics, ReloadOutcome};
use asked::Asked;
use fixed::Fixed;
use publish::Publisher;
use snapshot::Outside;

/// Quiet for this long means that whoever was writing has finished.
const SETTLE: Duration = Duration::from_millis(15);
/// Changes that never pause are looked at this often.
const SETTLE_AT_MOST: Duration = Duration::from_millis(500);
/// Who deletes a file to write it again has done so by then.
const REPLACING: Duration = Duration::from_millis(200);
/// How often to look at what gives no hints: what lies outside of the folder, and what was refused, perhaps because of that.
const OUTSIDE: Duration = Duration::from_secs(10);

/// A burst is one change: wait until there is no next for a moment.
pub(crate) async fn settle(mut next: impl AsyncFnMut()) {
    let first = Instant::now();
    while first.elapsed() < SETTLE_AT_MOST && tokio::time::timeout(SETTLE, next()).await.is_ok() {}
}

/// What the process begins with.
pub(crate) struct Beginning {
    folder: PathBuf,
    pub(crate) snapshot: Snapshot,
    last: LastGood,
    /// What is wrong with the folder, where the snapshot is of what was last good.
    refused: Vec<ConfigFault>,
}

impl Beginning {
    /// The folder as it was `read`, or what was last good of it.
    pub(crate) fn new(
        folder: PathBuf,
        read: Result<Snapshot, Vec<ConfigFault>>,
        last: LastGood,
    ) -> Result<Self, Vec<ConfigFault>> {
        let (snapshot, refused) = match read {
            Ok(snapshot) => (snapshot, Vec::new()),
            Err(faults) => match last.read().and_then(|tree| Snapshot::of(&tree).ok()) {
                Some(snapshot) => (snapshot, faults),
                None => return Err(faults),
            },
        };
        Ok(Self { folder, snapshot, last, refused })
    }
}

/// Builds a generation for each state of the folder that is different and good.
pub(crate) struct Reloader {
    folder: PathBuf,
    builder: Builder,
    /// What cannot change while the process runs.
    fixed: Fixed,
    /// Of what the generation that serves was made from. Other files of the folder may change as they like.
    serving: Digest,
    /// Those files, for the next process.
    last: LastGood,
    record: Record,
    /// The folder as last read, for what is gone from it.
    tree: Tree,
    /// Of the last configuration that could be read.
    outside: Outside,
    /// What is wrong with the folder as last looked at.
    refused: Vec<ConfigFault>,
    publisher: Publisher,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    asker: Asker,
    asked: Asked,
}

impl Reloader {
    /// Build the first generation: of what the folder says, else of what was last good. Without one there is nothing to run, so its faults are the caller's to show.
    pub(crate) async fn start(
        beginning: Beginning,
        mut builder: Builder,
        record: Record,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Vec<ConfigFault>> {
        let Beginning { folder, mut snapshot, mut last, refused } = beginning;
        let fixed = Fixed::of(&snapshot.config);
        let (generation, found) = match builder.build(&snapshot.config, Vec::new()).await {
            Ok(generation) => (generation, Vec::new()),
            // What was last good was tried already.
            Err(faults) if !refused.is_empty() => return Err([refused, faults].concat()),
            Err(faults) => {
                let good = last.read().and_then(|tree| Snapshot::of(&tree).ok());
                // The process is set up by now.
                let Some(good) = good.filter(|good| fixed.changes(&good.config).is_empty()) else { return Err(faults) };
                let Ok(generation) = builder.build(&good.config, Vec::new()).await else { return Err(faults) };
                snapshot = good;
                (generation, faults)
            }
        };
        let generation = Arc::new(generation);
        metrics.set_generation(generation.number);
        let status = Arc::new(Status::new(&folder, generation.clone()));
        let publisher = Publisher::new(generation);
        let Snapshot { files, written, used: serving, outside, .. } = snapshot;
        last.write(&files, written);
        let (asker, asked) = asked::channel();
        let (tree, faults) = (files, [refused, found].concat());
        let refused = Vec::new();
        let mut this = Self {
            folder,
            builder,
            fixed,
            serving,
            last,
            record,
            tree,
            outside,
            refused,
            publisher,
            status,
            metrics,
            asker,
            asked,
        };
        if !faults.is_empty() {
            this.refuse(faults);
        }
        Ok(this)
    }

    /// For whoever wants the folder looked at.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// For one worker. Until it says that it serves a generation, that generation is not said to serve.
    pub(crate) fn subscribe(&mut self) -> Subscription {
        self.publisher.subscribe()
    }

    /// What is published, for whoever serves no requests by it.
    pub(crate) fn watch(&self) -> Receiver<Arc<Generation>> {
        self.publisher.watch()
    }

    pub(crate) fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    /// Follow the folder until the process ends; look at it also when there is a hangup. Blocks while it reads and hashes: it wants a thread of its own.
    pub(crate) async fn follow(mut self, mut hangup: Signal) {
        let mut changes = Changes::of(&self.folder);
        self.on_record();
        // What changed between the first reading and the start of watching, as soon as nobody writes.
        changes.settled().await;
        let mut took = self.look().await;
        loop {
            // Trying again and again what takes long must not keep a processor busy.
            let pause = OUTSIDE.max(took * 10);
            let looks_outside = !self.refused.is_empty() || !self.outside.is_empty() || self.last.is_behind();
            let mut asked = None;
            tokio::select! {
                () = changes.next() => {
                    changes.settled().await;
                }
                Some(done) = self.asked.recv() => {
                    asked = Some(done);
                }
                Some(()) = hangup.recv() => {
                    tracing::info!("SIGHUP: looking at the folder again");
                }
                () = tokio::time::sleep(pause), if looks_outside => {
                    if self.refused.is_empty() && !self.outside.changed() && !self.last.is_behind() {
                        continue;
                    }
                }
            }
            took = self.look().await;
            if let Some(done) = asked {
                // Whoever asked may have given up waiting.
                let _ = done.send(());
            }
        }
    }

    /// The folder as it stands. Where something is gone it is looked at twice: whoever replaces a file by deleting it first may be between the two.
    async fn read(&mut self) -> Result<Snapshot, Vec<ConfigFault>> {
        let mut tree = Tree::read(&self.folder)?;
        if tree.lacks_of(&self.tree) {
            tokio::time::sleep(REPLACING).await;
            tree = Tree::read(&self.folder)?;
        }
        let snapshot = Snapshot::of(&tree)?;
        self.tree = snapshot.files.clone();
        Ok(snapshot)
    }

    /// Look at the folder, and act if it does not say what serves. Returns how long that took.
    async fn look(&mut self) -> Duration {
        let begun = Instant::now();
        match self.read().await {
            // A fault was taken back, or the change is in a file nothing depends on.
            Ok(snapshot) if snapshot.used == self.serving => {
                self.last.write(&snapshot.files, snapshot.written);
                self.outside = snapshot.outside;
                if !self.refused.is_empty() {
                    tracing::info!("what was refused is taken back: the folder says again what serves");
                }
                self.refused.clear();
                self.status.restored();
            }
            Ok(snapshot) => {
                let built = self.builder.build(&snapshot.config, self.fixed.changes(&snapshot.config)).await;
                self.outside = snapshot.outside;
                match built {
                    Ok(generation) => {
                        self.serving = snapshot.used;
                        self.accept(generation, begun).await;
                        self.last.write(&snapshot.files, snapshot.written);
                        self.on_record();
                    }
                    Err(faults) => self.refuse(faults),
                }
            }
            Err(faults) => self.refuse(faults),
        }
        begun.elapsed()
    }

    async fn accept(&mut self, generation: Generation, begun: Instant) {
        let generation = Arc::new(generation);
        self.refused.clear();
        self.publisher.publish(generation.clone()).await;
        // Only now: whoever hears the number may rely on it.
        let (routes, number, took_ms) = (
            generation.routes().count(),
            generation.number,
            u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        self.status.published(generation);
        self.metrics.set_generation(number);
        self.metrics.reloaded(ReloadOutcome::Applied);
        match routes {
            0 => tracing::warn!(generation = number, took_ms, "new generation serves, and has no route at all"),
            _ => tracing::info!(generation = number, routes, took_ms, "new generation serves"),
        }
    }

    /// Have it on record that this serves: after it does, so that a slow disk holds up nobody.
    fn on_record(&mut self) {
        let serving = self.status.now().0;
        self.record.serves(serving.number, serving.routes().count(), &self.tree);
    }

    /// Say what is wrong, unless that was said last.
    fn refuse(&mut self, faults: Vec<ConfigFault>) {
        if faults == self.refused {
            return;
        }
        for fault in &faults {
            tracing::error!(
                file = %fault.file.display(),
                line = fault.line,
                key = fault.key,
                reason = fault.reason,
                advice = fault.advice,
                "configuration refused; the last good one keeps serving"
            );
        }
        self.refused.clone_from(&faults);
        self.status.attempted(Attempt { at: SystemTime::now(), faults });
        // Whoever sees the number finds the reasons in the status.
        self.metrics.reloaded(ReloadOutcome::Rejected);
    }
}
