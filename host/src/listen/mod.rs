//! Sockets: opening them, accepting connections, and ending both, also while others go on.

mod accept;
mod admission;
mod connection;
mod delivery;
mod desk;
mod door;
mod failures;
mod floods;
mod fronts;
mod given;
mod handover;
mod inspect;
mod listeners;
mod proxy;
mod pulse;
mod refusal;
mod shutdown;
mod socket;
mod streams;
mod strict;
mod transport;
mod unix;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, TcpKeepalive, Type};

pub(crate) use fronts::Fronts;
pub(crate) use given::given;
pub(crate) use handover::Offer;
pub(crate) use listeners::{Change, Listeners, Told, Unopened};
pub(crate) use shutdown::{Shutdown, Stage};
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use strict::fuzz;

use crate::config::{self, Address, SocketPath};
use crate::telemetry::metrics::ListenerMetrics;
use door::Door;
use socket::Socket;
use unix::SocketFile;

/// Connections waiting to be accepted, for each worker.
const BACKLOG: i32 = 1024;
/// Bytes the system keeps for a client besides those that are on their way to it. More would hide how slowly it takes
/// them, and be kept for each that does.
const UNSENT: u32 = 128 << 10;
/// Silence of a peer after which the system asks whether it is still there.
const PROBE_AFTER: Duration = Duration::from_secs(60);
/// Time from one such question to the next.
const PROBE_EVERY: Duration = Duration::from_secs(15);
/// Questions without an answer after which the connection is given up.
const PROBES: u32 = 4;

/// A listener as all workers share it, with settings that stay: where they change there is another one, with the same
/// door.
pub(crate) struct Listener {
    pub(crate) config: config::Listener,
    /// Where it really listens: port 0 has become a port.
    pub(crate) address: Address,
    metrics: ListenerMetrics,
    door: Arc<Door>,
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("{address} is taken: another process listens there. Stop it (`ss -ltnp 'sport = :{port}'` shows which), or choose another address with --listen or [listen.{name}] address", port = .address.port())]
    Taken { name: String, address: SocketAddr },
    #[error(
        "{path} is taken: another process listens there. Stop it (`ss -lxp` shows which), or choose another socket with [listen.{name}] address"
    )]
    SocketTaken { name: String, path: SocketPath },
    #[error("--listen is for one listener, and gateway.toml has {names}; set their addresses there")]
    Several { names: String },
    #[error("cannot listen on {address}")]
    Failed { address: Address, source: io::Error },
}

/// Sockets of one address, and the file where it is that of a Unix socket.
struct Bound {
    sockets: Vec<Socket>,
    address: Address,
    file: Option<SocketFile>,
}

/// Listen where a listener says, at a port with a socket for each of `workers`, among which the kernel spreads
/// connections. Where the port is `ours`, nobody else is looked for.
fn bind(config: &config::Listener, workers: usize, ours: bool) -> Result<Bound, BindError> {
    match &config.address {
        Address::Ip(address) => {
            let (sockets, address) = bind_ip(*address, &config.name, workers, ours)?;
            Ok(Bound { sockets, address: Address::Ip(address), file: None })
        }
        Address::Unix(path) => {
            let (socket, file) = bind_unix(path, config)?;
            Ok(Bound { sockets: vec![socket], address: config.address.clone(), file: Some(file) })
        }
    }
}

fn bind_ip(
    address: SocketAddr,
    name: &str,
    workers: usize,
    ours: bool,
) -> Result<(Vec<Socket>, SocketAddr), BindError> {
    let failed = |address| {
        move |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { name: name.to_owned(), address },
            _ => BindError::Failed { address: Address::Ip(address), source },
        }
    };
    // A socket that does not share its port finds out whether another process has it; those that share would not. It
    // never listens: whoever it received would be reset.
    if !ours {
        drop(socket(address, false).map_err(failed(address))?);
    }
    let mut sockets = Vec::with_capacity(workers);
    let mut bound = address;
    for _ in 0..workers {
        let socket = socket(bound, true).and_then(|socket| socket.listen(BACKLOG).map(|()| TcpListener::from(socket)));
        let socket = socket.map_err(failed(bound))?;
        bound = socket.local_addr().map_err(failed(bound))?;
        sockets.push(Socket::Tcp(socket));
    }
    Ok((sockets, bound))
}

/// One socket, which all workers accept from: the kernel spreads only ports.
fn bind_unix(path: &SocketPath, config: &config::Listener) -> Result<(Socket, SocketFile), BindError> {
    let (socket, file) = unix::bind(path.path(), config.mode).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::SocketTaken { name: config.name.clone(), path: path.clone() },
        _ => BindError::Failed { address: config.address.clone(), source },
    })?;
    Ok((Socket::Unix(socket), file))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    set_up(SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Connections have from their listener what is set here.
fn set_up(socket: SockRef<'_>) -> io::Result<()> {
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    socket.set_tcp_notsent_lowat(UNSENT)
}
