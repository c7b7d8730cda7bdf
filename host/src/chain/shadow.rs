//! A new version of a policy in the shadow of the one that serves: it is told copies of the same facts, beside the worker, and what it says
//! is compared and thrown away.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use tokio::task::{JoinHandle, spawn_local};

use super::edits::Writes;
use super::facts::Reads;
use super::names::{BadWrite, UnknownName};
use super::step::Step;
use super::tally::{Declared, Tally, Whereabouts};
use super::{Passage, Place};
use crate::exchange::Exchange;
use crate::sandbox::{Call, Policy, Verdict};
use crate::telemetry::RequestId;

/// A new version, with what it is told and may do.
pub(crate) struct Shadow {
    policy: Arc<Policy>,
    request: Option<(Reads, Writes)>,
    response: Option<(Reads, Writes)>,
    declared: Declared,
    tally: Arc<Tally>,
}

/// Why a version cannot run in the shadow of another.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShadowError {
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    #[error(transparent)]
    Write(#[from] BadWrite),
    #[error("a new version in the shadow of another is told heads only, and one of them has hooks for bodies")]
    Body,
    #[error("it exports no hook for a chain")]
    NoHook,
}

/// What a passage remembers for new versions in the shadow of its steps.
#[derive(Default)]
pub(super) struct Beside {
    /// What the one of this step will be told when the version that serves has spoken.
    told: Option<Told>,
    /// What that said.
    heard: Cell<Option<Verdict>>,
    /// What new versions carry from hook to hook, by step.
    trails: Vec<Option<Trail>>,
}

struct Told {
    hook: Hook,
    /// None where the new version has no such hook.
    head: Option<Vec<u8>>,
    /// When the one that serves was asked.
    asked: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hook {
    Request,
    Response,
}

/// What a new version carries from its request hook to its response hook, once both versions said the same there.
type Trail = JoinHandle<Option<Vec<u8>>>;

impl Shadow {
    /// Of `policy`, in the shadow of the one that is `serving`.
    pub(crate) fn new(policy: Arc<Policy>, serving: &Policy, tally: Arc<Tally>) -> Result<Self, ShadowError> {
        let (interest, hooks) = (policy.interest(), policy.hooks());
        if hooks.body || serving.hooks().body {
            return Err(ShadowError::Body);
        }
        if !(hooks.request || hooks.response) {
            return Err(ShadowError::NoHook);
        }
        let reads = |names: &[String], response| Reads::new(names, &interest.attributes_read, response);
        let request = match hooks.request {
            true => Some((reads(&interest.request_read, false)?, Writes::request(interest)?)),
            false => None,
        };
        let response = match hooks.response {
            true => Some((reads(&interest.response_read, true)?, Writes::response(interest)?)),
            false => None,
        };
        let declared = Declared::by([interest, serving.interest()]);
        Ok(Self { policy, request, response, declared, tally })
    }

    fn tell(
        &self,
        hook: Hook,
        exchange: &Exchange,
        place: &Place<'_>,
        status: Option<StatusCode>,
        headers: &HeaderMap,
    ) -> Option<Told> {
        if self.tally.is_over() {
            return None;
        }
        let head = self.hook(hook).map(|(reads, _)| {
            let mut head = Vec::new();
            reads.collect(&mut head, exchange, place, status, headers);
            head
        });
        Some(Told { hook, head, asked: Instant::now() })
    }

    fn hook(&self, hook: Hook) -> Option<&(Reads, Writes)> {
        match hook {
            Hook::Request => self.request.as_ref(),
            Hook::Response => self.response.as_ref(),
        }
    }

    /// Have it called, and compare. Returns what it carries on, where both said the same.
    async fn compare(self: Arc<Self>, said: Said) -> Option<Vec<u8>> {
        let Said { hook, exchange, head, trail, before, took, place } = said;
        let state = match trail {
            None => Vec::new(),
            Some(trail) => trail.await.ok().flatten()?,
        };
        let (Some(head), Some((_, writes))) = (head, self.hook(hook)) else {
            self.tally.compared(place, &self.declared, (before.as_ref(), took), (&Verdict::Pass, None));
            return Some(state);
        };
        let call = match hook {
            Hook::Request => Call::Request { head },
            Hook::Response => Call::Response { head, state },
        };
        let called = self.policy.call_aside(exchange, call).await;
        let called = called.and_then(|(said, spent)| {
            let verdict = said.verdict()?;
            writes.allows(&verdict)?;
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
    hook: Hook,
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
    pub(super) fn tell_request(&mut self, step: &Step, exchange: &Exchange, headers: &HeaderMap) {
        let Some((beside, shadow)) = self.beside.as_mut().zip(step.shadow.as_ref()) else { return };
        beside.told = shadow.tell(Hook::Request, exchange, &self.place, None, headers);
    }

    /// The same of a response.
    pub(super) fn tell_response(&mut self, step: &Step, exchange: &Exchange, status: StatusCode, headers: &HeaderMap) {
        let Some((beside, shadow)) = self.beside.as_mut().zip(step.shadow.as_ref()) else { return };
        beside.told = shadow.tell(Hook::Response, exchange, &self.place, Some(status), headers);
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

    /// The version that serves has spoken, or `has_hook` is false: have the new one called, and compare what they say. Nobody waits for it.
    pub(super) fn compare(&mut self, at: usize, step: &Step, has_hook: bool, exchange: &Exchange) {
        let Some((beside, shadow)) = self.beside.as_mut().zip(step.shadow.clone()) else { return };
        let Some(Told { hook, head, asked }) = beside.told.take() else { return };
        let before = if has_hook { beside.heard.take() } else { Some(Verdict::Pass) };
        let trail = match hook {
            Hook::Request => None,
            Hook::Response => beside.trails.get_mut(at).and_then(Option::take),
        };
        let place = Whereabouts {
            hook: if hook == Hook::Request { "request" } else { "response" },
            api: self.place.api.to_owned(),
            route: self.place.route.to_owned(),
            request_id: exchange.id.to_string(),
        };
        let took = has_hook.then(|| asked.elapsed());
        let said = Said { hook, exchange: exchange.id.clone(), head, trail, before, took, place };
        let trail = spawn_local(shadow.compare(said));
        if hook == Hook::Request {
            if beside.trails.is_empty() {
                beside.trails.resize_with(self.chain.steps.len(), || None);
            }
            if let Some(place) = beside.trails.get_mut(at) {
                *place = Some(trail);
            }
        }
    }
}
