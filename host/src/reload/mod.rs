//! Follows the policies folder: reads it, builds what it says, publishes that, or keeps the last good of what is faulty and says why.

mod asked;
mod beginning;
mod first;
mod fixed;
mod good;
mod inputs;
mod keeper;
mod look;
mod marks;
mod parts;
mod publish;
mod rolling;
mod rollouts;
mod settle;
mod standing;
mod status;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::signal::unix::Signal;
use tokio::sync::watch::Receiver;

pub(crate) use asked::{Asked, Asker, Choice, Fulfilled, Wish, beginning};
pub(crate) use beginning::{Beginning, read_whole};
pub(crate) use good::Good;
pub(crate) use keeper::Keeper;
pub(crate) use parts::{Part, State};
pub(crate) use publish::Subscription;
pub(crate) use settle::Settling;
pub(crate) use standing::Rollout;
pub(crate) use status::{Attempt, Now, Status};
pub(crate) use watch::Changes;

use crate::config::ConfigFault;
use crate::content::Digest;
use crate::generation::{Builder, Generation};
use crate::listen::{Change, Listeners, Unopened};
use crate::record::{Record, Serving, Why};
use crate::sandbox::Troubles;
use crate::telemetry::metrics::{Metrics, ReloadOutcome};
use first::First;
use fixed::Fixed;
use inputs::Outside;
use look::Occasions;
use parts::parts;
use publish::Publisher;
use settle::{Demand, Read, Settled};

/// Quiet for this long means that whoever was writing has finished.
const SETTLE: Duration = Duration::from_millis(15);
/// Changes that never pause are looked at this often.
const SETTLE_AT_MOST: Duration = Duration::from_millis(500);
/// How often to look at what gives no hints: what lies outside of the folder, and what was refused, perhaps because of
/// that.
const OUTSIDE: Duration = Duration::from_secs(10);

/// What was built, and what it goes by, ready to serve.
struct Built {
    settled: Settled,
    outside: Outside,
    /// None where there is a fault.
    change: Option<Change>,
}

/// A burst is one change: wait until there is no next for a moment.
pub(crate) async fn settle(mut next: impl AsyncFnMut()) {
    let first = Instant::now();
    while first.elapsed() < SETTLE_AT_MOST && tokio::time::timeout(SETTLE, next()).await.is_ok() {}
}

/// Builds a generation for each state of the folder that is different, of what of it is good.
pub(crate) struct Reloader {
    folder: PathBuf,
    builder: Builder,
    /// What cannot change while the process runs.
    fixed: Fixed,
    /// Of all that serves. Other files of the folder may change as they like.
    serving: Digest,
    good: Good,
    /// That, for the next process.
    keeper: Keeper,
    record: Record,
    listeners: Arc<Listeners>,
    /// Of the configuration that serves.
    outside: Outside,
    /// What is wrong with the folder as last looked at.
    refused: Vec<ConfigFault>,
    /// What was wrong with components nobody uses when this was built, and of which.
    unused: (Vec<ConfigFault>, Digest),
    publisher: Publisher,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    asker: Asker,
    troubles: Troubles,
}

impl Reloader {
    /// Build the first generation: of what the folder says, and of what was last good where it cannot be used. Without
    /// one there is nothing to run, so its faults are the caller's to show.
    pub(crate) async fn start(
        beginning: Beginning,
        (mut builder, troubles): (Builder, Troubles),
        (listeners, change): (Arc<Listeners>, Change),
        record: Record,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Asked), Vec<ConfigFault>> {
        let fixed = Fixed::of(&beginning.config);
        let first = First::build(&beginning, &fixed, &mut builder, &listeners, change).await?;
        let (First { settled, change, outside, is_past }, Beginning { folder, keeper, whole, .. }) = (first, beginning);
        let Settled { config, fingerprint: serving, generation, good, absent, mut faults, unused } = settled;
        add(&mut faults, &unused);
        let unused = (unused, inputs::idle(&config));
        let generation = generation.filter(|_| faults.is_empty() || !whole).map(Arc::new);
        let Some(generation) = generation else { return Err(faults) };
        builder.step_back();
        listeners.make(change);
        metrics.set_generation(generation.number);
        let parts = parts(&config, &good, &absent, &faults, &[]);
        let rollouts = standing::known(&good.rollouts);
        let (refused, building, unkept) = Default::default();
        let now = Now { generation: generation.clone(), refused, parts: parts.into(), rollouts, building, unkept };
        let (publisher, status) = (Publisher::new(generation), Arc::new(Status::new(&folder, now)));
        let (asker, asked) = asked::channel();
        let refused = Vec::new();
        let mut this = Self {
            folder,
            builder,
            fixed,
            serving,
            good,
            keeper,
            record,
            listeners,
            outside,
            refused,
            unused,
            publisher,
            status,
            metrics,
            asker,
            troubles,
        };
        this.count();
        if !faults.is_empty() {
            this.refuse(faults, is_past);
        }
        Ok((this, asked))
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

