//! Takes an exchange through its policies: request hooks forward, response hooks in reverse, bodies as streams.
//!
//! What a policy may see and change is decided once, when a chain is built; a request only follows it.

mod body;
mod change;
mod chunks;
mod decision;
mod edits;
mod facts;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod media;
mod names;
mod shadow;
mod step;
mod tally;
mod timed;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::time::Instant;

pub(crate) use chunks::Notice;
pub(crate) use edits::answer;
pub(crate) use facts::Reads;
pub(crate) use shadow::Shadow;
pub(crate) use step::{OnError, Step};
pub(crate) use tally::{Counts, Tally};
pub(crate) use timed::Timed;

use crate::exchange::{Body, Exchange, Fault};
use crate::route::Params;
use crate::sandbox::{Behalf, BodyDirection, Failure, Holds, OnRequest, OnResponse, PluginFault, Pool, Verdict};
use decision::Decision;
use edits::Head;
use shadow::Beside;
use step::{At, HeadHook};

/// The policies of one route, outermost first. Steps are shared between routes.
#[derive(Default)]
pub(crate) struct Chain {
    steps: Box<[Arc<Step>]>,
    /// Some policy reads response bodies.
    reads_responses: bool,
    edits_responses: bool,
    /// A new version runs in the shadow of some policy.
    has_shadows: bool,
}

/// Where in the configuration an exchange is.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) api: &'a str,
    pub(crate) route: &'a str,
    /// None where no route matched.
    pub(crate) params: Option<Params<'a>>,
}

/// One exchange on its way through one chain.
pub(crate) struct Passage<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) pools: &'a [Rc<Pool>],
    pub(crate) place: Place<'a>,
    /// A buffer for facts, kept by the worker.
    pub(crate) scratch: &'a Cell<Vec<u8>>,
    /// Turns a fault into the gateway's answer.
    pub(crate) render: fn(&Exchange, &Fault) -> Response<Body>,
    /// When waiting for a body ends.
    pub(crate) deadline: Instant,
    /// What each policy carries to its next hook; empty until one does.
    states: Vec<Vec<u8>>,
    /// There once a hook follows a body on its way.
    notice: Option<Rc<Notice>>,
    replaced: Option<Replaced>,
    /// What policies hold until the exchange is over.
    holds: Holds,
    /// There where a new version runs in the shadow of a step.
    beside: Option<Box<Beside>>,
}

/// Where an exchange turned back, which may be at the end of the chain, and with what answer.
pub(crate) struct Departure {
    /// The step that answered or failed; response hooks before it still run.
    pub(crate) at: usize,
    pub(crate) outcome: Result<Response<Body>, Fault>,
}

/// What took the place of a response on its way back.
pub(crate) enum Replaced {
    /// The answer of a policy.
    Answer,
    /// The gateway's own, for this reason.
    Fault(Fault),
}

impl Chain {
    pub(crate) fn new(steps: Vec<Arc<Step>>) -> Self {
        let reads_responses = steps.iter().any(|step| step.response_body.is_some());
        let edits_responses = steps.iter().any(|step| step.response_body.as_ref().is_some_and(|hook| hook.edit()));
        let has_shadows = steps.iter().any(|step| step.shadow.is_some());
        Self { steps: steps.into(), reads_responses, edits_responses, has_shadows }
    }

    pub(crate) fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    /// Ask the upstream for what policies can read: no content coding, and no parts of a body that will change.
    pub(crate) fn prepare_upstream(&self, headers: &mut HeaderMap) {
        if self.reads_responses {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if self.edits_responses {
            headers.remove(http::header::RANGE);
            headers.remove(http::header::IF_RANGE);
        }
    }
}

impl<'a> Passage<'a> {
    pub(crate) fn new(
        chain: &'a Chain,
        pools: &'a [Rc<Pool>],
        place: Place<'a>,
        scratch: &'a Cell<Vec<u8>>,
        render: fn(&Exchange, &Fault) -> Response<Body>,
        deadline: Instant,
    ) -> Self {
        let beside = chain.has_shadows.then(Box::default);
        let (states, notice, replaced, holds) = Default::default();
        Self { chain, pools, place, scratch, render, deadline, states, notice, replaced, holds, beside }
    }

