//! Opening a connection to a service: resolve once, check, connect to what was checked.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::ConnectError;
use super::idle::Sender;
use super::{Denial, Egress, EgressError};
use crate::config::{Host, Zone};
use crate::tls;
use crate::upstream::{Called, connect_first, lookup};

/// Bytes of the head of an answer.
const MAX_HEAD: usize = 32 * 1024;
/// How long an HTTP/2 connection with calls on it may say nothing before it is asked whether it lives, and may take to
/// say so.
const PING_AFTER: Duration = Duration::from_secs(2);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Lookups of a name that are under way at once. The system has no time limit of its own for them, and gives each a
/// thread: those of a name nobody answers for must not take all there are.
const MAX_LOOKUPS: usize = 4;

/// Finds the addresses of a name.
pub(super) struct Resolver {
    resolve: Box<Lookup>,
    room: Arc<Semaphore>,
}

type Lookup = dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync;

impl Resolver {
    /// As every other program of the machine does.
    pub(super) fn system() -> Self {
        Self::new(|name, port| async move { lookup(&name, port).await })
    }

    pub(super) fn new<F>(resolve: impl Fn(String, u16) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let resolve: Box<Lookup> = Box::new(move |name, port| Box::pin(resolve(name, port)));
        Self { resolve, room: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }

    /// A lookup goes on when nobody waits for it any more, so it keeps its place until it ends.
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let place = self.room.clone().acquire_owned().await.map_err(io::Error::other)?;
        let lookup = (self.resolve)(name.to_owned(), port);
        let found = tokio::spawn(async move {
            let found = lookup.await;
            drop(place);
            found
        });
        found.await.map_err(io::Error::other)?
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Egress {
    pub(super) async fn connect(&self) -> Result<Sender, EgressError> {
        let limit = self.settings.terms.connect_timeout;
        timeout(limit, self.open(limit)).await.unwrap_or(Err(ConnectError::Timeout.into()))
    }

    async fn open(&self, patience: Duration) -> Result<Sender, EgressError> {
        if let Some(stream) = self.network.within(Called::Service(&self.settings.name)) {
            return Ok(start(stream.map_err(ConnectError::Io)?, false).await?);
        }
        let origin = &self.settings.terms.endpoint.origin;
        let addresses = match &origin.host {
            Host::Ip(ip) => vec![SocketAddr::new(*ip, origin.port)],
            Host::Name(name) => self.resolver.addresses(name, origin.port).await.map_err(ConnectError::Resolve)?,
        };
        let checked = self.checked(addresses)?;
        let stream = connect_first(&checked, patience).await.map_err(ConnectError::Io)?;
        stream.set_nodelay(true).map_err(ConnectError::Io)?;
        let sender = match &self.settings.tls {
            None => start(stream, false).await?,
            Some(client) => {
                let stream = shake_hands(stream, client, &origin.host).await?;
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
                start(stream, is_http2).await?
            }
        };
        Ok(sender)
    }

    /// Those that may be connected to. What they are connected to is one of these numbers, whatever the name comes to
    /// mean meanwhile.
    fn checked(&self, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, EgressError> {
        let mut denial = None;
        addresses.retain(|address| match self.check(*address) {
            Ok(()) => true,
            Err(why) => {
                denial = Some(why);
                false
            }
        });
        match denial {
            _ if !addresses.is_empty() => Ok(addresses),
            Some(denial) => Err(denial.into()),
            None => Err(ConnectError::NoAddress.into()),
        }
    }

    fn check(&self, address: SocketAddr) -> Result<(), Denial> {
        self.settings.bounds.check_address(address).map_err(Denial::Address)?;
        if self.settings.terms.admits(Zone::of(address.ip())) { Ok(()) } else { Err(Denial::Zone) }
    }
}

async fn shake_hands(
    stream: TcpStream,
    client: &tls::Client,
    host: &Host,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, ConnectError> {
    let name = match host {
        Host::Name(name) => ServerName::try_from(name.clone())?,
        Host::Ip(ip) => ServerName::from(*ip),
    };
    TlsConnector::from(Arc::clone(client.config())).connect(name, stream).await.map_err(ConnectError::Tls)
}

/// What goes wrong with a connection is told to whoever waits for an answer; its task ends when nobody can.
async fn start<S>(stream: S, is_http2: bool) -> Result<Sender, ConnectError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if is_http2 {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEAD as u32)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(ConnectError::Http)?;
        tokio::spawn(async move { drop(connection.await) });
        return Ok(Sender::Http2(sender));
    }
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(ConnectError::Http)?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(Sender::Http1(sender))
}
