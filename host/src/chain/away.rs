//! Hooks on heads that are called beside the worker: the same as on it, but that the exchange waits for them.

use http::{HeaderMap, Response};

use super::edits::Head;
use super::step::{Hook, Step};
use super::{Passage, Timed};
use crate::exchange::{Body, Exchange, Fault};
use crate::sandbox::{Call, Said};

impl Passage<'_> {
    /// Whether the hooks of a step are for this file.
    pub(super) fn is_away(&self, step: &Step) -> bool {
        self.pool(step).is_ok_and(|pool| pool.is_away())
    }

    pub(super) async fn request_hook_away(
        &mut self,
        at: usize,
        step: &Step,
        hook: &Hook,
        exchange: &mut Exchange,
        headers: &mut HeaderMap,
    ) -> Result<Option<Box<Response<Body>>>, Fault> {
        let (mut head, id) = (Vec::new(), exchange.id.clone());
        hook.reads.collect(&mut head, exchange, &self.place, None, headers);
        let pool = self.pool(step)?;
        let timed = Timed::begin(&exchange.account);
        let judge = |said: Said| self.judge(hook, said.verdict()?, exchange, Head::Request(headers));
        let decided = pool.away(id, Call::Request { head }, judge).await;
        timed.end(&exchange.account, pool);
        self.settle(at, step, exchange, decided)
    }

    pub(super) async fn response_hook_away(
        &mut self,
        at: usize,
        step: &Step,
        hook: &Hook,
        exchange: &mut Exchange,
        response: &mut Response<Body>,
    ) -> Result<Option<Box<Response<Body>>>, Fault> {
        let (mut head, id, mut status) = (Vec::new(), exchange.id.clone(), response.status());
        hook.reads.collect(&mut head, exchange, &self.place, Some(status), response.headers());
        let state = self.states.get(at).cloned().unwrap_or_default();
        let pool = self.pool(step)?;
        let timed = Timed::begin(&exchange.account);
        let edited = Head::Response(response.headers_mut(), &mut status);
        let judge = |said: Said| self.judge(hook, said.verdict()?, exchange, edited);
        let decided = pool.away(id, Call::Response { head, state }, judge).await;
        timed.end(&exchange.account, pool);
        *response.status_mut() = status;
        self.settle(at, step, exchange, decided)
    }
}
