//! The story of one request, from its head to its answer.

mod arrival;
mod ask;
mod asker;
mod explain;
mod finish;
mod fixed;
mod frames;
mod line;
mod open;
mod refusals;
mod respond;
mod rewrite;
mod tunnel;
mod upload;
mod worker;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

pub(crate) use arrival::Patience;
pub(crate) use finish::Outgoing;
pub(crate) use tunnel::{End, Tunnel};
pub(crate) use worker::{Common, Worker};

use crate::chain::{Departure, Passage, Place, Replaced};
use crate::exchange::{Body, Exchange, Fault, trace};
use crate::route::{Found, Scheme};
use crate::tls::Session;
use ask::Ask;
use asker::Asker;
use finish::Finish;

/// What a connection knows that its requests need.
pub(crate) struct Connection {
    /// Slot of its listener.
    pub(crate) listener: usize,
    /// Its peer; none on a Unix socket, where nobody has an address.
    pub(crate) client: Option<IpAddr>,
    /// The same as a field value, made once.
    pub(crate) client_field: Option<HeaderValue>,
    /// None where it is not encrypted.
    pub(crate) tls: Option<Session>,
    pub(crate) max_target: usize,
    pub(crate) max_body: Option<u64>,
    pub(crate) max_headers: usize,
    /// With clients that send a body.
    pub(crate) patience: Patience,
    /// What the connection is for once the response that is being given has gone.
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
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
    let asker = Asker::of(connection, generation, worker.next_number(), &parts);
    let here = generation.tracing.and_then(|sample| trace::join(&parts.headers, |id| sample.takes(id)));
    let (account, explains) = worker.account(&parts.headers, here.filter(|here| generation.records(*here)));
    let mut finish = Finish::new(worker, &local, &asker, begun, &parts.method, account.clone(), explains);
    finish.trace(here);
    let grpc = respond::speaks_grpc(&parts);

    // Where there is too much to do, no more is done for it.
    let admitted = finish.admit();
    // Before anything else looks at it: one form of path, host and fields, for all.
    let opened = admitted.and_then(|()| open::exchange(connection, &asker, generation, &mut parts));
    let mut exchange = match opened {
        Ok(exchange) => exchange,
        Err(fault) => {
            finish.path(parts.uri.path());
            finish.blame(&fault);
            return finish.wrap(respond::answer(&asker.id, &fault, grpc), None);
        }
    };
    (exchange.account, exchange.grpc) = (account, grpc);
    finish.opened(&exchange);
    finish.name(&mut parts.headers);
    if generation.tracing.is_some() {
        trace::pass_on(&mut parts.headers, here);
    }
    let body = match open::body(body, &parts.headers, connection.max_body, &generation.identity) {
        // A body of gRPC is a stream of messages, which are sent when there is something to say: nobody waits for them.
        Ok(body) => finish.arrives(body, (!grpc).then_some(connection.patience)),
        Err(fault) => {
            finish.blame(&fault);
            return finish.wrap(respond::answer(&asker.id, &fault, grpc), None);
        }
    };

    // Which route; requests without one pass the gateway's own chain.
    let method = open::routed_method(&parts);
    let routed = exchange.routed.clone();
    let found =
        generation.find(exchange.host.as_str(), &routed, Scheme::of(exchange.peer.https), &method, &parts.headers);
    let (route, params, missing) = match found {
        Found::Route { value, params } => (Some(value), Some(params), None),
        Found::MethodNotAllowed { allow } => (None, None, Some(respond::method_not_allowed(allow))),
        Found::Nothing => (None, None, Some(respond::not_found())),
    };
    if let Some(route) = route {
        finish.routed(route);
    }
    // Something else than HTTP may follow where the operator said so; elsewhere the wish is ignored (RFC 9110 section 7.8).
    if !route.is_some_and(|route| exchange.upgrade.as_ref().is_some_and(|wish| route.upgrades.contains(wish))) {
        exchange.upgrade = None;
    }
    let mut switched = None;
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
        (Ok(mut body), Some(route), None) => {
            let asked = Ask { worker, local: &local, connection, asker: &asker, route, chain, place, deadline };
            let answered = asked.backend(&mut exchange, &mut parts.headers, &mut body, &mut finish).await;
            let outcome = answered.map(|answered| {
                switched = answered.then;
                answered.response
            });
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
    match (switched, &exchange.upgrade) {
        // Unless a policy made something else of it.
        (Some(switched), Some(protocol)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let mut response = switch(response, protocol);
            finish.answers(response.headers_mut());
            let is_websocket = &**protocol == "websocket";
            *connection.tunnel.borrow_mut() = Some(Tunnel::new(switched, is_websocket, finish));
            Finish::bare(response)
        }
        _ => finish.wrap(response, notice),
    }
}

/// Say that the connection is used for something else from here on.
fn switch(mut response: Response<Body>, protocol: &str) -> Response<Body> {
    if let Ok(protocol) = HeaderValue::from_str(protocol) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(UPGRADE, protocol);
    }
    response
}

/// The gateway's answer to a fault, which the log is told more about.
fn render(exchange: &Exchange, fault: &Fault) -> Response<Body> {
    respond::log(&exchange.id, fault);
    respond::answer(&exchange.id, fault, exchange.grpc)
}
