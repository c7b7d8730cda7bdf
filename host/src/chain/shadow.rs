//! A new version of a policy in the shadow of the one that serves: it is told copies of the same facts, beside the worker, and what it says
//! is compared and thrown away.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use tokio::task::{JoinHandle, spawn_local};

use super::step::{HeadHook, HookError, Step};
use super::tally::{Declared, Tally, Whereabouts};
use super::{Passage, Place};
use crate::exchange::Exchange;
use crate::sandbox::{OnRequest, OnResponse, Policy, Verdict};
use crate::telemetry::RequestId;

/// A new version, with what it is told and may do.
pub(crate) struct Shadow {
    policy: Arc<Policy>,
    request: Option<HeadHook>,
    response: Option<HeadHook>,
    declared: Declared,
    tally: Arc<Tally>,
}

/// Why a version cannot run in the shadow of another.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShadowError {
    #[error(transparent)]
    Hook(#[from] HookError),
    #[error("a new version in the shadow of another is told heads only, and one of them has hooks for bodies")]
    Body,
    #[error("it exports no hook for a chain")]
    NoHook,
}

/// What a passage remembers for new versions in the shadow of its steps.
#[derive(Default)]
pub(super) struct Beside {
    /// What the new version of the present step will be told, once the version that serves has answered.
    told: Option<Told>,
    /// The verdict of the version that serves.
    heard: Cell<Option<Verdict>>,
    /// The state new versions carry from hook to hook, by step.
    trails: Vec<Option<Trail>>,
}

struct Told {
    phase: Phase,
    /// None where the new version has no such hook.
    head: Option<Vec<u8>>,
    /// When the one that serves was asked.
    asked: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Request,
    Response,
}

/// What a new version carries from its request hook to its response hook, once both versions said the same there.
type Trail = JoinHandle<Option<Vec<u8>>>;

impl Shadow {
    /// Of `policy`, in the shadow of the one that is `serving`.
    pub(crate) fn new(policy: Arc<Policy>, serving: &Policy, tally: Arc<Tally>) -> Result<Self, ShadowError> {
        if policy.hooks().body || serving.hooks().body {
            return Err(ShadowError::Body);
        }
        if !policy.is_for_chains() {
            return Err(ShadowError::NoHook);
        }
        let (request, response) = (HeadHook::request(&policy)?, HeadHook::response(&policy)?);
        let declared = Declared::by([policy.interest(), serving.interest()]);
        Ok(Self { policy, request, response, declared, tally })
    }

    fn tell(
        &self,
        phase: Phase,
        exchange: &Exchange,
        place: &Place<'_>,
        status: Option<StatusCode>,
        headers: &HeaderMap,
    ) -> Option<Told> {
        if self.tally.is_over() {
            return None;
        }
        let head = self.hook(phase).map(|hook| {
            let mut head = Vec::new();
            hook.reads.collect(&mut head, exchange, place, status, headers);
            head
        });
        Some(Told { phase, head, asked: Instant::now() })
    }

    fn hook(&self, phase: Phase) -> Option<&HeadHook> {
        match phase {
            Phase::Request => self.request.as_ref(),
            Phase::Response => self.response.as_ref(),
        }
    }

    /// Have it called, and compare. Returns what it carries on, where both said the same.
    async fn compare(self: Arc<Self>, said: Said) -> Option<Vec<u8>> {
        let Said { phase, exchange, head, trail, before, took, place } = said;
        let state = match trail {
            None => Vec::new(),
            Some(trail) => trail.await.ok().flatten()?,
        };
        let (Some(head), Some(hook)) = (head, self.hook(phase)) else {
            self.tally.compared(place, &self.declared, (before.as_ref(), took), (&Verdict::Pass, None));
            return Some(state);
        };
        let called = match phase {
            Phase::Request => self.policy.call_aside(exchange, OnRequest { head }).await,
            Phase::Response => self.policy.call_aside(exchange, OnResponse { head, state }).await,
        };
        let called = called.and_then(|(verdict, spent)| {
            hook.writes.allows(&verdict)?;
            Ok((verdict, spent.cpu))
        });
        match called {
            Ok((after, time)) => {
                let is_same = self.tally.compared(place, &self.declared, (before.as_ref(), took), (&after, time));
                let state = if let Verdict::Edit(edits) = after { edits.state.unwrap_or_default() } else { Vec::new() };
                is_same.then_some(state)
            }
            Err(fault) if fault.is_of_code() => {
                self.tally.failed(place, &self.declared, before.as_ref(), fault.class());
                None
            }
            Err(_) => {
                self.tally.skipped();
                None
            }
        }
    }
}

/// One call that both versions make.
struct Said {
    phase: Phase,
    exchange: RequestId,
    head: Option<Vec<u8>>,
    trail: Option<Trail>,
    /// None where the version that serves failed.
    before: Option<Verdict>,
    /// None where it has no such hook.
    took: Option<Duration>,
    place: Whereabouts,
}

impl Passage<'_> {
    /// Note what a new version in the shadow of this step is to be told of a request, if there is one.
    pub(super) fn shadow_request(&mut self, step: &Step, exchange: &Exchange, headers: &HeaderMap) {
        let Some((beside, shadow)) = self.beside.as_mut().zip(step.shadow.as_ref()) else { return };
        beside.told = shadow.tell(Phase::Request, exchange, &self.place, None, headers);
    }

    /// The same of a response.
    pub(super) fn shadow_response(
        &mut self,
        step: &Step,
        exchange: &Exchange,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let Some((beside, shadow)) = self.beside.as_mut().zip(step.shadow.as_ref()) else { return };
        beside.told = shadow.tell(Phase::Response, exchange, &self.place, Some(status), headers);
    }

    /// A verdict that may be compared with a new version's.
    pub(super) fn copy(&self, verdict: &Verdict) -> Option<Verdict> {
        self.beside.as_ref()?.told.as_ref().map(|_| verdict.clone())
    }

    /// It was found allowed.
    pub(super) fn hear(&self, verdict: Option<Verdict>) {
        if let Some(beside) = &self.beside {
            beside.heard.set(verdict);
        }
    }

    /// The version that serves has answered, if it has such a hook: have the new one called, and compare what they say.
    /// Nobody waits for it.
    pub(super) fn compare(&mut self, at: usize, step: &Step, exchange: &Exchange) {
        let Some((beside, shadow)) = self.beside.as_mut().zip(step.shadow.clone()) else { return };
        let Some(Told { phase, head, asked }) = beside.told.take() else { return };
        let has_hook = match phase {
            Phase::Request => step.request.is_some(),
            Phase::Response => step.response.is_some(),
        };
        if !has_hook && head.is_none() {
            // Neither version has anything to say here, and that is no agreement.
            return;
        }
        let before = if has_hook { beside.heard.take() } else { Some(Verdict::Pass) };
        let trail = match phase {
            Phase::Request => None,
            Phase::Response => beside.trails.get_mut(at).and_then(Option::take),
        };
        let place = Whereabouts {
            hook: if phase == Phase::Request { "request" } else { "response" },
            api: self.place.api.to_owned(),
            route: self.place.route.to_owned(),
            request_id: exchange.id.to_string(),
        };
        let took = has_hook.then(|| asked.elapsed());
        let said = Said { phase, exchange: exchange.id.clone(), head, trail, before, took, place };
        let trail = spawn_local(shadow.compare(said));
        if phase == Phase::Request {
            if beside.trails.is_empty() {
                beside.trails.resize_with(self.chain.steps.len(), || None);
            }
            if let Some(place) = beside.trails.get_mut(at) {
                *place = Some(trail);
            }
        }
    }
}
