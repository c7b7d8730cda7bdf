//! Having a hook called and waiting for it: where calls of its policy are made now, and again where it wanted keys that were on their way.

use super::fault::PluginFault;
use super::hook::Hook;
use super::pool::{Judged, Pool};
use crate::jwks::Wait;
use crate::telemetry::RequestId;

/// How often a call is made again that wanted keys: one set after the other may be missing.
const MOST_WAITS: usize = 3;

impl Pool {
    /// Have a hook called where calls of this policy are made now; again, where it wanted keys that were not there yet.
    pub(crate) async fn ask<H: Hook, T>(
        &self,
        exchange: RequestId,
        hook: &H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let mut judge = Once(Some(judge));
        match self.attempt(exchange.clone(), hook, true, |said| judge.judge(said)).await {
            Err(PluginFault::Unready(wait)) => Box::pin(self.again(wait, exchange, hook, judge)).await,
            judged => judged,
        }
    }

    async fn again<H: Hook, T>(
        &self,
        mut wait: Wait,
        exchange: RequestId,
        hook: &H,
        mut judge: Once<impl FnOnce(H::Said) -> Judged<T>>,
    ) -> Judged<T> {
        for _ in 0..MOST_WAITS {
            if !wait.over().await {
                break;
            }
            match self.attempt(exchange.clone(), hook, true, |said| judge.judge(said)).await {
                Err(PluginFault::Unready(next)) => wait = next,
                judged => return judged,
            }
        }
        self.attempt(exchange, hook, false, |said| judge.judge(said)).await
    }

    async fn attempt<H: Hook, T>(
        &self,
        exchange: RequestId,
        hook: &H,
        is_patient: bool,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        match self.is_away() {
            // Boxed: nearly no call is one of these, and all would carry room for it.
            true => Box::pin(self.away_from(exchange, hook.clone(), is_patient, judge)).await,
            false => self.call_here(exchange, hook, is_patient, judge),
        }
    }
}

/// Who judges the one of several calls that is not made again.
struct Once<F>(Option<F>);

impl<F> Once<F> {
    fn judge<S, T>(&mut self, said: S) -> Judged<T>
    where
        F: FnOnce(S) -> Judged<T>,
    {
        // A call that was judged is the last, so there always is somebody.
        self.0.take().map_or(Err(PluginFault::Busy), |judge| judge(said))
    }
}
