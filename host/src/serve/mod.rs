//! The story of one request, from its head to its answer.

mod ask;
mod asker;
mod entrance;
mod explain;
mod finish;
mod fixed;
mod frames;
mod line;
mod observed;
mod open;
mod outgoing;
mod refusals;
mod rehearse;
mod respond;
mod rewrite;
mod tunnel;
mod upload;
mod worker;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

pub(crate) use entrance::Entrance;
pub(crate) use outgoing::Outgoing;
pub(crate) use rehearse::{Facts, rehearse};
pub(crate) use tunnel::{End, Tunnel};
pub(crate) use worker::{Common, Worker};

use crate::chain::{Departure, Notice, Passage, Place};
use crate::exchange::path::Target;
use crate::exchange::{Body, Exchange, Fault, Patience, trace};
use crate::generation::{Generation, Local, Route};
use crate::route::{Found, Params, Scheme};
use crate::telemetry::SpanContext;
use crate::tls::Session;
use ask::{Ask, Switched};
use asker::Asker;
use finish::Finish;

/// What a connection knows that its requests need.
pub(crate) struct Connection {
    /// Where it came in.
    pub(crate) entrance: Rc<Entrance>,
    /// Its peer; none on a Unix socket, where nobody has an address.
    pub(crate) client: Option<IpAddr>,
    /// The same as a field value, made once.
    pub(crate) client_field: Option<HeaderValue>,
    /// None where it is not encrypted.
    pub(crate) tls: Option<Rc<Session>>,
    pub(crate) max_target: usize,
    pub(crate) max_body: Option<u64>,
    pub(crate) max_headers: usize,
    /// With clients that send a body.
    pub(crate) patience: Patience,
    /// What the connection is for once the response that is being given has gone.
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
}

impl Connection {
    /// Whether its client might connect now.
    pub(crate) fn is_welcome(&self) -> bool {
        self.tls.as_ref().is_none_or(|session| self.entrance.admits(session))
    }
}

/// How long a request that no route is for may take to send its body, where a policy reads it.
const UNMATCHED_TIMEOUT: Duration = Duration::from_secs(60);

/// Answer one request. Every request gets an answer; nothing here can fail.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    connection: &Connection,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let (mut parts, body) = request.into_parts();
    let begun = Begun::new(worker, connection, &parts);
    let mut finish = Finish::new(&begun, &parts);
    match begun.open(&mut parts, body, &mut finish) {
        Ok((exchange, body)) => begun.answer(exchange, parts, body, finish).await,
        Err(fault) => begun.refuse(&fault, finish),
    }
}

/// A request as it came, before anything is known of it but its head.
struct Begun<'a> {
    worker: &'a Rc<Worker>,
    connection: &'a Connection,
    at: Instant,
    /// One generation for the whole exchange, whatever is published meanwhile.
    local: Rc<Local>,
    asker: Asker,
    /// Whether there is room for it. Where there is too much to do, no more is done for it than to say so.
    is_admitted: bool,
    /// Where it is in a trace, if traces are passed on.
    trace: Option<SpanContext>,
    grpc: bool,
}

impl<'a> Begun<'a> {
    fn new(worker: &'a Rc<Worker>, connection: &'a Connection, parts: &Parts) -> Self {
        let at = Instant::now();
        let local = worker.current();
        let is_admitted = worker.begin();
        let generation = &local.generation;
        let asker = Asker::of(connection, generation, worker.next_number(), parts);
        let tracing = generation.tracing.filter(|_| is_admitted);
        let trace = tracing.and_then(|sample| trace::join(&parts.headers, |id| sample.takes(id)));
        Self { worker, connection, at, local, asker, is_admitted, trace, grpc: respond::speaks_grpc(parts) }
    }

    /// Bring the request into the one form that everything after this relies on.
    fn open(&self, parts: &mut Parts, body: Incoming, finish: &mut Finish) -> Result<(Exchange, Body), Fault> {
        let Self { connection, asker, .. } = self;
        let generation = &self.local.generation;
        let admitted = if self.is_admitted { Ok(()) } else { Err(Fault::overloaded()) };
        // Before anything else looks at it: one form of path, host and fields, for all.
        let opened = admitted.and_then(|()| open::exchange(connection, asker, generation, parts));
        let mut exchange = opened.inspect_err(|_| finish.path(parts.uri.path()))?;
        exchange.grpc = self.grpc;
        finish.opened(&mut exchange);
        finish.name(&mut parts.headers);
        if generation.tracing.is_some() {
            trace::pass_on(&mut parts.headers, self.trace);
        }
        // A body of gRPC is a stream of messages, which are sent when there is something to say: nobody waits for them.
        let arrives = || finish.arrives((!self.grpc).then_some(connection.patience));
        let body = open::body(body, &parts.headers, connection.max_body, &generation.identity, arrives)?;
        Ok((exchange, body))
    }