    /// Run the request hooks. Returns the body for the upstream, or where and how the exchange left.
    pub(crate) async fn forward(
        &mut self,
        exchange: &mut Exchange,
        headers: &mut HeaderMap,
        mut body: Body,
    ) -> Result<Body, Departure> {
        let chain = self.chain;
        for (at, step) in chain.steps.iter().enumerate() {
            self.shadow_request(step, exchange, headers);
            let decided = match &step.request {
                None => Ok(None),
                Some(hook) => self.request_hook(at, step, hook, exchange, headers).await,
            };
            self.compare(at, step, exchange);
            match decided {
                Ok(None) => {}
                Ok(Some(response)) => return Err(Departure { at, outcome: Ok(*response) }),
                Err(fault) => return Err(Departure { at, outcome: Err(fault) }),
            }
            if let Some(hook) = &step.request_body {
                body = self
                    .request_body(At { at, step, hook, direction: BodyDirection::Request }, exchange, headers, body)
                    .await?;
            }
        }
        Ok(body)
    }

    /// Where the exchange left, and what it is answered with unless response hooks make something else of it.
    pub(crate) fn depart(&mut self, departure: Departure, exchange: &Exchange) -> (usize, Response<Body>) {
        let response = departure.outcome.unwrap_or_else(|fault| self.refuse(exchange, fault));
        (departure.at, response)
    }

    /// Run the response hooks of the steps before the place where the exchange left, innermost first.
    pub(crate) async fn reverse(
        &mut self,
        left_at: usize,
        mut response: Response<Body>,
        exchange: &mut Exchange,
    ) -> Response<Body> {
        for at in (0..left_at).rev() {
            let chain = self.chain;
            let Some(step) = chain.steps.get(at) else { continue };
            self.shadow_response(step, exchange, response.status(), response.headers());
            let decided = match &step.response {
                None => Ok(None),
                Some(hook) => self.response_hook(at, step, hook, exchange, &mut response).await,
            };
            self.compare(at, step, exchange);
            let replaced = match decided {
                Ok(None) => None,
                Ok(Some(other)) => Some(self.answer(*other)),
                Err(fault) => Some(self.refuse(exchange, fault)),
            };
            if let Some(replaced) = replaced {
                // The body is the policy's own by now, or the gateway's: those further out see it.
                response = replaced;
            } else if let Some(hook) = &step.response_body {
                response = self
                    .response_body(At { at, step, hook, direction: BodyDirection::Response }, exchange, response)
                    .await;
            }
        }
        response
    }

    /// The number of steps: a departure from here meets every response hook.
    pub(crate) fn end(&self) -> usize {
        self.chain.steps.len()
    }

    /// Whether a hook on the request body ended the exchange while the body was on its way to the upstream.
    pub(crate) fn departed(&self) -> Option<Departure> {
        self.notice.as_ref().and_then(|notice| notice.take())
    }

    /// What hooks on bodies under way will leave word in, what took the place of the response, and what is held until
    /// that has gone.
    pub(crate) fn over(self) -> (Option<Rc<Notice>>, Option<Replaced>, Holds) {
        (self.notice, self.replaced, self.holds)
    }

    /// From here on the response is the gateway's own.
    fn refuse(&mut self, exchange: &Exchange, fault: Fault) -> Response<Body> {
        let response = (self.render)(exchange, &fault);
        self.replaced = Some(Replaced::Fault(fault));
        response
    }

    /// From here on the response is a policy's.
    fn answer(&mut self, response: Response<Body>) -> Response<Body> {
        self.replaced = Some(Replaced::Answer);
        response
    }

    fn notice(&mut self) -> Rc<Notice> {
        self.notice.get_or_insert_default().clone()
    }

    async fn request_hook(
        &mut self,
        at: usize,
        step: &Step,
        hook: &HeadHook,
        exchange: &mut Exchange,
        headers: &mut HeaderMap,
    ) -> Result<Option<Box<Response<Body>>>, Fault> {
        let pool = self.pool(step)?;
        let call = OnRequest { head: self.facts(hook, exchange, None, headers) };
        let (behalf, timed) = (behalf(exchange), Timed::begin(exchange));
        let judge = |verdict| self.judge(hook, verdict, exchange, Head::Request(headers));
        let decided = pool.ask(behalf, self.deadline, &call, judge).await;
        timed.end(exchange, pool, step.id);
        let holds = pool.take_holds();
        self.holds.extend(holds);
        self.scratch.set(call.head);
        self.settle(at, step, exchange, decided)
    }

