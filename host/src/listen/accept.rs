//! One worker's accept loop on one listener, and the connections it holds.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::Listener;
use super::pulse::{Doing, Pulse, Sweep, Told, Watched};
use super::strict::Strict;
use crate::serve::{Connection, Worker, serve};

/// Becomes true when the process is asked to end.
pub(crate) type Shutdown = watch::Receiver<bool>;

/// How long to wait after an accept failed for want of resources.
const BREATHE: Duration = Duration::from_millis(50);

/// Accept and serve until shutdown; returns when the last connection has ended.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    socket: std::net::TcpListener,
    mut shutdown: Shutdown,
) -> std::io::Result<()> {
    let socket = TcpListener::from_std(socket)?;
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
    held.sweep.drain();
    if let Some((stream, client)) = waiting {
        held.begin(stream, client, None);
    }
    // Connections the kernel has queued are served once; closing the socket before would reset them.
    let socket = socket.into_std()?;
    while let Ok((stream, client)) = socket.accept() {
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        match stream {
            Ok(stream) => held.begin(stream, client, None),
            Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
    drop(socket);
    while !held.connections.is_empty() {
        held.tend().await;
    }
    Ok(())
}

/// Accept into `waiting`, and wait until the process may have one more connection. Loses nothing when cancelled.
async fn next(
    waiting: &mut Option<(TcpStream, SocketAddr)>,
    socket: &TcpListener,
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
    sweep: Sweep,
    ticks: Interval,
}

impl Held {
    fn new(worker: Rc<Worker>, listener: Arc<Listener>) -> Self {
        let sweep = Sweep::new(listener.config.header_timeout, listener.config.idle_timeout);
        let mut ticks = interval(sweep.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { worker, listener, connections: JoinSet::new(), sweep, ticks }
    }

    fn begin(&mut self, stream: TcpStream, client: SocketAddr, permit: Option<OwnedSemaphorePermit>) {
        let pulse = Pulse::new();
        self.sweep.add(&pulse);
        let guard = (permit, self.listener.metrics.connection());
        let served = connection(self.worker.clone(), self.listener.clone(), stream, client, pulse);
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

async fn connection(
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    stream: TcpStream,
    client: SocketAddr,
    pulse: Rc<Pulse>,
) {
    let _ = stream.set_nodelay(true);
    let config = &listener.config;
    let Ok(client_field) = HeaderValue::try_from(client.ip().to_canonical().to_string()) else { return };
    let facts = Connection { client, client_field, max_body: config.max_body_bytes };
    let service = {
        let shared = Rc::new((facts, worker));
        let pulse = pulse.clone();
        let idle: Rc<dyn Fn()> = {
            let pulse = pulse.clone();
            Rc::new(move || pulse.now(Doing::Idle))
        };
        service_fn(move |request| {
            let (shared, idle) = (shared.clone(), idle.clone());
            pulse.now(Doing::Exchange);
            // The future is kilobytes long; boxed, it is not copied on its way into the connection.
            Box::pin(async move {
                let (facts, worker) = &*shared;
                let response = serve(worker, facts, request).await;
                Ok::<_, Infallible>(response.map(|body| body.then(idle)))
            })
        })
    };
    let io = TokioIo::new(Strict::new(Watched::new(stream, pulse.clone())));
    let max_head = usize::try_from(config.max_header_bytes).unwrap_or(usize::MAX);
    let served = http1::Builder::new()
        .max_buf_size(max_head)
        .max_headers(config.max_headers as usize)
        .serve_connection(io, service);
    let mut served = std::pin::pin!(served);
    let mut draining = false;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = served.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%error, listener = config.name, "connection ended");
                }
                return Poll::Ready(());
            }
            match pulse.told(cx) {
                Some(Told::Drain) if !draining => {
                    draining = true;
                    served.as_mut().graceful_shutdown();
                }
                Some(Told::Stop) => {
                    tracing::debug!(listener = config.name, "connection closed: its client did nothing for too long");
                    return Poll::Ready(());
                }
                _ => return Poll::Pending,
            }
        }
    })
    .await;
}
