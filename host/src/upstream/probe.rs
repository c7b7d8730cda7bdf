//! Asks the targets of an upstream whether they are well, once for the process.

use std::sync::Arc;

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};

use super::connect::{self, Connected};
use super::{Server, Upstream, form};
use crate::config::Health;
use crate::exchange::Body;

/// Keep asking all targets of an upstream that has health checks. Never ends otherwise than by being dropped.
pub(crate) async fn probe(upstream: Arc<Upstream>) {
    let Some(health) = &upstream.settings.health else { return };
    let mut targets = JoinSet::new();
    for server in &upstream.servers {
        targets.spawn_local(follow(upstream.clone(), server.clone(), health.clone()));
    }
    while targets.join_next().await.is_some() {}
}

async fn follow(upstream: Arc<Upstream>, server: Arc<Server>, health: Health) {
    // Spread over the interval, so that not all are asked in the same moment.
    let part = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    let mut ticks = interval_at(Instant::now() + health.interval.mul_f64(part), health.interval);
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        ticks.tick().await;
        match timeout(health.timeout, ask(&upstream, &server, &health)).await.unwrap_or(false) {
            true => (good, bad) = (good.saturating_add(1), 0),
            false => (good, bad) = (0, bad.saturating_add(1)),
        }
        let news = match (good >= health.healthy, bad >= health.unhealthy) {
            (true, _) => server.state.is_well(true),
            (_, true) => server.state.is_well(false),
            _ => false,
        };
        if news {
            let (name, url) = (&upstream.settings.name, &server.target);
            tracing::info!(upstream = name, %url, well = good > 0, "health of a target changed");
        }
    }
}

/// Whether a target gives a good answer. Each question has a connection of its own: that one can be made is part of it.
async fn ask(upstream: &Upstream, server: &Server, health: &Health) -> bool {
    let settings = &upstream.settings;
    let mut request = Request::new(Body::Empty);
    *request.uri_mut() = health.path.0.clone().into();
    let Some(host) = server.host.clone() else { return false };
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("lockgate-health"));
    let status = match connect::connect(upstream, server, settings.protocol).await {
        Ok(Connected::Http1(mut sender, _)) => sender.send_request(request).await.map(|response| response.status()),
        Ok(Connected::Http2(mut sender)) => {
            form::to_http2(&mut request, settings.tls.is_some());
            sender.send_request(request).await.map(|response| response.status())
        }
        Err(_) => return false,
    };
    status.is_ok_and(|status| health.status.iter().any(|range| range.has(status)))
}
