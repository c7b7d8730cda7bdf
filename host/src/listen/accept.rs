//! One worker's accept loop on one socket, and the connections it holds.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout_at};

use super::connection::connection;
use super::desk::Desk;
use super::failures::Failures;
use super::pulse::Pulse;
use super::refusal::TurnedAway;
use super::shutdown::{Shutdown, Stage};
use super::socket::{Acceptor, Socket, Stream};
use super::{BACKLOG, Listener};
use crate::serve::{Entrance, Worker};

/// How long to wait after an accept failed for want of resources.
const BREATHE: Duration = Duration::from_millis(50);
/// For connections the kernel had begun with when it was told to begin no more.
const HANDSHAKES: Duration = Duration::from_millis(300);

/// What a socket serves, and until when.
#[derive(Clone)]
pub(super) struct Orders {
    /// The listener as it is for later connections; none when it is no more.
    pub(super) listener: watch::Receiver<Option<Arc<Listener>>>,
    pub(super) shutdown: Shutdown,
    /// What is under way when the listener is no more has so long. When the process ends, its stages say.
    pub(super) drain: Duration,
}

impl Orders {
    /// Whether what is under way is the last.
    fn is_last(&mut self) -> bool {
        *self.shutdown.borrow_and_update() >= Stage::Draining || self.listener.borrow_and_update().is_none()
    }

    fn is_cut(&mut self) -> bool {
        *self.shutdown.borrow_and_update() >= Stage::Cutting
    }

    async fn changed(&mut self) {
        tokio::select! {
            _ = self.shutdown.changed() => {}
            Ok(()) = self.listener.changed() => {}
        }
    }
}

/// Accept and serve until the listener or the process is to end; returns when the last connection has ended.
pub(super) async fn accept(
    worker: Rc<Worker>,
    entrance: Rc<Entrance>,
    socket: Socket,
    mut orders: Orders,
) -> io::Result<()> {
    let Some(listener) = orders.listener.borrow_and_update().clone() else { return Ok(()) };
    let socket = Acceptor::new(socket)?;
    let mut held = Held::new(Desk::new(worker.clone(), listener, entrance.clone()));
    // Those that were accepted under settings that have changed since.
    let mut older = JoinSet::new();
    while !orders.is_last() {
        let now = orders.listener.borrow().clone();
        if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, &held.desk.listener)) {
            let next = Held::new(Desk::new(worker.clone(), now, entrance.clone()));
            older.spawn_local(std::mem::replace(&mut held, next).live_out(orders.clone()));
        }
        tokio::select! {
            accepted = socket.accept() => held.met(accepted).await,
            () = held.tend() => {}
            () = orders.changed() => {}
            Some(_) = older.join_next() => {}
        }
    }
    held.desk.sweep.drain(Instant::now());
    // What is received at a shared socket another process serves.
    if !held.desk.listener.door.is_shared() {
        held.accept_last(socket, &mut orders).await?;
    }
    held.live_out(orders).await;
    while older.join_next().await.is_some() {}
    Ok(())
}

/// Connections one worker holds of one socket.
struct Held {
    desk: Rc<Desk>,
    connections: JoinSet<()>,
    ticks: Interval,
    failures: Failures,
    turned_away: TurnedAway,
}

impl Held {
    fn new(desk: Rc<Desk>) -> Self {
        let mut ticks = interval(desk.sweep.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (failures, turned_away) = (Failures::default(), TurnedAway::default());
        Self { desk, connections: JoinSet::new(), ticks, failures, turned_away }
    }

    async fn met(&mut self, accepted: io::Result<(Stream, Option<IpAddr>)>) {
        match accepted {
            Ok((stream, client)) => self.meet(stream, client),
            Err(error) => {
                self.failed(&error);
                sleep(BREATHE).await;
            }
        }
    }

    /// Accept whom the kernel has received, then close: whoever waits in a socket that is closed is reset.
    async fn accept_last(&mut self, socket: Acceptor, orders: &mut Orders) -> io::Result<()> {
        let until = Instant::now() + HANDSHAKES;
        while Instant::now() < until && !orders.is_cut() {
            tokio::select! {
                accepted = timeout_at(until, socket.accept()) => match accepted {
                    Ok(accepted) => self.met(accepted).await,
                    Err(_) => break,
                },
                () = self.tend() => {}
                () = orders.changed() => {}
            }
        }
        let socket = socket.into_std()?;
        for _ in 0..BACKLOG {
            match socket.accept() {
                Ok((stream, client)) => self.meet(stream, client),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.failed(&error),
            }
        }
        Ok(())
    }

    /// Serve what there is, to its end, or until there is no time left for it.
    async fn live_out(mut self, mut orders: Orders) {
        let mut until = None;
        while !self.connections.is_empty() && !orders.is_cut() {
            if until.is_none() && orders.is_last() {
                self.desk.sweep.drain(Instant::now());
                // Of the end of the process somebody else keeps the time.
                let is_alone = *orders.shutdown.borrow() < Stage::Draining;
                until = Some(is_alone.then(|| Instant::now() + orders.drain));
            }
            let over = until.flatten();
            tokio::select! {
                () = self.tend() => {}
                () = orders.changed() => {}
                () = sleep_until(over.unwrap_or_else(Instant::now)), if over.is_some() => return self.cut(),
            }
        }
        if orders.is_cut() {
            self.desk.worker.cut();
        }
    }

    /// End what is still under way.
    fn cut(self) {
        let (listener, connections) = (&*self.desk.listener.config.name, self.connections.len());
        tracing::warn!(
            listener,
            connections,
            "the listener is no more, and the time to drain is over: what is still under way is cut off"
        );
        self.desk.entrance.cut();
    }

    /// A connection could not be accepted; nothing is known of it.
    fn failed(&mut self, error: &io::Error) {
        let listener = &self.desk.listener;
        listener.metrics.not_accepted();
        if let Some(count) = self.failures.count(Instant::now()) {
            let listener = &*listener.config.name;
            tracing::warn!(%error, listener, count, "connections could not be accepted");
        }
    }

    /// Serve a connection, or turn it away: where there are too many, more that wait would help nobody.
    fn meet(&mut self, stream: Stream, client: Option<IpAddr>) {
        match self.desk.admit(client) {
            Ok(seat) => {
                let (desk, pulse) = (self.desk.clone(), Pulse::new());
                desk.sweep.add(&pulse);
                let counted = desk.listener.metrics.connection();
                self.connections.spawn_local(async move {
                    let _counted = counted;
                    // Made here, not handed in: a future that is captured takes its room twice.
                    connection(desk, stream, client, seat, pulse).await;
                });
            }
            Err(reason) => {
                self.desk.refuse(client, reason);
                let is_plain = self.desk.entrance.server().is_none();
                self.turned_away.close(stream, is_plain);
            }
        }
    }

    /// Look after the connections there are, until one ends or a look was taken at all. Without any, this never ends.
    async fn tend(&mut self) {
        if self.connections.is_empty() {
            return std::future::pending().await;
        }
        tokio::select! {
            _ = self.connections.join_next() => {}
            now = self.ticks.tick() => self.desk.look(now),
        }
    }
}
