//! The end of the process: notice is given, what is under way may end, and what does not is cut off.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle as Task;
use tokio::time::{Instant, sleep, timeout};

use crate::config::Runtime;
use crate::listen::{Listeners, Stage};
use crate::telemetry::load::Load;
use crate::telemetry::metrics::Metrics;

/// Signals this soon after the first say the same once more: some who end a process tell it and then the group it is
/// in.
const SAME_WISH: Duration = Duration::from_secs(1);
/// For what was cut off to be told in the log.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How the process exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that had begun was served.
    Drained,
    /// Something was cut off.
    Cut,
}

/// SIGTERM and SIGINT, from when this was made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The next that is not the first once more, which came at `first`.
    async fn another(&mut self, first: Instant) {
        self.next().await;
        while first.elapsed() < SAME_WISH {
            self.next().await;
        }
    }
}

/// What has to be known to end.
pub(super) struct Ending {
    pub(super) runtime: Runtime,
    pub(super) stage: watch::Sender<Stage>,
    pub(super) load: Load,
    pub(super) listeners: Arc<Listeners>,
    pub(super) metrics: Arc<Metrics>,
}

impl Ending {
    /// End all threads. Being asked to once more, and not at once, ends the waiting.
    pub(super) async fn end(self, threads: Vec<JoinHandle<()>>, signals: &mut Signals) -> Exit {
        let (asked, Runtime { drain, drain_delay, .. }) = (Instant::now(), self.runtime);
        self.stage.send_replace(Stage::Leaving);
        let mut is_urged = false;
        if !drain_delay.is_zero() {
            tracing::info!("ending soon: connections are accepted for {} s", drain_delay.as_secs_f32());
            is_urged = tokio::select! {
                () = sleep(drain_delay) => false,
                () = signals.another(asked) => true,
            };
        }
        tracing::info!("ending: no new connections, exchanges under way have {} s", drain.as_secs_f32());
        self.listeners.close();
        self.stage.send_replace(Stage::Draining);
        let mut drained =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        if !is_urged {
            tokio::select! {
                _ = &mut drained => return Exit::Drained,
                () = sleep(drain) => {}
                () = signals.another(asked) => is_urged = true,
            }
        }
        self.cut(drained, is_urged).await
    }

    async fn cut(self, drained: Task<()>, is_urged: bool) -> Exit {
        let requests = self.load.under_way();
        let connections = self.metrics.connections();
        self.stage.send_replace(Stage::Cutting);
        let why = if is_urged { "asked to end once more" } else { "the time to drain is over" };
        tracing::warn!(requests, connections, "{why}: what is still under way is cut off");
        if timeout(LAST_WORDS, drained).await.is_err() {
            tracing::warn!("a worker does not end; the process ends without it");
        }
        if requests == 0 { Exit::Drained } else { Exit::Cut }
    }
}