    /// The story of a request that could be understood.
    async fn answer(
        self,
        mut exchange: Exchange,
        mut parts: Parts,
        body: Body,
        mut finish: Finish,
    ) -> Response<Outgoing> {
        let Self { worker, connection, at, local, asker, .. } = self;

        // Which route; requests without one pass the gateway's own chain.
        let routed = exchange.routed.clone();
        let (found, params) = find(&local.generation, &exchange, &routed, &parts);
        let route = found.as_ref().ok().copied();
        finish.routed(route);
        keep_upgrade(route, &mut exchange);
        let chain = route.map_or(&local.generation.unmatched, |route| &route.chain);
        let (api, name) = route.map_or(("", ""), |route| (&route.api, &route.name));
        let place = Place { api, route: name, params };
        let deadline = at + route.map_or(UNMATCHED_TIMEOUT, |route| route.timeout);
        let mut passage = Passage::new(chain, &local.pools, place, worker.scratch(), render, deadline);

        // Forward through the policies, then to whatever answers.
        // Without policies the clock is not asked either.
        let (end, is_timed) = (passage.end(), passage.end() > 0);
        finish.policies_begin(is_timed, &mut exchange);
        let forward = passage.forward(&mut exchange, &mut parts.headers, body).await;
        finish.policies_end();
        finish.knows(&exchange);
        let mut switched = None;
        let departure = match (forward, found) {
            (Err(departure), _) => departure,
            (Ok(_), Err(fault)) => Departure { at: end, outcome: Err(fault) },
            (Ok(mut body), Ok(route)) => {
                let asked = Ask { worker, local: &local, connection, asker: &asker, route, chain, place, deadline };
                let answered = asked.backend(&mut exchange, &mut parts.headers, &mut body, &mut finish).await;
                finish.tried(exchange.tries.get());
                let outcome = answered.map(|answered| {
                    switched = answered.then;
                    answered.response
                });
                // A policy that ended the exchange from inside the request body has the word, whatever was answered
                // meanwhile.
                passage.departed().unwrap_or(Departure { at: end, outcome })
            }
        };

        // Back through the response hooks of the policies before the point of departure.
        finish.departs(&departure, end);
        let (left_at, response) = passage.depart(departure, &exchange);
        finish.policies_begin(is_timed, &mut exchange);
        let response = passage.reverse(left_at, response, &mut exchange).await;
        finish.policies_end();
        let (notice, replaced, holds) = passage.over();
        finish.holds(holds);
        finish.replaced(replaced.as_ref(), response.status());
        deliver(response, notice, switched.zip(exchange.upgrade), connection, finish)
    }

    fn refuse(&self, fault: &Fault, mut finish: Finish) -> Response<Outgoing> {
        finish.blame(fault);
        finish.wrap(respond::answer(&self.asker.id, fault, self.grpc), None)
    }
}

/// The route of a request and what its path holds, or why it has none.
fn find<'a>(
    generation: &'a Generation,
    exchange: &Exchange,
    routed: &'a Target,
    parts: &Parts,
) -> (Result<&'a Arc<Route>, Fault>, Option<Params<'a>>) {
    let (host, scheme) = (exchange.host.as_str(), Scheme::of(exchange.peer.https));
    match generation.find(host, routed, scheme, &open::routed_method(parts), &parts.headers) {
        Found::Route { value, params } => (Ok(value), Some(params)),
        Found::MethodNotAllowed { allow } => (Err(respond::method_not_allowed(allow)), None),
        Found::Nothing => (Err(respond::not_found()), None),
    }
}

/// Something else than HTTP may follow where the operator said so; elsewhere the wish is ignored (RFC 9110 section
/// 7.8).
fn keep_upgrade(route: Option<&Arc<Route>>, exchange: &mut Exchange) {
    if !route.is_some_and(|route| exchange.upgrade.as_ref().is_some_and(|wish| route.upgrades.contains(wish))) {
        exchange.upgrade = None;
    }
}

/// Give the answer. Where that is a 101, say with it that the connection is used for something else from here on, and
/// use it for that.
fn deliver(
    mut response: Response<Body>,
    notice: Option<Rc<Notice>>,
    then: Option<(Switched, Box<str>)>,
    connection: &Connection,
    mut finish: Finish,
) -> Response<Outgoing> {
    // Unless a policy made something else of it.
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let Some((switched, protocol)) = then.filter(|_| switches) else { return finish.wrap(response, notice) };
    let headers = response.headers_mut();
    if let Ok(protocol) = HeaderValue::from_str(&protocol) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    finish.answers(headers);
    *connection.tunnel.borrow_mut() = Some(Tunnel::new(switched, &*protocol == "websocket", finish));
    Finish::bare(response)
}

/// The gateway's answer to a fault, which the log is told more about.
fn render(exchange: &Exchange, fault: &Fault) -> Response<Body> {
    respond::log(&exchange.id, fault);
    respond::answer(&exchange.id, fault, exchange.grpc)
}
