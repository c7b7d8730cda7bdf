//! The task that fetches a key set: now and then, and when somebody needs it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};

use super::fetch::{FetchError, fetch};
use super::{Held, Published};
use crate::config::KeyRefresh;
use crate::content::Digest;
use crate::exchange::Chain;
use crate::keys::KeySet;
use crate::telemetry::metrics::FetchOutcome;

/// Longest time between attempts while none succeeds.
const RETRY_AT_MOST: Duration = Duration::from_secs(60);

impl Published {
    /// Fetch it, and fetch it again, for as long as this is polled.
    pub(crate) async fn keep(self: Arc<Self>) {
        let KeyRefresh { refresh, cool_down, .. } = self.settings.refresh;
        let mut failed = 0;
        loop {
            self.progress.send_modify(|progress| progress.begun += 1);
            let fetched = fetch(&self.settings).await;
            let ended = Instant::now();
            failed = self.take(ended, fetched, failed);
            let next = match failed {
                0 => refresh,
                times => refresh.min(RETRY_AT_MOST).min(cool_down * 2_u32.saturating_pow(times - 1)),
            };
            tokio::select! {
                () = sleep(next.max(cool_down)) => {}
                () = self.wanted.notified() => sleep_until(ended + cool_down).await,
            }
        }
    }

    /// For a process that comes after this one; what cannot be kept is fetched then.
    fn lay_down(&self, text: &[u8], is_new: bool) {
        let Some(shelf) = &self.shelf else { return };
        let text = std::str::from_utf8(text).map_err(io::Error::other);
        if let Err(error) = text.and_then(|text| shelf.keep(&self.settings.place(), text, is_new)) {
            tracing::warn!(keys = self.settings.name, reason = %Chain(&error), "key set is not kept for the next start");
        }
    }

    /// What a fetch came to; how many have failed since the last that did not.
    pub(super) fn take(&self, now: Instant, fetched: Result<(KeySet, Bytes), FetchError>, failed: u32) -> u32 {
        let name = &*self.settings.name;
        let failed = match fetched {
            Ok((set, text)) => {
                let digest = Digest::of(&text);
                let before = self.held.load();
                let same = before.as_ref().filter(|held| held.digest == digest).map(|held| held.set.clone());
                let is_new = same.is_none();
                let set = same.unwrap_or_else(|| Arc::new(set));
                self.held.store(Some(Arc::new(Held { set, digest, until: now + self.settings.refresh.stale })));
                self.lay_down(&text, is_new);
                self.metrics.fetched(FetchOutcome::Fetched);
                if is_new || failed > 0 {
                    tracing::info!(keys = name, is_new, "key set fetched");
                }
                0
            }
            Err(error) => {
                self.metrics.fetched(FetchOutcome::Failed);
                if failed == 0 {
                    let kept = self.held.load().is_some();
                    tracing::warn!(keys = name, kept, reason = %Chain(&error), "key set cannot be fetched");
                }
                failed.saturating_add(1)
            }
        };
        self.progress.send_modify(|progress| {
            (progress.ended, progress.ended_at) = (progress.begun, now);
            if failed == 0 {
                (progress.succeeded, progress.succeeded_at) = (progress.begun, now);
            }
        });
        failed
    }
}
