//! Asking an upstream to go on with another protocol (RFC 9110 section 7.8), on a connection of its own.

use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::connect::{self, Connected};
use super::reply::{self, Reply};
use super::{Connections, Lease, Pool, Sent, Upgraded, broken, form, too_slow, unreachable};
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
        now: Instant,
        deadline: Instant,
    ) -> Result<Answer, Fault> {
        let (pool, connected) = self.connect_http1(deadline).await?;
        let Connected::Http1(mut sender, upgraded) = connected else { return Err(Fault::gateway("no_upgrade")) };
        form::to_http1(&mut request);
        let mut sent = Sent::AtOnce;
        let response = tokio::select! {
            biased;
            answered = sender.send_request(request) => answered.map_err(broken)?,
            fault = self.too_late(&mut sent, now, deadline) => return Err(fault),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let gone =
                |_| Fault::upstream(StatusCode::BAD_GATEWAY, "upstream_closed", "The upstream closed the connection.");
            let upgraded = upgraded.await.map_err(gone)?;
            return Ok(Answer::Switched(response.map(|_| Body::Empty), upgraded, self.upstream.idle_timeout));
        }
        reply::check(&response)?;
        let lease = Lease { pool, sender: super::Sender::Http1(sender) };
        Ok(Answer::Declined(Reply::wrap(response, lease, self.upstream.idle_timeout, deadline)))
    }

    /// A new connection to the first target that answers.
    async fn connect_http1(&self, deadline: Instant) -> Result<(Rc<Pool>, Connected), Fault> {
        let first = self.next_target();
        let mut last = Fault::gateway("no_target");
        let count = self.pools.len();
        let order = (0..count).map(|step| (first + step) % count);
        for (target, pool) in order.filter_map(|at| self.upstream.targets.get(at).zip(self.pools.get(at))) {
            let until = deadline.min(Instant::now() + self.upstream.connect_timeout);
            match timeout_at(until, connect::connect(&self.upstream, target, Protocol::Http1)).await {
                Ok(Ok(connected)) => return Ok((pool.clone(), connected)),
                Ok(Err(error)) => last = unreachable(error),
                Err(_) => last = too_slow(),
            }
        }
        Err(last)
    }
}