    /// Follow the folder until the process ends; look at it also when there is a hangup or somebody asks. Blocks while it
    /// reads and hashes: it wants a thread of its own.
    pub(crate) async fn follow(&mut self, asked: Asked, mut hangup: Signal) {
        let mut occasions = Occasions { changes: Changes::of(&self.folder), asked };
        self.on_record(None);
        // What changed between the first reading and the start of watching, as soon as nobody writes.
        occasions.changes.settled().await;
        let mut took = self.look(&mut occasions, false).await;
        let (mut looked, mut compared) = (Instant::now(), Instant::now());
        loop {
            // Trying again and again what takes long must not keep a processor busy.
            let due = looked + OUTSIDE.max(took * 10);
            let looks_outside = !self.refused.is_empty() || !self.outside.is_empty() || self.keeper.behind().is_some();
            tokio::select! {
                () = occasions.changes.next() => {
                    occasions.changes.settled().await;
                }
                Some((wish, done)) = occasions.asked.next() => {
                    // Who exchanged the folder asks for a look at once, and may change it again right after.
                    occasions.changes.turn();
                    let fulfilled = self.fulfil(wish, &mut occasions).await;
                    // Whoever asked may have given up waiting.
                    let _ = done.send(fulfilled);
                    continue;
                }
                Some(trouble) = self.troubles.recv() => {
                    if self.hear(trouble).await {
                        self.look(&mut occasions, false).await;
                    }
                    continue;
                }
                () = tokio::time::sleep_until((compared + rolling::LOOK).into()), if self.has_shadows() => {
                    if self.end_shadows().await {
                        self.look(&mut occasions, false).await;
                    }
                    compared = Instant::now();
                    continue;
                }
                Some(()) = hangup.recv() => {
                    tracing::info!("SIGHUP: looking at the folder again");
                }
                () = tokio::time::sleep_until(due.into()), if looks_outside => {
                    if self.refused.is_empty() && !self.outside.changed() && self.keeper.behind().is_none() {
                        looked = Instant::now();
                        continue;
                    }
                }
            }
            took = self.look(&mut occasions, false).await;
            looked = Instant::now();
        }
    }

    /// Build what was read; a change of versions only if it does what is demanded. Given up meanwhile, it changes
    /// nothing. Whoever calls has the turn of the listeners.
    async fn build(&mut self, read: Read<'_>, demand: Option<&Demand>) -> Result<Built, Vec<ConfigFault>> {
        // Before they are read for good: what changes from now on is a change.
        let outside = Outside::of(&read.config);
        let serving = (outside.digest == self.outside.digest).then_some(self.serving);
        let mut wrong = self.fixed.changes(&read.config);
        let change = self.listeners.prepare(&read.config.listeners).await;
        let change = change.map_err(|unopened| wrong.extend(unopened.iter().map(Unopened::fault))).ok();
        let _building = self.status.building();
        let settled = read.build(&mut self.builder, wrong, serving, demand).await?;
        Ok(Built { settled, outside, change })
    }

