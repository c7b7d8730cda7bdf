//! One request after the other over a connection to the server, whatever the protocol.

use std::rc::Rc;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite::TLS13_AES_128_GCM_SHA256, kx_group::X25519};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::http1::Http1;
use crate::http2::Http2;
use crate::{Options, Outcome};

/// A connection, or one of several places on an HTTP/2 connection.
pub(crate) struct Line {
    way: Rc<Way>,
    connection: Option<Connection>,
    turn: usize,
}

enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// Where connections lead, and what is asked for there.
struct Way {
    address: std::net::SocketAddr,
    tls: Option<TlsConnector>,
    http2: bool,
    fresh: bool,
    paths: Vec<String>,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl Line {
    /// Open all connections, and ask once on each.
    pub(crate) async fn open(options: &Options) -> Outcome<Vec<Self>> {
        let protocol = if options.streams.is_some() { "h2" } else { "http/1.1" };
        let tls = options.trust.as_ref().map(|path| trusting(CertificateDer::from_pem_file(path)?, protocol));
        let way = Rc::new(Way {
            address: options.address,
            tls: tls.transpose()?,
            http2: options.streams.is_some(),
            fresh: options.fresh,
            paths: options.paths.clone(),
        });
        let mut lines = Vec::new();
        for _ in 0..options.connections {
            let mut first = Self { way: way.clone(), connection: None, turn: lines.len() };
            first.ask().await?;
            for place in 1..options.streams.unwrap_or(1) {
                lines.push(first.beside(place));
            }
            lines.push(first);
        }
        Ok(lines)
    }

    /// Another place on the same connection.
    fn beside(&self, place: usize) -> Self {
        let connection = match &self.connection {
            Some(Connection::Http2(http2)) => Some(Connection::Http2(http2.clone())),
            _ => None,
        };
        Self { way: self.way.clone(), connection, turn: self.turn + place }
    }

    /// Ask for the next path and wait for the whole answer, which must be 200. A connection that failed is not used
    /// again.
    pub(crate) async fn ask(&mut self) -> Outcome<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.way.connect().await?,
        };
        self.turn += 1;
        let path = &self.way.paths[self.turn % self.way.paths.len()];
        let status = match &mut connection {
            Connection::Http1(http1) => http1.get(path).await?,
            Connection::Http2(http2) => http2.get(path).await?,
        };
        if status != 200 {
            return Err(format!("{path} was answered with status {status}").into());
        }
        if !self.way.fresh {
            self.connection = Some(connection);
        }
        Ok(())
    }
}

impl Way {
    async fn connect(&self) -> Outcome<Connection> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost")?, tcp).await?),
            None => Box::new(tcp),
        };
        if self.http2 {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            return Ok(Connection::Http2(Http2::open(stream, scheme).await?));
        }
        Ok(Connection::Http1(Http1::new(stream)))
    }
}

/// TLS that leaves the server no choice: version, cipher suite and group are the same whoever it is, and no session is
/// resumed.
fn trusting(certificate: CertificateDer<'static>, protocol: &str) -> Outcome<TlsConnector> {
    let provider = CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![X25519],
        ..aws_lc_rs::default_provider()
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let builder =
        ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
