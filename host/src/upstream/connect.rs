//! Opening a connection: resolve, check the address, connect, start HTTP.

use std::io;
use std::net::SocketAddr;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use crate::config::{Host, Refusal, Target, UpstreamBounds};
use crate::exchange::Body;

/// Bytes of a response head.
const MAX_HEAD: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the name has no address")]
    NoAddress,
    /// A name may come to point anywhere after the configuration was checked.
    #[error("the name points to an address that {0}")]
    Forbidden(Refusal),
    #[error("cannot connect")]
    Io(#[from] io::Error),
    #[error("cannot start HTTP")]
    Http(#[from] hyper::Error),
}

pub(super) async fn connect(target: &Target, bounds: &UpstreamBounds) -> Result<SendRequest<Body>, ConnectError> {
    let stream = match &target.host {
        // Checked with the configuration.
        Host::Ip(address) => TcpStream::connect(SocketAddr::new(*address, target.port)).await?,
        Host::Name(name) => by_name(name, target.port, bounds).await?,
    };
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // Errors reach whoever waits for a response; with nobody waiting they mean only that the connection is gone.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn by_name(name: &str, port: u16, bounds: &UpstreamBounds) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::NoAddress;
    for address in lookup_host((name, port)).await? {
        if let Err(refusal) = bounds.check_address(address) {
            last = ConnectError::Forbidden(refusal);
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_to_the_gateway_itself_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = UpstreamBounds::new(None, vec![address]);
        assert!(matches!(by_name("localhost", address.port(), &own).await, Err(ConnectError::Forbidden(Refusal::Own))));
        assert!(by_name("localhost", address.port(), &UpstreamBounds::default()).await.is_ok());
    }
}
