//! Asking what a route leads to: an upstream or one of several, a policy in the place of one, or the configuration itself.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, EXPECT, SET_COOKIE, TE, VARY};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use tokio::time::{Instant, timeout_at};

use super::asker::{self, Asker};
use super::finish::Finish;
use super::{Connection, Worker, fixed, open, rewrite, upload};
use crate::access::Access;
use crate::chain::{Chain, Place, Timed, answer, behalf, failure};
use crate::config::HostUse;
use crate::exchange::hygiene::strip_hop_by_hop;
use crate::exchange::{Body, BodyError, Exchange, Fault};
use crate::generation::{Backend, Local, Responder, Route};
use crate::sandbox::Respond;
use crate::telemetry::account::Chosen;
use crate::upstream::{Answer, Asked, Choice, Split, Upgraded};

/// What asking a backend needs.
pub(super) struct Ask<'a> {
    pub(super) worker: &'a Worker,
    pub(super) local: &'a Local,
    pub(super) connection: &'a Connection,
    pub(super) asker: &'a Asker,
    pub(super) route: &'a Route,
    pub(super) chain: &'a Chain,
    pub(super) place: Place<'a>,
    pub(super) deadline: Instant,
}

/// What a backend says, and what the connection is for after that.
pub(super) struct Answered {
    pub(super) response: Response<Body>,
    pub(super) then: Option<Switched>,
}

/// A connection to an upstream that speaks another protocol by now, and how long it may be silent.
pub(super) struct Switched {
    pub(super) upstream: Upgraded,
    pub(super) idle: Duration,
}

impl From<Response<Body>> for Answered {
    fn from(response: Response<Body>) -> Self {
        Self { response, then: None }
    }
}

