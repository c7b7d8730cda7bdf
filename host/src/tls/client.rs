//! How upstreams are known, and how the gateway makes itself known to them.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use super::{H2, HTTP_1_1, MinVersion, TlsError, pem, provider};

/// TLS towards the targets of an upstream, with sessions of its own.
#[derive(Debug)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    digest: [u8; 32],
}

/// What it is made of, in PEM.
pub(crate) struct ClientParts<'a> {
    pub(crate) trust: Trust<'a>,
    /// The gateway's own certificate and key.
    pub(crate) identity: Option<(&'a [u8], &'a [u8])>,
    pub(crate) min_version: MinVersion,
    pub(crate) http1: bool,
    pub(crate) http2: bool,
}

/// Whom to take for an upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// Who has a certificate by an authority the operating system trusts.
    System,
    /// Who has one by these.
    Authorities(&'a [u8]),
    /// Anybody.
    Anyone,
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Client {
    pub(crate) fn new(parts: &ClientParts<'_>) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(parts.min_version.versions())
            .map_err(TlsError::Other)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier(parts.trust)?);
        let mut config = match parts.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, key) = (pem::certificates(certificate)?, pem::private_key(key)?);
                builder.with_client_auth_cert(chain, key).map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => TlsError::OtherKey,
                    rustls::Error::General(_) => TlsError::Key,
                    other => TlsError::Other(other),
                })?
            }
        };
        let offered = [(parts.http2, H2), (parts.http1, HTTP_1_1)].into_iter().filter(|(offered, _)| *offered);
        config.alpn_protocols = offered.map(|(_, protocol)| protocol.to_vec()).collect();
        Ok(Self { config: Arc::new(config), digest: parts.digest() })
    }

    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Whether it was made of these parts.
    pub(crate) fn is_of(&self, parts: &ClientParts<'_>) -> bool {
        self.digest == parts.digest()
    }
}

impl ClientParts<'_> {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let (certificate, key) = self.identity.unwrap_or_default();
        let (kind, authorities) = match self.trust {
            Trust::System => ("system", &[][..]),
            Trust::Authorities(authorities) => ("authorities", authorities),
            Trust::Anyone => ("anyone", &[][..]),
        };
        for part in [certificate, key, authorities] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.update(format!("{kind} {:?} {} {}", self.min_version, self.http1, self.http2));
        digest.finalize().into()
    }
}

fn verifier(trust: Trust<'_>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let roots = match trust {
        Trust::System => system_authorities()?,
        Trust::Authorities(text) => pem::authorities(text)?,
        Trust::Anyone => return Ok(Arc::new(Anyone(provider()))),
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    Ok(verifier.map_err(|_| TlsError::NoAuthority)?)
}

/// What the system trusts, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name. A broken one among them is left out.
fn system_authorities() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoSystemAuthorities) } else { Ok(roots) }
}

/// Takes every certificate, but only from who holds its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
