//! One worker's accept loop on one listener, and the connections it holds.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Listener;
use super::pulse::{Doing, Pulse, Watched};
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
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let socket = TcpListener::from_std(socket)?;
    let mut connections = JoinSet::new();
    let begin = |connections: &mut JoinSet<()>, stream, client, permit: Option<OwnedSemaphorePermit>| {
        let guard = (permit, listener.metrics.connection());
        let served = connection(worker.clone(), listener.clone(), stream, client, shutdown.clone());
        connections.spawn_local(async move {
            let _guard = guard;
            served.await;
        });
    };
    let mut ending = shutdown.clone();
    while !*ending.borrow_and_update() {
        tokio::select! {
            accepted = next(&socket, &listener) => match accepted {
                Ok((stream, client, permit)) => begin(&mut connections, stream, client, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(BREATHE).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = ending.changed() => {}
        }
    }
    // Connections the kernel has queued are served once; closing the socket before would reset them.
    let socket = socket.into_std()?;
    while let Ok((stream, client)) = socket.accept() {
        stream.set_nonblocking(true)?;
        begin(&mut connections, TcpStream::from_std(stream)?, client, None);
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// The next connection, once there is room for one.
async fn next(
    socket: &TcpListener,
    listener: &Listener,
) -> std::io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    // The semaphore is never closed.
    let permit = listener.connections.clone().acquire_owned().await.ok();
    let (stream, client) = socket.accept().await?;
    Ok((stream, client, permit))
}

async fn connection(
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    stream: TcpStream,
    client: SocketAddr,
    mut shutdown: Shutdown,
) {
    let _ = stream.set_nodelay(true);
    let config = &listener.config;
    let pulse = Pulse::new();
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
    let io = TokioIo::new(Watched::new(stream, pulse.clone()));
    let max_head = usize::try_from(config.max_header_bytes).unwrap_or(usize::MAX);
    let served = http1::Builder::new()
        .max_buf_size(max_head)
        .max_headers(config.max_headers as usize)
        .serve_connection(io, service);
    let mut served = std::pin::pin!(served);
    let stopped = pulse.stopped(config.header_timeout, config.idle_timeout);
    let mut stopped = std::pin::pin!(stopped);
    let mut draining = *shutdown.borrow();
    if draining {
        served.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            biased;
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, listener = config.name, "connection ended");
                }
                return;
            }
            doing = stopped.as_mut() => {
                tracing::debug!(?doing, listener = config.name, "connection closed: nothing arrived for too long");
                return;
            }
            _ = shutdown.changed(), if !draining => {
                draining = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
