//! What serves now and what was last tried, for those who ask.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::parts::{Part, State};
use super::standing::{Known, Rollout};
use crate::config::ConfigFault;
use crate::generation::Generation;

/// Shared between the reloader, which writes, and the admin listener, which reads.
pub(crate) struct Status {
    folder: PathBuf,
    now: Mutex<Now>,
    is_ready: AtomicBool,
}

/// A change of the folder is being built.
pub(super) struct Building(Arc<Status>);

impl Drop for Building {
    fn drop(&mut self) {
        self.0.lock().building = None;
    }
}

/// One moment.
#[derive(Clone)]
pub(crate) struct Now {
    pub(crate) generation: Arc<Generation>,
    /// What is wrong with the folder.
    pub(crate) refused: Option<Attempt>,
    pub(crate) parts: Arc<[Part]>,
    pub(super) rollouts: Vec<Known>,
    /// Since when a change of the folder is being built.
    pub(crate) building: Option<SystemTime>,
    /// Why what serves is not kept for the next start, where it is not.
    pub(crate) unkept: Option<String>,
}

/// A state of the folder of which something was refused.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) at: SystemTime,
    pub(crate) faults: Vec<ConfigFault>,
}

impl Status {
    pub(super) fn new(folder: &Path, now: Now) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { folder, is_ready: now.is_complete().into(), now: Mutex::new(now) }
    }

    /// The folder that is followed, absolute; links are not resolved.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn now(&self) -> Now {
        self.lock().clone()
    }

    /// Whether all chains have been loaded since the process began. A fault that comes later is that of its API: it
    /// must not take the whole gateway, and all its like, out of service.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// From now on this serves.
    pub(super) fn set(
        &self,
        generation: Arc<Generation>,
        refused: Option<Attempt>,
        parts: Arc<[Part]>,
        rollouts: Vec<Known>,
    ) {
        let mut now = self.lock();
        *now = Now { generation, refused, parts, rollouts, ..now.clone() };
        if now.is_complete() {
            self.is_ready.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn attempted(&self, attempt: Attempt) {
        self.lock().refused = Some(attempt);
    }

    /// From now on, as long as what is returned lives, a change of the folder is being built.
    pub(super) fn building(self: &Arc<Self>) -> Building {
        self.lock().building = Some(SystemTime::now());
        Building(self.clone())
    }

    pub(super) fn set_unkept(&self, why: Option<&str>) {
        self.lock().unkept = why.map(str::to_owned);
    }

    pub(super) fn set_rollouts(&self, rollouts: Vec<Known>) {
        self.lock().rollouts = rollouts;
    }

    /// Nothing of the folder counts: all is as it was.
    pub(super) fn hold(&self) {
        let mut now = self.lock();
        let held = |part: &Part| match part.state {
            State::Current | State::Shadowed => Part { state: State::Held, ..part.clone() },
            State::Held | State::Unavailable => part.clone(),
        };
        now.parts = now.parts.iter().map(held).collect();
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    /// Of policies of which another version is to serve than did.
    pub(crate) fn rollouts(&self) -> impl Iterator<Item = Rollout> {
        self.rollouts.iter().filter_map(|known| known.with(&self.generation))
    }

    fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.state != State::Unavailable)
    }
}