    async fn response_hook(
        &mut self,
        at: usize,
        step: &Step,
        hook: &HeadHook,
        exchange: &mut Exchange,
        response: &mut Response<Body>,
    ) -> Result<Option<Box<Response<Body>>>, Fault> {
        let pool = self.pool(step)?;
        let mut status = response.status();
        let head = self.facts(hook, exchange, Some(status), response.headers());
        let call = OnResponse { head, state: self.take_state(at) };
        let (behalf, timed) = (behalf(exchange), Timed::begin(exchange));
        let edited = Head::Response(response.headers_mut(), &mut status);
        let judge = |verdict| self.judge(hook, verdict, exchange, edited);
        let decided = pool.ask(behalf, self.deadline, &call, judge).await;
        timed.end(exchange, pool, step.id);
        let holds = pool.take_holds();
        self.holds.extend(holds);
        *response.status_mut() = status;
        self.scratch.set(call.head);
        self.carry(at, call.state);
        self.settle(at, step, exchange, decided)
    }

    /// What a hook is told, in the worker's buffer.
    fn facts(&self, hook: &HeadHook, exchange: &Exchange, status: Option<StatusCode>, headers: &HeaderMap) -> Vec<u8> {
        let mut facts = self.scratch.take();
        facts.clear();
        hook.reads.collect(&mut facts, exchange, &self.place, status, headers);
        facts
    }

    /// Turn a verdict into its effect: what is carried on, if that is new.
    fn judge(
        &self,
        hook: &HeadHook,
        verdict: Verdict,
        exchange: &mut Exchange,
        head: Head<'_>,
    ) -> Result<Decision<Option<Vec<u8>>>, PluginFault> {
        let copy = self.copy(&verdict);
        let decision = Decision::of(verdict, &hook.writes, |edits| hook.writes.apply(edits, exchange, head))?;
        self.hear(copy);
        Ok(decision)
    }

    /// Go on as was decided: with the message as it now is, or with another answer.
    fn settle(
        &mut self,
        at: usize,
        step: &Step,
        exchange: &Exchange,
        decided: Result<Decision<Option<Vec<u8>>>, PluginFault>,
    ) -> Result<Option<Box<Response<Body>>>, Fault> {
        match decided {
            Ok(Decision::Go(None)) => Ok(None),
            Ok(Decision::Go(Some(state))) => {
                self.carry(at, state);
                Ok(None)
            }
            Ok(Decision::Answer(response)) => Ok(Some(response)),
            Ok(Decision::Failed(failure)) => step.failed(failure).map(|()| None),
            Err(fault) => step.broke(exchange, &self.place, fault).map(|()| None),
        }
    }

    /// What a policy carries, for as long as it is called.
    fn take_state(&mut self, at: usize) -> Vec<u8> {
        self.states.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    fn carry(&mut self, at: usize, state: Vec<u8>) {
        if self.states.is_empty() && !state.is_empty() {
            self.states.resize_with(self.chain.steps.len(), Vec::new);
        }
        if let Some(place) = self.states.get_mut(at) {
            *place = state;
        }
    }

    fn pool(&self, step: &Step) -> Result<&'a Rc<Pool>, Fault> {
        self.pools.get(step.slot).ok_or_else(|| Fault::gateway("no_pool"))
    }
}

/// What calls are made for.
pub(crate) fn behalf(exchange: &Exchange) -> Behalf {
    Behalf { exchange: exchange.id.clone(), counted: exchange.counted.clone() }
}

/// What a failure a policy reported means, unless the operator says to go on without it.
pub(crate) fn failure(failure: Failure) -> Fault {
    match failure {
        Failure::BadInput => Fault::bad_input(),
        Failure::Dependency => Fault::undecided("policy_dependency"),
        Failure::Internal => Fault::undecided("policy_internal"),
    }
}
