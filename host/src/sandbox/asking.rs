//! Having a hook called and waiting for it: where calls of its policy are made now, and again where what it wanted was
//! on its way.

use tokio::time::{Instant, timeout_at};

use super::fault::PluginFault;
use super::hook::Hook;
use super::occasion::{Behalf, Occasion, Wait};
use super::pool::{Judged, Pool};

/// How often a call is made again: one thing after the other may be missing.
const MOST_WAITS: usize = 5;

impl Pool {
    /// Have a hook called where calls of this policy are made now; again, where it wanted what was not there yet, once that
    /// is there or at the deadline.
    pub(crate) async fn ask<H: Hook, T>(
        &self,
        behalf: Behalf,
        deadline: Instant,
        hook: &H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        let mut judge = Once(Some(judge));
        let occasion = Occasion { is_patient: true, ..Occasion::of(behalf) };
        match self.attempt(occasion.clone(), hook, |said| judge.judge(said)).await {
            Err(PluginFault::Unready(wait)) => Box::pin(self.again(wait, occasion, deadline, hook, judge)).await,
            judged => judged,
        }
    }

    async fn again<H: Hook, T>(
        &self,
        mut wait: Box<Wait>,
        mut occasion: Occasion,
        deadline: Instant,
        hook: &H,
        mut judge: Once<impl FnOnce(H::Said) -> Judged<T>>,
    ) -> Judged<T> {
        for left in (0..MOST_WAITS).rev() {
            // The last call says what it says: nothing is asked for that nobody would wait for.
            let learned = timeout_at(deadline, occasion.learn(*wait)).await;
            occasion.is_patient = learned.unwrap_or_default() && left > 0;
            match self.attempt(occasion.clone(), hook, |said| judge.judge(said)).await {
                Err(PluginFault::Unready(next)) => wait = next,
                judged => return judged,
            }
        }
        Err(PluginFault::Busy)
    }

    async fn attempt<H: Hook, T>(
        &self,
        occasion: Occasion,
        hook: &H,
        judge: impl FnOnce(H::Said) -> Judged<T>,
    ) -> Judged<T> {
        match self.is_away() {
            // Boxed: nearly no call is one of these, and all would carry room for it.
            true => Box::pin(self.away_from(occasion, hook.clone(), judge)).await,
            false => self.call_here(occasion, hook, judge),
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
