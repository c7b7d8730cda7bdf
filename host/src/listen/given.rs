//! Sockets that the service manager has opened and keeps: who connects while no gateway runs waits there for the next.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

use super::{Offer, Socket, set_up};
use crate::config::Address;

/// What the environment says is there, by the protocol of `sd_listen_fds(3)`. Takes it from the environment: to be
/// called before there are threads.
pub(crate) fn given() -> io::Result<Vec<Offer>> {
    let mut sockets = ListenFd::from_env();
    (0..sockets.len()).map(|index| take(&mut sockets, index)).collect()
}

fn take(sockets: &mut ListenFd, index: usize) -> io::Result<Offer> {
    let (at, socket) = match sockets.take_tcp_listener(index) {
        Ok(Some(socket)) => of_tcp(socket)?,
        _ => of_unix(sockets.take_unix_listener(index)?.ok_or(io::ErrorKind::NotFound)?)?,
    };
    Ok(Offer { name: String::new(), address: at.clone(), at, sockets: vec![socket], lasts: true })
}

fn of_tcp(socket: TcpListener) -> io::Result<(Address, Socket)> {
    socket.set_nonblocking(true)?;
    set_up(socket2::SockRef::from(&socket))?;
    Ok((Address::Ip(socket.local_addr()?), Socket::Tcp(socket)))
}

fn of_unix(socket: UnixListener) -> io::Result<(Address, Socket)> {
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let path =
        address.as_pathname().and_then(|path| path.to_str()).ok_or_else(|| io::Error::other("it has no path"))?;
    Ok((format!("unix:{path}").parse().map_err(io::Error::other)?, Socket::Unix(socket)))
}
