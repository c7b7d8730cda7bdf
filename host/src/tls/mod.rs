//! TLS in both directions: certificates for clients, trust in upstreams, and what a client's certificate says.

mod client;
mod peer;
mod pem;
mod server;

use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};

pub(crate) use client::{Client, ClientParts, Trust};
pub(crate) use peer::ClientCertificate;
pub(crate) use pem::PemError;
pub(crate) use server::{ClientAuthority, Identity, IdentityParts, Server, Session};

/// The protocols agreed on during a handshake (RFC 7301, RFC 9113 section 3.1).
pub(crate) const H2: &[u8] = b"h2";
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";

/// The oldest version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MinVersion {
    Tls12,
    Tls13,
}

impl MinVersion {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static FROM_12: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Self::Tls12 => &FROM_12,
            Self::Tls13 => &FROM_12[..1],
        }
    }
}

/// Why TLS cannot be had as configured. Nothing in it comes from a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("the certificate cannot be read")]
    Certificate,
    #[error("the certificate is for no host name, so only the first of a listener could be like that")]
    NoNames,
    #[error("the key does not belong to the certificate")]
    OtherKey,
    #[error("the key cannot be used for TLS")]
    Key,
    #[error("there is no certificate of an authority in it")]
    NoAuthority,
    #[error("the system has no certificates of authorities")]
    NoSystemAuthorities,
    #[error("TLS cannot be set up: {0}")]
    Other(rustls::Error),
}

/// Cryptography for all TLS of the process.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}