    /// Serve what was built. Not to be given up half-way.
    async fn put_into_service(&mut self, built: Built, begun: Instant, why: Option<Why>) {
        let Built { settled, outside, change } = built;
        let Settled { config, fingerprint, generation, good, absent, mut faults, unused } = settled;
        // Workers take them up with the generation.
        change.into_iter().filter(|_| generation.is_some()).for_each(|change| self.listeners.make(change));
        (self.outside, self.serving) = (outside, fingerprint);
        match generation {
            Some(_) => self.unused = (unused, inputs::idle(&config)),
            None if self.unused.1 != inputs::idle(&config) => self.unused.0.clear(),
            None => {}
        }
        add(&mut faults, &self.unused.0);
        let Now { generation: before, refused, parts: standing, .. } = self.status.now();
        let parts = parts(&config, &good, &absent, &faults, &standing).into();
        let refused = refused.filter(|_| !faults.is_empty());
        let rollouts = standing::known(&good.rollouts);
        let is_new = generation.is_some();
        match generation.map(Arc::new) {
            Some(generation) => {
                self.publisher.publish(generation.clone()).await;
                // Only now: whoever hears the number may rely on it.
                self.status.set(generation.clone(), refused, parts, rollouts);
                self.applied(&generation, begun);
            }
            None => self.status.set(before.clone(), refused, parts, rollouts),
        }
        self.good = good;
        // What was said last by what served until now.
        self.note_differences(&before);
        self.keep_good();
        if is_new {
            self.on_record(why);
        }
        self.count();
        if !faults.is_empty() {
            self.refuse(faults, false);
        } else if !std::mem::take(&mut self.refused).is_empty() {
            tracing::info!("all of the folder serves: what was refused is mended or taken back");
        }
    }

    /// What serves is there for the next start.
    fn keep_good(&mut self) {
        self.keeper.write(&self.good);
        self.status.set_unkept(self.keeper.behind());
    }

    fn applied(&self, generation: &Generation, begun: Instant) {
        let (routes, number) = (generation.routes().count(), generation.number);
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.metrics.set_generation(number);
        self.metrics.reloaded(ReloadOutcome::Applied);
        match routes {
            0 => tracing::warn!(generation = number, took_ms, "new generation serves, and has no route at all"),
            _ => tracing::info!(generation = number, routes, took_ms, "new generation serves"),
        }
    }

    /// Have it on record that this serves: after it does, so that a slow disk holds up nobody.
    fn on_record(&mut self, why: Option<Why>) {
        let serving = self.status.now().generation;
        let (routes, files) = (serving.routes().count(), self.good.files());
        let (generation, written, whole) = (serving.number, &self.good.base, self.good.is_whole());
        self.record.serves(Serving { generation, routes, files: &files, written, whole, why });
    }

    /// Say what is wrong, unless that was said last; with `all` nothing of the folder counts.
    fn refuse(&mut self, faults: Vec<ConfigFault>, all: bool) {
        if all {
            self.status.hold();
            self.count();
        }
        if faults == self.refused {
            return;
        }
        let parts = self.status.now().parts;
        for fault in &faults {
            let part = parts.iter().find(|part| part.faults.contains(fault));
            let message = match part.map(|part| part.state) {
                _ if all => "configuration refused; the last good one keeps serving",
                Some(State::Shadowed) => "refused; what serves is not touched by it",
                Some(State::Held) => "refused; what was last good of this part keeps serving, all else moves on",
                Some(State::Unavailable) => "refused; nothing of this part can serve, and its routes answer 503",
                Some(State::Current) | None => "refused; nothing that serves needs it",
            };
            tracing::error!(
                file = %fault.file.display(),
                line = fault.line,
                key = fault.key,
                reason = fault.reason,
                advice = fault.advice,
                "{message}"
            );
        }
        self.refused.clone_from(&faults);
        self.status.attempted(Attempt { at: SystemTime::now(), faults });
        // Whoever sees the number finds the reasons in the status.
        self.metrics.reloaded(ReloadOutcome::Rejected);
    }

    /// How many parts stand how.
    fn count(&self) {
        let parts = self.status.now().parts;
        for state in State::ALL {
            self.metrics.set_parts(state.as_str(), parts.iter().filter(|part| part.state == state).count());
        }
    }
}

/// Add what is not known yet.
fn add(faults: &mut Vec<ConfigFault>, more: &[ConfigFault]) {
    faults.extend_from_slice(more);
    faults.sort();
    faults.dedup();
}
