//! A new version of a policy in the shadow of the one that serves: it is told copies of the same facts, beside the worker, and what it says
//! is compared and thrown away.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, StatusCode};
use tokio::task::{JoinHandle, spawn_local};

use super::edits::Writes;
use super::facts::Reads;
use super::names::{BadWrite, UnknownName};
use super::step::Step;
use super::tally::{Tally, Whereabouts};
use super::{Passage, Place};
use crate::exchange::Exchange;
use crate::sandbox::{Call, PluginFault, Policy, Verdict};
use crate::telemetry::RequestId;

/// A new version, with what it is told and may do.
pub(crate) struct Shadow {
    policy: Arc<Policy>,
    request: Option<(Reads, Writes)>,
    response: Option<(Reads, Writes)>,
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

/// What a new version will be told when the one that serves has spoken.
pub(super) struct Told {
    hook: Hook,
    /// None where it has no such hook.
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
pub(super) type Trail = JoinHandle<Option<Vec<u8>>>;

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
        Ok(Self { policy, request, response, tally })
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
            self.tally.compared(place, (before.as_ref(), took), (&Verdict::Pass, Default::default()));
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
            Ok((verdict, spent.cpu.unwrap_or_default()))
        });
        match called {
            Ok((after, time)) => {
                let is_same = self.tally.compared(place, (before.as_ref(), took), (&after, time));
                let state = if let Verdict::Edit(edits) = after { edits.state.unwrap_or_default() } else { Vec::new() };
                is_same.then_some(state)
            }
            Err(PluginFault::Busy) => {
                self.tally.skipped();
                None
            }
            Err(fault) => {
                self.tally.failed(place, before.as_ref(), fault.class());
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
    took: std::time::Duration,
    place: Whereabouts,
}

impl Passage<'_> {
    /// Note what a new version in the shadow of this step is to be told of a request.
    pub(super) fn tell_request(&self, step: &Step, exchange: &Exchange, headers: &HeaderMap) -> Option<Told> {
        step.shadow.as_ref()?.tell(Hook::Request, exchange, &self.place, None, headers)
    }

    /// The same of a response.
    pub(super) fn tell_response(
        &self,
        step: &Step,
        exchange: &Exchange,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Told> {
        step.shadow.as_ref()?.tell(Hook::Response, exchange, &self.place, Some(status), headers)
    }

    /// The version that serves has spoken: have the new one called, and compare what they say. Nobody waits for it.
    pub(super) fn compare(&mut self, at: usize, step: &Step, exchange: &Exchange, told: Option<Told>) {
        let Some((Told { hook, head, asked }, shadow)) = told.zip(step.shadow.clone()) else { return };
        let (took, before) = (asked.elapsed(), self.heard.take());
        let trail = match hook {
            Hook::Request => None,
            Hook::Response => self.trails.get_mut(at).and_then(Option::take),
        };
        let place = Whereabouts {
            hook: if hook == Hook::Request { "request" } else { "response" },
            api: self.place.api.to_owned(),
            route: self.place.route.to_owned(),
            request_id: exchange.id.to_string(),
        };
        let said = Said { hook, exchange: exchange.id.clone(), head, trail, before, took, place };
        let trail = spawn_local(shadow.compare(said));
        if hook == Hook::Request {
            if self.trails.is_empty() {
                self.trails.resize_with(self.chain.steps.len(), || None);
            }
            if let Some(place) = self.trails.get_mut(at) {
                *place = Some(trail);
            }
        }
    }
}
