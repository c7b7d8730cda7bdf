//! Certificates of the test's own, and clients that use them.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::{Client, PATIENCE};

/// Someone who signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, both in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

/// How a client shakes hands.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    identity: Option<Certificate>,
    protocols: Vec<Vec<u8>>,
}

/// A client inside TLS.
pub type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

static PROVIDER: LazyLock<Arc<rustls::crypto::CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "An authority of the tests");
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A certificate for these host names.
    pub fn issue(&self, hosts: &[&str]) -> Certificate {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        self.sign(CertificateParams::new(hosts).unwrap())
    }

    /// One that was good for a year, long ago.
    pub fn issue_expired(&self, host: &str) -> Certificate {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2001, 1, 1), rcgen::date_time_ymd(2002, 1, 1));
        self.sign(params)
    }

    /// A certificate for a client.
    pub fn issue_to(&self, name: &str, uri: &str) -> Certificate {
        self.issue_until(name, uri, rcgen::date_time_ymd(4096, 1, 1).into())
    }

    /// One that ends then, to the second.
    pub fn issue_until(&self, name: &str, uri: &str, end: SystemTime) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = end.into();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certificate { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Connect to a gateway, asking for `host`, and trust nobody else.
    pub fn connect(&self, address: SocketAddr, host: &str, handshake: &Handshake) -> std::io::Result<TlsClient> {
        self.over(TcpStream::connect(address)?, host, handshake)
    }

    /// As `connect`, over a connection made elsewhere.
    pub fn over(&self, stream: TcpStream, host: &str, handshake: &Handshake) -> std::io::Result<TlsClient> {
        let address = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::new(self.config(handshake)), name).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Client::inside(address, stream))
    }

    pub fn config(&self, handshake: &Handshake) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &handshake.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        config.alpn_protocols = handshake.protocols.clone();
        config
    }
}

impl Certificate {
    /// As it is shown to clients.
    pub fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap().to_vec()
    }
}

impl Handshake {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn showing(mut self, identity: &Certificate) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    pub fn offering(mut self, protocol: &str) -> Self {
        self.protocols.push(protocol.as_bytes().to_vec());
        self
    }
}
