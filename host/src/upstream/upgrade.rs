//! Asking an upstream to go on with another protocol (RFC 9110 section 7.8), on a connection of its own.

use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::connect::{Connected, connect};
use super::pool::Sender;
use super::reply::{self, Reply};
use super::send::{Asked, broken, too_slow, unreachable};
use super::tried::Tried;
use super::{Connections, Lease, Upgraded, form};
use crate::config::Protocol;
use crate::exchange::{Body, Fault};

/// What an upstream makes of it.
pub(crate) enum Answer {
    /// Not now; the response says why.
    Declined(Response<Body>),
    /// The head of a 101, the connection, and how long that may be silent.
    Switched(Response<Body>, Upgraded, Duration),
}

impl Connections {
    /// Send a request without a body that asks for an upgrade.
    pub(crate) async fn upgrade(
        self: &Rc<Self>,
        mut request: Request<Body>,
        asked: Asked<'_>,
    ) -> Result<Answer, Fault> {
        let ticket = self.admit()?;
        let key = self.balancer.key(&request, asked.client);
        let (target, connected) = self.connect_http1(key, asked).await?;
        let tried = Tried::begin(asked.account, &self.upstream, target, request.headers_mut());
        let (Connected::Http1(mut sender, upgraded), Some(pool)) = (connected, self.pools.get(target)) else {
            return Err(Fault::gateway("no_upgrade"));
        };
        self.address(&mut request, target, asked);
        form::to_http1(&mut request);
        let response = tokio::select! {
            biased;
            answered = sender.send_request(request) => answered.map_err(broken),
            fault = self.upgrade_too_late(asked) => Err(fault),
        };
        tried.end(response.as_ref().map(Response::status).map_err(|fault| fault.class));
        let response = response?;
        let idle = self.upstream.settings.idle_timeout;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let detail = "The upstream closed the connection.";
            let gone = |_| Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_closed", detail);
            return Ok(Answer::Switched(response.map(|_| Body::Empty), upgraded.await.map_err(gone)?, idle));
        }
        reply::check(&response)?;
        let lease = Lease { pool: pool.clone(), sender: Sender::alone(sender), _load: None, _ticket: ticket };
        Ok(Answer::Declined(Reply::wrap(response, lease, idle, asked.deadline)))
    }

    /// A connection of its own in HTTP/1.1, to the first target that answers.
    async fn connect_http1(&self, key: Option<u64>, asked: Asked<'_>) -> Result<(usize, Connected), Fault> {
        let settings = &self.upstream.settings;
        let mut failed = Vec::new();
        loop {
            let target = self.pick(key, &failed, asked.now);
            let server = target.and_then(|target| self.upstream.servers.get(target).map(|server| (target, server)));
            let Some((target, server)) = server else { return Err(Fault::gateway("no_target")) };
            let until = asked.deadline.min(Instant::now() + settings.connect_timeout);
            let fault = match timeout_at(until, connect(&self.upstream, server, Protocol::Http1)).await {
                Ok(Ok(connected)) => return Ok((target, connected)),
                Ok(Err(error)) => unreachable(error),
                Err(_) => too_slow(),
            };
            self.upstream.targets.failed(target, Instant::now());
            failed.push(target);
            if failed.len() >= settings.targets.len() {
                return Err(fault);
            }
        }
    }
}
