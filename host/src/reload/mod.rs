//! Follows the policies folder: reads it, builds what it says, publishes that, or keeps the last good and says why.

mod fixed;
mod publish;
mod snapshot;
mod status;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::signal::unix::Signal;
use tokio::sync::watch::Receiver;

pub(crate) use publish::Subscription;
pub(crate) use snapshot::Snapshot;
pub(crate) use status::{Attempt, Status};
pub(crate) use watch::Changes;

use crate::config::ConfigFault;
use crate::generation::{Builder, Generation};
use crate::sandbox::Digest;
use crate::telemetry::metrics::{Metrics, ReloadOutcome};
use fixed::Fixed;
use publish::Publisher;
use snapshot::Outside;

/// Quiet for this long means that whoever was writing has finished.
const SETTLE: Duration = Duration::from_millis(15);
/// Changes that never pause are looked at this often.
const SETTLE_AT_MOST: Duration = Duration::from_millis(500);
/// How often to look at what gives no hints: what lies outside of the folder, and what was refused, perhaps because of that.
const OUTSIDE: Duration = Duration::from_secs(10);

/// A burst is one change: wait until there is no next for a moment.
pub(crate) async fn settle(mut next: impl AsyncFnMut()) {
    let first = Instant::now();
    while first.elapsed() < SETTLE_AT_MOST && tokio::time::timeout(SETTLE, next()).await.is_ok() {}
}

/// Builds a generation for each state of the folder that is different and good.
pub(crate) struct Reloader {
    folder: PathBuf,
    builder: Builder,
    /// What cannot change while the process runs.
    fixed: Fixed,
    /// Of what the generation that serves was made from. Other files of the folder may change as they like.
    serving: Digest,
    /// Of the last configuration that could be read.
    outside: Outside,
    /// What is wrong with the folder as last looked at.
    refused: Vec<ConfigFault>,
    publisher: Publisher,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
}

impl Reloader {
    /// Build the first generation. Without one there is nothing to run, so its faults are the caller's to show.
    pub(crate) async fn start(
        folder: PathBuf,
        snapshot: Snapshot,
        mut builder: Builder,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Vec<ConfigFault>> {
        let generation = Arc::new(builder.build(&snapshot.config, Vec::new()).await?);
        metrics.set_generation(generation.number);
        let status = Arc::new(Status::new(generation.clone()));
        let publisher = Publisher::new(generation);
        let Snapshot { config, used: serving, outside } = snapshot;
        let (fixed, refused) = (Fixed::of(&config), Vec::new());
        Ok(Self { folder, builder, fixed, serving, outside, refused, publisher, status, metrics })
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
        // What changed between the first reading and the start of watching.
        let mut took = self.look().await;
        loop {
            // Trying again and again what takes long must not keep a processor busy.
            let pause = OUTSIDE.max(took * 10);
            let looks_outside = !self.refused.is_empty() || !self.outside.is_empty();
            tokio::select! {
                () = changes.next() => {
                    settle(async || changes.next().await).await;
                }
                Some(()) = hangup.recv() => {
                    tracing::info!("SIGHUP: looking at the folder again");
                }
                () = tokio::time::sleep(pause), if looks_outside => {
                    if self.refused.is_empty() && !self.outside.changed() {
                        continue;
                    }
                }
            }
            took = self.look().await;
        }
    }

    /// Look at the folder, and act if it does not say what serves. Returns how long that took.
    async fn look(&mut self) -> Duration {
        let begun = Instant::now();
        match Snapshot::read(&self.folder) {
            // A fault was taken back, or the change is in a file nothing depends on.
            Ok(snapshot) if snapshot.used == self.serving => {
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
