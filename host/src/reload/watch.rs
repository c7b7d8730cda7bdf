//! Hints that something in a folder may have changed. What changed is found by looking.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::ModifyKind;
use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::settle;

/// How often to look where the system gives no hints: whether the folder is still the same one, and where there is no
/// watcher.
const POLL: Duration = Duration::from_secs(2);

/// Who has a file open for longer is not waited for.
const WRITING_AT_MOST: Duration = Duration::from_secs(2);
/// So many open files are waited for; others that are opened meanwhile are not.
const MOST_OPEN: usize = 1024;

/// A stream of hints. Owns the watcher: dropped, it stops.
pub(crate) struct Changes {
    folder: PathBuf,
    depth: RecursiveMode,
    /// What is watched: notices belong to a folder, not to its path, which may lead to another one later.
    watched: Option<(Identity, Box<dyn Watcher + Send>)>,
    poll: Interval,
    notice: mpsc::Sender<()>,
    hints: mpsc::Receiver<()>,
    open: Open,
}

/// The files that were written to and not closed since.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<HashSet<PathBuf>>>);

/// What tells a folder from another that takes its place. The time it was made, where that is known, tells it from one
/// that got the same number.
#[derive(Debug, PartialEq)]
struct Identity(u64, u64, Option<SystemTime>);

impl Changes {
    /// Watch whatever folder is at this path, and everything below it.
    pub(crate) fn of(folder: &Path) -> Self {
        Self::new(folder, RecursiveMode::Recursive)
    }

    /// The same, but not what is in folders of it.
    pub(crate) fn of_top(folder: &Path) -> Self {
        Self::new(folder, RecursiveMode::NonRecursive)
    }

    fn new(folder: &Path, depth: RecursiveMode) -> Self {
        let (notice, hints) = mpsc::channel(1);
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let open = Open::default();
        let mut changes = Self { folder: folder.to_owned(), depth, watched: None, poll, notice, hints, open };
        changes.turn();
        changes
    }

    /// The next hint. Nothing is lost when the wait for it is given up.
    pub(crate) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.hints.recv() => {
                    // A folder says that it was moved away, and nothing of the one in its place.
                    self.turn();
                    return;
                }
                _ = self.poll.tick() => if self.turn() {
                    return;
                },
            }
        }
    }

    /// There was a hint nobody followed: it is the next.
    pub(super) fn hint(&self) {
        // A full channel already holds one.
        let _ = self.notice.try_send(());
    }

    /// Wait until whoever is changing something has finished, or takes too long.
    pub(super) async fn settled(&mut self) {
        let first = Instant::now();
        settle(async || self.next().await).await;
        while let Some(left) = WRITING_AT_MOST.checked_sub(first.elapsed()).filter(|_| !self.open.is_empty()) {
            // That a file is closed is a change too.
            if timeout(left, self.next()).await.is_ok() {
                settle(async || self.next().await).await;
            }
        }
        self.open.forget();
    }

    /// Turn to the folder that is at the path now. Says whether it is another one than before.
    pub(super) fn turn(&mut self) -> bool {
        let folder = std::fs::canonicalize(&self.folder).ok();
        let there = folder.and_then(|folder| Some((Identity::of(&folder)?, folder)));
        if self.watched.as_ref().map(|(identity, _)| identity) == there.as_ref().map(|(identity, _)| identity) {
            return false;
        }
        self.watched =
            there.and_then(|(identity, folder)| match watch(&folder, self.depth, &self.notice, &self.open) {
                Ok(watcher) => Some((identity, watcher)),
                Err(error) => {
                    tracing::error!(%error, "the folder cannot be watched; trying again every {} s", POLL.as_secs());
                    None
                }
            });
        true
    }
}

impl Identity {
    fn of(folder: &Path) -> Option<Self> {
        let meta = std::fs::metadata(folder).ok()?;
        Some(Self(meta.dev(), meta.ino(), meta.created().ok()))
    }
}

impl Open {
    fn note(&self, event: &notify::Event) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) if open.len() < MOST_OPEN => {
                open.extend(event.paths.iter().cloned())
            }
            EventKind::Access(access) if !is_written(access) => {}
            _ => open.retain(|path| !event.paths.contains(path)),
        }
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whoever still writes was waited for long enough.
    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn watch(
    folder: &Path,
    depth: RecursiveMode,
    notice: &mpsc::Sender<()>,
    open: &Open,
) -> notify::Result<Box<dyn Watcher + Send>> {
    let sender = notice.clone();
    let notice = move |event: notify::Result<notify::Event>| {
        // Reading the folder is no change to it. A full channel already holds the hint.
        if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(access) if !is_written(access))) {
            let _ = sender.try_send(());
        }
    };
    let (open, noticed) = (open.clone(), notice.clone());
    let told = move |event: notify::Result<notify::Event>| {
        if let Ok(event) = &event {
            open.note(event);
        }
        noticed(event);
    };
    let watcher = RecommendedWatcher::new(told, Config::default())
        .and_then(|mut watcher| watcher.watch(folder, depth).map(|()| watcher));
    match watcher {
        Ok(watcher) => Ok(Box::new(watcher)),
        Err(error) => {
            tracing::warn!(%error, "no notice of changed files; looking every {} s", POLL.as_secs());
            // Nobody tells it that a file is closed.
            let config = Config::default().with_poll_interval(POLL).with_compare_contents(true);
            let mut watcher = PollWatcher::new(notice, config)?;
            watcher.watch(folder, depth)?;
            Ok(Box::new(watcher))
        }
    }
}

fn is_written(access: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    access == AccessKind::Close(AccessMode::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Until there is a hint for `changed`; others, from what was done before, may come first.
    async fn hint_of(changes: &mut Changes, changed: impl Fn(&Changes) -> bool) {
        let hinted = async {
            loop {
                changes.next().await;
                if changed(changes) {
                    break;
                }
            }
        };
        timeout(Duration::from_secs(30), hinted).await.expect("no hint");
    }

    fn watched(folder: &Path) -> impl Fn(&Changes) -> bool {
        let identity = Identity::of(folder);
        move |changes| changes.watched.as_ref().map(|(identity, _)| identity) == identity.as_ref()
    }

    #[tokio::test]
    async fn a_link_that_leads_elsewhere_is_followed_and_so_is_a_folder_that_comes_back() {
        let root = tempfile::tempdir().unwrap();
        let [one, two, link] = ["one", "two", "link"].map(|name| root.path().join(name));
        std::fs::create_dir(&one).unwrap();
        std::fs::create_dir(&two).unwrap();
        std::os::unix::fs::symlink(&one, &link).unwrap();
        let mut changes = Changes::of(&link);
        assert!(watched(&one)(&changes));
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&two, &link).unwrap();
        hint_of(&mut changes, watched(&two)).await;
        std::fs::write(two.join("file"), "new").unwrap();
        hint_of(&mut changes, |_| true).await;
        std::fs::remove_dir_all(&two).unwrap();
        hint_of(&mut changes, |changes| changes.watched.is_none()).await;
        std::fs::create_dir(&two).unwrap();
        hint_of(&mut changes, watched(&two)).await;
    }
}