impl Ask<'_> {
    /// Ask what the route leads to. `headers` and `body` are left empty.
    pub(super) async fn backend(
        &self,
        exchange: &mut Exchange,
        headers: &mut HeaderMap,
        body: &mut Body,
        finish: &mut Finish,
    ) -> Result<Answered, Fault> {
        match &self.route.backend {
            Backend::Upstream(slot) => self.upstream(*slot, exchange, headers, body, finish).await,
            Backend::Split(split) => {
                let mut choice = self.choose(split, exchange, headers)?;
                let mut answered = self.upstream(choice.slot, exchange, headers, body, finish).await?;
                choice.answered(answered.response.status());
                // A cache that is asked with the field must not answer with what was said without it.
                let varies = split.override_field().map(|field| (VARY, HeaderValue::from(field.clone())));
                answered.response.headers_mut().extend(varies);
                if let Some(cookie) = choice.set_cookie(exchange.peer.https) {
                    answered.response.headers_mut().append(SET_COOKIE, cookie);
                }
                Ok(answered)
            }
            Backend::Responder(responder) => {
                finish.policies_begin(true, exchange);
                let answered = self.responder(responder, exchange, headers, mem::take(body)).await;
                finish.policies_end();
                answered.map(Answered::from)
            }
            Backend::Redirect(redirect) => fixed::redirect(redirect, self.place.params, exchange).map(Answered::from),
            Backend::Respond(respond) => Ok(fixed::respond(respond).into()),
            Backend::Unavailable => Err(Fault::unavailable()),
        }
    }

    /// Which of several upstreams is asked; told to who wants to know.
    fn choose<'s>(&self, split: &'s Split, exchange: &Exchange, headers: &mut HeaderMap) -> Result<Choice<'s>, Fault> {
        let (path, client, chance) = (exchange.routed.path(), exchange.peer.client, self.worker.next_number());
        let choice = split.choose(headers, path, client, chance).ok_or_else(|| Fault::gateway("no_arm"))?;
        if let Some(account) = &exchange.account {
            account.chosen(Chosen { upstream: choice.name.to_owned(), by: choice.by.name() });
        }
        Ok(choice)
    }

    async fn upstream(
        &self,
        slot: usize,
        exchange: &Exchange,
        headers: &mut HeaderMap,
        body: &mut Body,
        finish: &mut Finish,
    ) -> Result<Answered, Fault> {
        let started = Instant::now();
        finish.upstream_begins(started);
        let answered = self.send(slot, exchange, headers, body, started).await;
        finish.upstream_ends();
        answered
    }

    async fn send(
        &self,
        slot: usize,
        exchange: &Exchange,
        headers: &mut HeaderMap,
        body: &mut Body,
        started: Instant,
    ) -> Result<Answered, Fault> {
        let Some(connections) = self.local.upstreams.get(slot) else { return Err(Fault::gateway("no_upstream")) };
        self.chain.prepare_upstream(headers);
        // The gateway has answered the expectation by asking for the body.
        headers.remove(EXPECT);
        let forwarding = &self.local.generation.forwarding;
        self.asker.introduce(headers, self.connection, forwarding);
        let shown = self.show(slot, headers).await?;
        open::frame(&exchange.method, body, headers);
        if exchange.wants_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        let mut target = exchange.target.clone();
        if let Some(rewrite) = &self.route.rewrite {
            target = rewrite::target(rewrite, self.place.params, exchange)?;
            rewrite::host(rewrite, headers);
        }
        let as_target = self.route.rewrite.as_ref().is_some_and(|rewrite| rewrite.host == HostUse::Target);
        let mut request = Request::new(mem::take(body));
        *request.method_mut() = exchange.method.clone();
        *request.uri_mut() = Uri::from(target.into_path_and_query());
        *request.headers_mut() = mem::take(headers);
        let (account, tries) = (exchange.account.as_deref(), &exchange.tries);
        let asked =
            Asked { client: exchange.peer.client, now: started, deadline: self.deadline, as_target, account, tries };
        let mut answered = match &exchange.upgrade {
            None => upload::send(connections, &mut request, asked).await?.into(),
            Some(protocol) => {
                let request = upload::upgrade(request, protocol);
                match Box::pin(connections.upgrade(request, asked)).await? {
                    Answer::Declined(response) => response.into(),
                    Answer::Switched(response, upstream, idle) => {
                        Answered { response, then: Some(Switched { upstream, idle }) }
                    }
                }
            }
        };
        if answered.response.status() == StatusCode::UNAUTHORIZED
            && let Some((access, value)) = shown
        {
            access.refused(&value);
        }
        if strip_hop_by_hop(answered.response.headers_mut()).is_err() {
            let detail = "The upstream gave an answer that is not HTTP.";
            return Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_connection_field", detail));
        }
        asker::sign(&mut answered.response, forwarding);
        Ok(answered)
    }

    /// Put the token an upstream is shown, if any, in the place of what the client said.
    async fn show(&self, slot: usize, headers: &mut HeaderMap) -> Result<Option<(&Arc<Access>, HeaderValue)>, Fault> {
        let Some(access) = self.local.generation.shown(slot) else { return Ok(None) };
        let value = Box::pin(timeout_at(self.deadline, access.value())).await;
        let value = value.map_err(|_| not_let_in())?.map_err(|error| not_let_in().because(error))?;
        headers.insert(AUTHORIZATION, value.clone());
        Ok(Some((access, value)))
    }

    async fn responder(
        &self,
        responder: &Responder,
        exchange: &Exchange,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response<Body>, Fault> {
        let Some(pool) = self.local.pools.get(responder.slot) else { return Err(Fault::gateway("no_pool")) };
        let body = timeout_at(self.deadline, body.collect(responder.max_body)).await;
        let body = body.unwrap_or(Err(BodyError::Deadline)).map_err(Fault::unread)?;
        let broke = |fault: crate::sandbox::PluginFault| {
            tracing::warn!(policy = &**pool.policy().name(), class = fault.class(), "responder broke: {fault}");
            Fault::plugin(fault.class()).because(fault)
        };
        let judge = |answered: Result<_, _>| match answered {
            Ok(response) => answer(response).map(Ok),
            Err(failure) => Ok(Err(failure)),
        };
        let mut head = self.worker.scratch().take();
        head.clear();
        responder.reads.collect(&mut head, exchange, &self.place, None, headers);
        let (call, timed) = (Respond { head, body }, Timed::begin(exchange));
        let answered = pool.ask(behalf(exchange), self.deadline, &call, judge).await;
        timed.end(exchange, pool, responder.id);
        // What makes the response itself is over with that.
        drop(pool.take_holds());
        self.worker.scratch().set(call.head);
        answered.map_err(broke)?.map_err(failure)
    }
}

/// There is no token to be let in with.
fn not_let_in() -> Fault {
    Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_access", "The gateway is not let in by the upstream at present.")
}
