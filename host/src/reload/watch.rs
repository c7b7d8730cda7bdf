//! Hints that something in a folder may have changed. What changed is found by looking.

use std::path::Path;
use std::time::Duration;

use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How often to look where the system gives no hints.
const POLL: Duration = Duration::from_secs(2);

/// A stream of hints. Owns the watcher: dropped, it stops.
pub(super) struct Changes {
    hints: mpsc::Receiver<()>,
    _watcher: Box<dyn Watcher + Send>,
}

impl Changes {
    /// Watch a folder and everything below it.
    pub(super) fn of(folder: &Path) -> notify::Result<Self> {
        let (sender, hints) = mpsc::channel(1);
        let notice = {
            let sender = sender.clone();
            move |event: notify::Result<notify::Event>| {
                // Reading the folder is no change to it. A full channel already holds the hint.
                if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(access) if !is_written(access)))
                {
                    let _ = sender.try_send(());
                }
            }
        };
        let watcher = RecommendedWatcher::new(notice.clone(), Config::default())
            .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::Recursive).map(|()| watcher));
        let watcher: Box<dyn Watcher + Send> = match watcher {
            Ok(watcher) => Box::new(watcher),
            Err(error) => {
                tracing::warn!(%error, "no notice of changed files; looking every {} s", POLL.as_secs());
                let config = Config::default().with_poll_interval(POLL).with_compare_contents(true);
                let mut watcher = PollWatcher::new(notice, config)?;
                watcher.watch(folder, RecursiveMode::Recursive)?;
                Box::new(watcher)
            }
        };
        Ok(Self { hints, _watcher: watcher })
    }

    /// The next hint.
    pub(super) async fn next(&mut self) -> Option<()> {
        self.hints.recv().await
    }
}

fn is_written(access: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    access == AccessKind::Close(AccessMode::Write)
}
