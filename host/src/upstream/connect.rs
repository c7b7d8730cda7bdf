//! Opening a connection: resolve, check the address, connect, shake hands, start HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::http1::Parts;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

use super::resolve::ResolveError;
use super::{Called, Server, Upstream, UpstreamTls};
use crate::config::{Host, Protocol, Target};
use crate::exchange::Body;
use crate::tls;

/// Bytes of a response head.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes of one response that wait for a slow client, and of all on one connection: enough for each of the usual
/// hundred streams, so that slow ones do not hold up the others.
const STREAM_WINDOW: u32 = 128 << 10;
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;
/// How long an HTTP/2 connection with requests on it may say nothing before it is asked whether it lives, and may take
/// to say so.
const PING_AFTER: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("cannot connect")]
    Io(#[from] io::Error),
    #[error("the server cannot be asked for by its name")]
    Name(#[from] InvalidDnsNameError),
    #[error("no TLS with the server")]
    Tls(#[source] io::Error),
    #[error("the server does not agree to HTTP/2")]
    NotHttp2,
    #[error("cannot start HTTP")]
    Http(#[from] hyper::Error),
}

impl ConnectError {
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Tls(_) | Self::NotHttp2)
    }
}

/// A connection that takes requests.
pub(super) enum Connected {
    Http1(http1::SendRequest<Body>, oneshot::Receiver<Upgraded>),
    Http2(http2::SendRequest<Body>),
}

/// A connection that both sides agreed to use for something else than HTTP/1.1 from here on.
pub(crate) struct Upgraded {
    pub(crate) stream: Box<dyn Duplex>,
    /// What the upstream has sent of it already.
    pub(crate) ahead: Bytes,
}

/// Bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Duplex for S {}

/// Connect to a target of `upstream`. `protocol` is what it is spoken to in, or HTTP/1.1 where only that will do.
pub(super) async fn connect(
    upstream: &Upstream,
    server: &Server,
    protocol: Protocol,
) -> Result<Connected, ConnectError> {
    let settings = &upstream.settings;
    if let Some(stream) = upstream.network.within(Called::Upstream) {
        return start(stream?, false).await;
    }
    // Addresses and sockets were checked with the configuration.
    let target = match &server.target {
        Target::Origin(origin) => origin,
        Target::Unix(path) => return start(UnixStream::connect(path.path()).await?, protocol == Protocol::Http2).await,
    };
    let stream = match &target.host {
        Host::Ip(address) => TcpStream::connect(SocketAddr::new(*address, target.port)).await?,
        Host::Name(name) => {
            let (ttl, patience) = (settings.dns_ttl, settings.connect_timeout);
            server.addresses.connect(name, target.port, &settings.bounds, ttl, patience).await?
        }
    };
    stream.set_nodelay(true)?;
    match &settings.tls {
        None => start(stream, protocol == Protocol::Http2).await,
        Some(settings) => {
            let stream = shake_hands(stream, settings, &target.host, protocol).await?;
            let http2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
            if protocol == Protocol::Http2 && !http2 {
                return Err(ConnectError::NotHttp2);
            }
            start(stream, http2).await
        }
    }
}

async fn shake_hands(
    stream: TcpStream,
    settings: &UpstreamTls,
    host: &Host,
    protocol: Protocol,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, ConnectError> {
    let name = match settings.server_name.as_ref().unwrap_or(host) {
        Host::Name(name) => ServerName::try_from(name.clone())?,
        Host::Ip(address) => ServerName::from(*address),
    };
    let mut config = Arc::clone(settings.client.config());
    if protocol == Protocol::Http1 && config.alpn_protocols != [tls::HTTP_1_1] {
        Arc::make_mut(&mut config).alpn_protocols = vec![tls::HTTP_1_1.to_vec()];
    }
    TlsConnector::from(config).connect(name, stream).await.map_err(ConnectError::Tls)
}

async fn start<S>(stream: S, is_http2: bool) -> Result<Connected, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    // Errors reach whoever waits for a response; with nobody waiting they mean only that the connection is gone.
    if is_http2 {
        let (sender, connection) = http2::Builder::new(OnThisThread)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD as u32)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        return Ok(Connected::Http2(sender));
    }
    let (sender, mut connection) = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
    let (over, upgraded) = oneshot::channel();
    tokio::task::spawn_local(async move {
        if (&mut connection).await.is_ok() && !over.is_closed() {
            let Parts { io, read_buf: ahead, .. } = connection.into_parts();
            // Whoever asked for it may have gone.
            drop(over.send(Upgraded { stream: Box::new(io.into_inner()), ahead }));
        }
    });
    Ok(Connected::Http1(sender, upgraded))
}

/// Runs the streams of a connection on the thread it belongs to.
#[derive(Clone)]
struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
