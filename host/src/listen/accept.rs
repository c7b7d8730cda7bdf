//! One worker's accept loop on one listener, and the connections it holds.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::Listener;
use super::connection::connection;
use super::pulse::{Pulse, Sweep};
use super::socket::{Accepted, Acceptor, Socket, Stream};
use crate::serve::Worker;

/// Becomes true when the process is asked to end.
pub(crate) type Shutdown = watch::Receiver<bool>;

/// How long to wait after an accept failed for want of resources.
const BREATHE: Duration = Duration::from_millis(50);

/// Accept and serve until shutdown; returns when the last connection has ended.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    socket: Socket,
    mut shutdown: Shutdown,
) -> std::io::Result<()> {
    let socket = Acceptor::new(socket)?;
    let mut held = Held::new(worker, listener.clone());
    let mut waiting = None;
    while !*shutdown.borrow_and_update() {
        tokio::select! {
            accepted = next(&mut waiting, &socket, &listener) => match accepted {
                Ok(permit) => if let Some((stream, client)) = waiting.take() {
                    held.begin(stream, client, permit);
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(BREATHE).await;
                }
            },
            () = held.tend() => {}
            _ = shutdown.changed() => {}
        }
    }
    held.sweep.drain(Instant::now());
    if let Some((stream, client)) = waiting {
        held.begin(stream, client, None);
    }
    // Connections the kernel has queued are served once; closing the socket before would reset them.
    let socket = socket.into_std()?;
    while let Ok((stream, client)) = socket.accept() {
        held.begin(stream, client, None);
    }
    drop(socket);
    while !held.connections.is_empty() {
        held.tend().await;
    }
    Ok(())
}

/// Accept into `waiting`, and wait until the process may have one more connection. Loses nothing when cancelled.
async fn next(
    waiting: &mut Option<Accepted>,
    socket: &Acceptor,
    listener: &Listener,
) -> std::io::Result<Option<OwnedSemaphorePermit>> {
    if waiting.is_none() {
        *waiting = Some(socket.accept().await?);
    }
    // Taken after accepting: a worker that waits for connections must not keep others from having theirs.
    // The semaphore is never closed.
    Ok(listener.connections.clone().acquire_owned().await.ok())
}

/// The connections one worker holds on one listener.
struct Held {
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    connections: JoinSet<()>,
    sweep: Rc<Sweep>,
    ticks: Interval,
}

impl Held {
    fn new(worker: Rc<Worker>, listener: Arc<Listener>) -> Self {
        let sweep = Sweep::new(listener.config.header_timeout, listener.config.idle_timeout);
        let mut ticks = interval(sweep.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { worker, listener, connections: JoinSet::new(), sweep: Rc::new(sweep), ticks }
    }

    fn begin(&mut self, stream: Stream, client: Option<IpAddr>, permit: Option<OwnedSemaphorePermit>) {
        let pulse = Pulse::new();
        self.sweep.add(&pulse);
        let guard = (permit, self.listener.metrics.connection());
        let served = connection(self.worker.clone(), self.listener.clone(), stream, client, pulse, self.sweep.clone());
        self.connections.spawn_local(async move {
            let _guard = guard;
            served.await;
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
