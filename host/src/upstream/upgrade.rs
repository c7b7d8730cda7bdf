//! Asking an upstream to go on with another protocol (RFC 9110 section 7.8), on a connection of its own.

use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};

use super::connect::Connected;
use super::pool::Sender;
use super::reply::{self, Reply};
use super::send::{Asked, broken};
use super::tried::Tried;
use super::{Connections, Lease, Upgraded, form};
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
}
