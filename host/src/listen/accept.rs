//! One worker's accept loop on one listener, and the connections it holds.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::admission::Seat;
use super::connection::connection;
use super::failures::Failures;
use super::pulse::{Limits, Pulse, Sweep};
use super::refusal::TurnedAway;
use super::shutdown::{Shutdown, Stage};
use super::socket::{Acceptor, Socket, Stream};
use super::{BACKLOG, Listener};
use crate::serve::Worker;
use crate::telemetry::metrics::Refusal;

/// How long to wait after an accept failed for want of resources.
const BREATHE: Duration = Duration::from_millis(50);

/// Accept and serve until shutdown; returns when the last connection has ended.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    socket: Socket,
    mut shutdown: Shutdown,
) -> io::Result<()> {
    let socket = Acceptor::new(socket)?;
    let mut held = Held::new(worker, listener.clone());
    while *shutdown.borrow_and_update() < Stage::Draining {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, client)) => held.meet(stream, client),
                Err(error) => {
                    held.failed(&error);
                    sleep(BREATHE).await;
                }
            },
            () = held.tend() => {}
            _ = shutdown.changed() => {}
        }
    }
    held.sweep.drain(Instant::now());
    // Connections the kernel has queued are served once; closing the socket before would reset them.
    let socket = socket.into_std()?;
    for _ in 0..BACKLOG {
        match socket.accept() {
            Ok((stream, client)) => held.meet(stream, client),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => held.failed(&error),
        }
    }
    drop(socket);
    while !held.connections.is_empty() && *shutdown.borrow_and_update() < Stage::Cutting {
        tokio::select! {
            () = held.tend() => {}
            _ = shutdown.changed() => {}
        }
    }
    if *shutdown.borrow() >= Stage::Cutting {
        held.worker.cut();
    }
    Ok(())
}

/// The connections one worker holds on one listener.
struct Held {
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    connections: JoinSet<()>,
    sweep: Rc<Sweep>,
    ticks: Interval,
    failures: Failures,
    turned_away: TurnedAway,
}

impl Held {
    fn new(worker: Rc<Worker>, listener: Arc<Listener>) -> Self {
        let config = &listener.config;
        let (head, idle) = (config.header_timeout, config.idle_timeout);
        let sweep = Sweep::new(Limits { head, idle, rate: config.min_rate });
        let mut ticks = interval(sweep.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (connections, sweep) = (JoinSet::new(), Rc::new(sweep));
        let (failures, turned_away) = (Failures::default(), TurnedAway::default());
        Self { worker, listener, connections, sweep, ticks, failures, turned_away }
    }

    /// A connection could not be accepted; nothing is known of it.
    fn failed(&mut self, error: &io::Error) {
        self.listener.metrics.not_accepted();
        if let Some(count) = self.failures.count(Instant::now()) {
            let listener = &*self.listener.config.name;
            tracing::warn!(%error, listener, count, "connections could not be accepted");
        }
    }

    /// Serve a connection, or turn it away: where there are too many, more that wait would help nobody.
    fn meet(&mut self, stream: Stream, client: Option<IpAddr>) {
        match self.admit(client) {
            Ok(seat) => self.begin(stream, client, seat),
            Err(reason) => {
                self.listener.refuse(&self.worker, client, reason);
                let is_plain = self.worker.current().generation.tls(self.listener.slot).is_none();
                self.turned_away.close(stream, is_plain);
            }
        }
    }

    fn admit(&self, client: Option<IpAddr>) -> Result<Seat, Refusal> {
        let mut seat = self.listener.admission.seat().ok_or(Refusal::Connections)?;
        // Where a proxy in front says who the client is, that is counted once it was said.
        if !self.listener.config.proxy_protocol && !claims(&mut seat, &self.worker, client) {
            return Err(Refusal::Address);
        }
        Ok(seat)
    }

    fn begin(&mut self, stream: Stream, client: Option<IpAddr>, seat: Seat) {
        let pulse = Pulse::new();
        self.sweep.add(&pulse);
        let counted = self.listener.metrics.connection();
        let (worker, listener, sweep) = (self.worker.clone(), self.listener.clone(), self.sweep.clone());
        self.connections.spawn_local(async move {
            let _counted = counted;
            // Made here, not handed in: a future that is captured takes its room twice.
            connection(worker, listener, stream, client, seat, pulse, sweep).await;
        });
    }

    /// Look after the connections there are, until one ends or a look was taken at all. Without any, this never ends.
    async fn tend(&mut self) {
        if self.connections.is_empty() {
            return std::future::pending().await;
        }
        tokio::select! {
            _ = self.connections.join_next() => {}
            now = self.ticks.tick() => self.sweep.look(now),
        }
    }
}

/// Count a connection as one of its address, if that is one that is counted: behind those that are trusted there are many.
pub(super) fn claims(seat: &mut Seat, worker: &Worker, client: Option<IpAddr>) -> bool {
    match client {
        Some(address) if !worker.current().generation.forwarding.trusts(client) => seat.claim(address),
        _ => true,
    }
}
