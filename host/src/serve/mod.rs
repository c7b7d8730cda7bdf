//! The story of one request, from its head to its answer.

mod finish;
mod open;
mod respond;
mod upload;
mod worker;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::header::EXPECT;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

pub(crate) use finish::Outgoing;
pub(crate) use worker::Worker;

use crate::chain::{Departure, Passage, Place, Replaced, answer, failure};
use crate::exchange::{Body, BodyError, Exchange, Fault};
use crate::generation::{Backend, Local, Responder, Route};
use crate::route::Found;
use finish::Finish;
use respond::problem;

/// What a connection knows that its requests need.
pub(crate) struct Connection {
    pub(crate) client: SocketAddr,
    /// The client's address as a field value, made once.
    pub(crate) client_field: HeaderValue,
    pub(crate) max_body: Option<u64>,
}

/// How long a request that no route is for may take to send its body, where a policy reads it.
const UNMATCHED_TIMEOUT: Duration = Duration::from_secs(60);

/// Answer one request. Every request gets an answer; nothing here can fail.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    connection: &Connection,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let begun = Instant::now();
    // One generation for the whole exchange, whatever is published meanwhile.
    let local = worker.current();
    let generation = &*local.generation;
    let (mut parts, body) = request.into_parts();
    let id = worker.next_id();
    let mut finish = Finish::new(worker, &local, connection, id, begun, &parts.method);

    // Before anything else looks at it: one form of path, host and fields, for all.
    let opened = open::exchange(id, connection, &generation.identity, &mut parts);
    let mut exchange = match opened {
        Ok(exchange) => exchange,
        Err(fault) => {
            finish.path(parts.uri.path());
            finish.blame(&fault);
            return finish.wrap(problem(id, &fault), None);
        }
    };
    finish.path(exchange.routed.path());
    let body = match open::body(body, &parts.headers, connection.max_body) {
        Ok(body) => finish.count_in(body),
        Err(fault) => {
            finish.blame(&fault);
            return finish.wrap(problem(id, &fault), None);
        }
    };

    // Which route; requests without one pass the gateway's own chain.
    let method = open::routed_method(&parts);
    let routed = exchange.routed.clone();
    let found = generation.find(exchange.host.as_str(), routed.path(), &method, &parts.headers);
    let (route, params, missing) = match found {
        Found::Route { value, params } => (Some(value), Some(params), None),
        Found::MethodNotAllowed { allow } => (None, None, Some(respond::method_not_allowed(allow))),
        Found::Nothing => (None, None, Some(respond::not_found())),
    };
    if let Some(route) = route {
        finish.routed(route);
    }
    let chain = route.map_or(&generation.unmatched, |route| &route.chain);
    let (api, name) = route.map_or(("", ""), |route| (&route.api, &route.name));
    let place = Place { api, route: name, params };
    let deadline = begun + route.map_or(UNMATCHED_TIMEOUT, |route| route.timeout);
    let mut passage = Passage::new(chain, &local.pools, place, worker.scratch(), render, deadline);

    // Forward through the policies, then to whatever answers.
    finish.policies_begin();
    let forward = passage.forward(&mut exchange, &mut parts.headers, body).await;
    finish.policies_end();
    let end = passage.end();
    let departure = match (forward, route, missing) {
        (Err(departure), ..) => departure,
        (Ok(_), _, Some(fault)) => Departure { at: end, outcome: Err(fault) },
        (Ok(body), Some(route), None) => {
            let asked = Ask { local: &local, connection, route, place, scratch: worker.scratch(), deadline };
            let outcome = asked.backend(&mut exchange, parts.headers, body, chain, &mut finish).await;
            // A policy that ended the exchange from inside the request body has the word, whatever was answered meanwhile.
            passage.departed().unwrap_or(Departure { at: end, outcome })
        }
        (Ok(_), None, None) => Departure { at: end, outcome: Err(Fault::gateway("no_route")) },
    };

    // Back through the response hooks of the policies before the point of departure.
    match &departure.outcome {
        Ok(response) if departure.at < end => finish.answered_by_policy(response.status()),
        Ok(_) => {}
        Err(fault) => finish.blame(fault),
    }
    finish.policies_begin();
    let response = passage.reverse(departure, &mut exchange).await;
    finish.policies_end();
    let (notice, replaced) = passage.over();
    match &replaced {
        Some(Replaced::Fault(fault)) => finish.blame(fault),
        Some(Replaced::Answer) => finish.answered_by_policy(response.status()),
        None => {}
    }
    finish.wrap(response, notice)
}

/// The gateway's answer to a fault, which the log is told more about.
fn render(exchange: &Exchange, fault: &Fault) -> Response<Body> {
    respond::log(exchange.id, fault);
    problem(exchange.id, fault)
}

/// What asking a backend needs.
struct Ask<'a> {
    local: &'a Local,
    connection: &'a Connection,
    route: &'a Route,
    place: Place<'a>,
    scratch: &'a RefCell<Vec<u8>>,
    deadline: Instant,
}

impl Ask<'_> {
    async fn backend(
        &self,
        exchange: &mut Exchange,
        headers: HeaderMap,
        body: Body,
        chain: &crate::chain::Chain,
        finish: &mut Finish,
    ) -> Result<Response<Body>, Fault> {
        match &self.route.backend {
            Backend::Upstream(slot) => {
                let started = Instant::now();
                let answered = self.upstream(*slot, exchange, headers, body, chain, started).await;
                finish.upstream(started);
                answered
            }
            Backend::Responder(responder) => self.responder(responder, exchange, &headers, body).await,
        }
    }

    async fn upstream(
        &self,
        slot: usize,
        exchange: &Exchange,
        mut headers: HeaderMap,
        body: Body,
        chain: &crate::chain::Chain,
        started: Instant,
    ) -> Result<Response<Body>, Fault> {
        let Some(connections) = self.local.upstreams.get(slot) else { return Err(Fault::gateway("no_upstream")) };
        chain.prepare_upstream(&mut headers);
        // The gateway has answered the expectation by asking for the body.
        headers.remove(EXPECT);
        open::say_who_asks(&mut headers, self.connection);
        open::frame(&exchange.method, &body, &mut headers);
        let mut request = Request::new(body);
        *request.method_mut() = exchange.method.clone();
        *request.uri_mut() = Uri::from(exchange.target.clone().into_path_and_query());
        *request.headers_mut() = headers;
        let mut response = upload::send(connections, request, started, self.deadline).await?;
        if crate::exchange::hygiene::strip_hop_by_hop(response.headers_mut()).is_err() {
            let detail = "The upstream gave an answer that is not HTTP.";
            return Err(Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_connection_field", detail));
        }
        Ok(response)
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
        pool.respond(exchange.id, &facts, &body, judge).map_err(broke)?.map_err(failure)
    }
}
