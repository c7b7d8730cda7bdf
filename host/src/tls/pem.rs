//! Certificates and private keys out of PEM text (RFC 7468).

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// More certificates than any chain or list of authorities has.
const MOST: usize = 1_000;

/// Why a text is no certificate or key. The text itself is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    #[error("it holds no certificate in PEM")]
    NoCertificate,
    #[error("it holds more than {MOST} certificates")]
    TooMany,
    #[error("it holds no private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)")]
    NoKey,
}

/// All certificates of a text, in its order.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        found.push(certificate.map_err(|_| PemError::NoCertificate)?);
        if found.len() > MOST {
            return Err(PemError::TooMany);
        }
    }
    if found.is_empty() { Err(PemError::NoCertificate) } else { Ok(found) }
}

/// The first private key of a text.
pub(super) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|_| PemError::NoKey)
}

/// Authorities, from the certificates of a text.
pub(super) fn authorities(text: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text)? {
        roots.add(certificate).map_err(|_| TlsError::NoAuthority)?;
    }
    Ok(roots)
}
