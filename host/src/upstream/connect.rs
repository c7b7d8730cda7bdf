//! Opening a connection: resolve, check the address, connect, start HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use crate::config::{Host, Target};
use crate::exchange::Body;

/// Bytes of a response head.
const MAX_HEAD: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the name has no address")]
    NoAddress,
    /// Link-local addresses hold cloud metadata; a name may come to point there after it was checked.
    #[error("the name points to an address upstreams may not have")]
    Forbidden,
    #[error("cannot connect")]
    Io(#[from] io::Error),
    #[error("cannot start HTTP")]
    Http(#[from] hyper::Error),
}

pub(super) async fn connect(target: &Target) -> Result<SendRequest<Body>, ConnectError> {
    let stream = match &target.host {
        Host::Ip(address) => TcpStream::connect(SocketAddr::new(*address, target.port)).await?,
        Host::Name(name) => by_name(name, target.port).await?,
    };
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // Errors reach whoever waits for a response; with nobody waiting they mean only that the connection is gone.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn by_name(name: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::NoAddress;
    for address in lookup_host((name, port)).await? {
        if is_link_local(address.ip()) {
            last = ConnectError::Forbidden;
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
