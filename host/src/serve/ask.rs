//! Asking what a route leads to: an upstream, or a policy in the place of one.

use std::cell::RefCell;
use std::time::Duration;

use http::header::{EXPECT, TE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use tokio::time::{Instant, timeout_at};

use super::asker::{self, Asker};
use super::finish::Finish;
use super::{Connection, open, upload};
use crate::chain::{Chain, Place, Timed, answer, failure};
use crate::exchange::hygiene::strip_hop_by_hop;
use crate::exchange::{Body, BodyError, Exchange, Fault};
use crate::generation::{Backend, Local, Responder, Route};
use crate::upstream::{Answer, Asked, Upgraded};

/// What asking a backend needs.
pub(super) struct Ask<'a> {
    pub(super) local: &'a Local,
    pub(super) connection: &'a Connection,
    pub(super) asker: &'a Asker,
    pub(super) route: &'a Route,
    pub(super) chain: &'a Chain,
    pub(super) place: Place<'a>,
    pub(super) scratch: &'a RefCell<Vec<u8>>,
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
    /// Ask what the route leads to.
    pub(super) async fn backend(
        &self,
        exchange: &mut Exchange,
        headers: HeaderMap,
        body: Body,
        finish: &mut Finish,
    ) -> Result<Answered, Fault> {
        match &self.route.backend {
            Backend::Upstream(slot) => {
                let started = Instant::now();
                let answered = self.upstream(*slot, exchange, headers, body, started).await;
                finish.upstream(started);
                answered
            }
            Backend::Responder(responder) => {
                finish.policies_begin();
                let answered = self.responder(responder, exchange, &headers, body).await;
                finish.policies_end();
                answered.map(Answered::from)
            }
        }
    }

    async fn upstream(
        &self,
        slot: usize,
        exchange: &Exchange,
        mut headers: HeaderMap,
        body: Body,
        started: Instant,
    ) -> Result<Answered, Fault> {
        let Some(connections) = self.local.upstreams.get(slot) else { return Err(Fault::gateway("no_upstream")) };
        self.chain.prepare_upstream(&mut headers);
        // The gateway has answered the expectation by asking for the body.
        headers.remove(EXPECT);
        let forwarding = &self.local.generation.forwarding;
        self.asker.introduce(&mut headers, self.connection, forwarding);
        open::frame(&exchange.method, &body, &mut headers);
        if exchange.wants_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        let mut request = Request::new(body);
        *request.method_mut() = exchange.method.clone();
        *request.uri_mut() = Uri::from(exchange.target.clone().into_path_and_query());
        *request.headers_mut() = headers;
        let account = exchange.account.as_deref();
        let asked = Asked { client: exchange.peer.client, now: started, deadline: self.deadline, account };
        let mut answered = match &exchange.upgrade {
            None => upload::send(connections, request, asked).await?.into(),
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
        if strip_hop_by_hop(answered.response.headers_mut()).is_err() {
            let detail = "The upstream gave an answer that is not HTTP.";
            return Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_connection_field", detail));
        }
        asker::sign(&mut answered.response, forwarding);
        Ok(answered)
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
        let mut facts = self.scratch.borrow_mut();
        facts.clear();
        responder.reads.collect(&mut facts, exchange, &self.place, None, headers);
        let broke = |fault: crate::sandbox::PluginFault| {
            tracing::warn!(policy = &**pool.policy().name(), class = fault.class(), "responder broke: {fault}");
            Fault::plugin(fault.class()).because(fault)
        };
        let judge = |answered: Result<_, _>| match answered {
            Ok(response) => answer(response).map(Ok),
            Err(failure) => Ok(Err(failure)),
        };
        let timed = Timed::begin(exchange);
        let answered = pool.respond(exchange.id.clone(), &facts, &body, judge);
        timed.end(exchange, pool);
        answered.map_err(broke)?.map_err(failure)
    }
}
