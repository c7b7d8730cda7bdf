//! Sockets: binding them, accepting connections, and ending both.

mod accept;
mod connection;
mod delivery;
mod proxy;
mod pulse;
mod streams;
mod strict;
mod transport;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::Semaphore;

pub(crate) use accept::{Shutdown, accept};

use crate::config;
use crate::telemetry::metrics::ListenerMetrics;

/// Connections waiting to be accepted, for each worker.
const BACKLOG: i32 = 1024;

/// A listener as all workers share it.
pub(crate) struct Listener {
    /// Its place among the listeners of a configuration.
    pub(crate) slot: usize,
    pub(crate) config: config::Listener,
    /// Where it really listens: port 0 has become a port.
    pub(crate) address: SocketAddr,
    pub(crate) metrics: ListenerMetrics,
    /// One permit for each connection the process may have.
    connections: Arc<Semaphore>,
}

/// A listener and one socket for each worker.
pub(crate) struct Bound {
    pub(crate) listener: Arc<Listener>,
    pub(crate) sockets: Vec<TcpListener>,
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("{address} is taken: another process listens there. Stop it (`ss -ltnp 'sport = :{port}'` shows which), or choose another address with --listen or [listen.{name}] address", port = .address.port())]
    Taken { name: String, address: SocketAddr },
    #[error("cannot listen on {address}")]
    Failed { address: SocketAddr, source: io::Error },
}

/// Open a listener with a socket for each of `workers`, among which the kernel spreads connections.
pub(crate) fn bind(
    slot: usize,
    config: &config::Listener,
    workers: usize,
    metrics: ListenerMetrics,
) -> Result<Bound, BindError> {
    let failed = |address| {
        let name = config.name.clone();
        move |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { name, address },
            _ => BindError::Failed { address, source },
        }
    };
    // A socket that does not share its port finds out whether another process has it; those that share would not.
    let probe = socket(config.address, false).map_err(failed(config.address))?;
    drop(probe);
    let mut sockets = Vec::with_capacity(workers);
    let mut address = config.address;
    for _ in 0..workers {
        let socket = socket(address, true).map_err(failed(address))?;
        address = socket.local_addr().map_err(failed(address))?;
        sockets.push(socket);
    }
    let connections = Arc::new(Semaphore::new(config.max_connections as usize));
    Ok(Bound { listener: Arc::new(Listener { slot, config: config.clone(), address, metrics, connections }), sockets })
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
